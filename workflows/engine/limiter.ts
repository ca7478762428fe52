import {
  allHandlersFinished,
  condition,
  continueAsNew,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { SIGNALS } from '../../contracts/messages.ts';
import type { SlotRelease, SlotRequest } from '../../contracts/messages.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { askForSlot, canGrant, giveBackSlots, grantNext, noSlots } from '../../core/volume/slots.ts';
import type { Slots } from '../../core/volume/slots.ts';
import { short } from '../support/proxies.ts';

const requestSlot = defineSignal<[SlotRequest]>(SIGNALS.requestSlot);
const releaseSlot = defineSignal<[SlotRelease]>(SIGNALS.releaseSlot);
const slotGranted = defineSignal(SIGNALS.slotGranted);

/** Owner of the cluster's mover slots: grants by signal, takes back from holders that ended without a word. */
export async function limiter(slots: Slots = noSlots()): Promise<void> {
  setHandler(requestSlot, ({ holder, limit }) => {
    askForSlot(slots, holder, limit);
  });
  setHandler(releaseSlot, ({ holder }) => {
    giveBackSlots(slots, [holder]);
  });
  const idle = () => slots.holders.length === 0 && slots.queue.length === 0;
  while (!idle() || !workflowInfo().continueAsNewSuggested) {
    await grant(slots);
    const changed = await condition(() => canGrant(slots), TIMEOUTS.limiterSweep);
    if (!changed && !idle()) await sweep(slots);
    if (!changed && idle()) return;
    if (workflowInfo().continueAsNewSuggested) break;
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof limiter>(slots);
}

async function grant(slots: Slots): Promise<void> {
  for (let holder = grantNext(slots); holder !== undefined; holder = grantNext(slots)) {
    const told = await getExternalWorkflowHandle(holder)
      .signal(slotGranted)
      .then(() => true)
      .catch(() => false);
    if (!told) giveBackSlots(slots, [holder]);
  }
}

async function sweep(slots: Slots): Promise<void> {
  giveBackSlots(slots, await short.endedWorkflows([...slots.holders, ...slots.queue]));
}
