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
import { short } from '../support/proxies.ts';

const requestSlot = defineSignal<[SlotRequest]>(SIGNALS.requestSlot);
const releaseSlot = defineSignal<[SlotRelease]>(SIGNALS.releaseSlot);
const slotGranted = defineSignal(SIGNALS.slotGranted);

export interface LimiterState {
  /** Workflow ids that hold a slot. */
  holders: string[];
  /** Waiting workflow ids, first come first served. */
  queue: string[];
  limit: number;
}

/** Owner of the cluster's mover slots: grants by signal, takes back from holders that ended without a word. */
export async function limiter(state: LimiterState = { holders: [], queue: [], limit: 1 }): Promise<void> {
  setHandler(requestSlot, ({ holder, limit }) => {
    state.limit = limit;
    // Asked again after a retry: granted again, since the first grant may have been lost with the asker's worker.
    if (state.holders.includes(holder)) state.holders = state.holders.filter((id) => id !== holder);
    if (!state.queue.includes(holder)) state.queue.push(holder);
  });
  setHandler(releaseSlot, ({ holder }) => {
    state.holders = state.holders.filter((id) => id !== holder);
    state.queue = state.queue.filter((id) => id !== holder);
  });
  const idle = () => state.holders.length === 0 && state.queue.length === 0;
  while (!idle() || !workflowInfo().continueAsNewSuggested) {
    await grant(state);
    const changed = await condition(
      () => state.queue.length > 0 && state.holders.length < state.limit,
      TIMEOUTS.limiterSweep,
    );
    if (!changed && !idle()) await sweep(state);
    if (!changed && idle()) return;
    if (workflowInfo().continueAsNewSuggested) break;
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof limiter>(state);
}

async function grant(state: LimiterState): Promise<void> {
  while (state.queue.length > 0 && state.holders.length < state.limit) {
    const holder = state.queue.shift() as string;
    state.holders.push(holder);
    const told = await getExternalWorkflowHandle(holder)
      .signal(slotGranted)
      .then(() => true)
      .catch(() => false);
    if (!told) state.holders = state.holders.filter((id) => id !== holder);
  }
}

async function sweep(state: LimiterState): Promise<void> {
  const ended = await short.endedWorkflows([...state.holders, ...state.queue]);
  state.holders = state.holders.filter((id) => !ended.includes(id));
  state.queue = state.queue.filter((id) => !ended.includes(id));
}
