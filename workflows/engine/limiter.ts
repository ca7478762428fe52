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
import type { LockGrant, SlotRelease, SlotRequest } from '../../contracts/messages.ts';
import type { Execution } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import {
  askForLock,
  canLock,
  dropLost,
  giveBackLock,
  keepersOf,
  lockNext,
  noLocks,
} from '../../core/volume/locks.ts';
import type { LockClaim, LockId, Locks } from '../../core/volume/locks.ts';
import { askForSlot, canGrant, giveBackSlots, grantNext, noSlots } from '../../core/volume/slots.ts';
import type { Slots } from '../../core/volume/slots.ts';
import { short } from '../support/proxies.ts';

const requestSlot = defineSignal<[SlotRequest]>(SIGNALS.requestSlot);
const releaseSlot = defineSignal<[SlotRelease]>(SIGNALS.releaseSlot);
const slotGranted = defineSignal(SIGNALS.slotGranted);
const requestLock = defineSignal<[LockClaim]>(SIGNALS.requestLock);
const releaseLock = defineSignal<[LockId]>(SIGNALS.releaseLock);
const lockGranted = defineSignal<[LockGrant]>(SIGNALS.lockGranted);

/** What is lent out in a cluster. */
interface Lent {
  slots: Slots;
  locks: Locks;
}

/**
 * Owner of the cluster's mover slots and named locks: grants by signal, takes back from holders that ended without a
 * word.
 */
export async function limiter(lent: Lent = { slots: noSlots(), locks: noLocks() }): Promise<void> {
  listen(lent);
  let swept = Date.now();
  const longEnough = () => workflowInfo().continueAsNewSuggested;
  while (!longEnough()) {
    await grantAll(lent);
    const left = Math.max(1, swept + TIMEOUTS.limiterSweep - Date.now());
    if (await condition(() => somethingToGrant(lent) || longEnough(), left)) continue;
    if (isIdle(lent)) return;
    await sweep(lent);
    swept = Date.now();
  }
  await condition(allHandlersFinished);
  await continueAsNew<typeof limiter>(lent);
}

function listen({ slots, locks }: Lent): void {
  setHandler(requestSlot, ({ holder, limit }) => {
    askForSlot(slots, holder, limit);
  });
  setHandler(releaseSlot, ({ holder }) => {
    giveBackSlots(slots, [holder]);
  });
  setHandler(requestLock, (claim) => {
    askForLock(locks, claim);
  });
  setHandler(releaseLock, (id) => {
    giveBackLock(locks, id);
  });
}

const somethingToGrant = ({ slots, locks }: Lent) => canGrant(slots) || canLock(locks);

const isIdle = ({ slots, locks }: Lent) =>
  [slots.holders, slots.queue, locks.held, locks.waiting].every((list) => list.length === 0);

/** Whoever cannot be told has ended. */
async function grantAll({ slots, locks }: Lent): Promise<void> {
  for (let holder = grantNext(slots); holder !== undefined; holder = grantNext(slots))
    if (!(await told({ workflowId: holder }, (handle) => handle.signal(slotGranted))))
      giveBackSlots(slots, [holder]);
  for (let claim = lockNext(locks); claim !== undefined; claim = lockNext(locks)) {
    const { holder, key } = claim;
    if (!(await told(holder, (handle) => handle.signal(lockGranted, { key })))) giveBackLock(locks, claim);
  }
}

async function told(
  { workflowId, runId }: Execution,
  tell: (handle: ReturnType<typeof getExternalWorkflowHandle>) => Promise<void>,
): Promise<boolean> {
  return await tell(getExternalWorkflowHandle(workflowId, runId)).then(
    () => true,
    () => false,
  );
}

async function sweep({ slots, locks }: Lent): Promise<void> {
  const movers = [...slots.holders, ...slots.queue].map((workflowId) => ({ workflowId }));
  const ended = await short.endedWorkflows([...movers, ...keepersOf(locks)]);
  // Slots are asked for under ids that never come again; of locks only what these executions keep is dropped.
  giveBackSlots(
    slots,
    ended.flatMap(({ workflowId, runId }) => (runId === undefined ? [workflowId] : [])),
  );
  dropLost(locks, ended);
}
