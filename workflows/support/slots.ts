import {
  CancellationScope,
  condition,
  defineSignal,
  getExternalWorkflowHandle,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import { limiterWorkflowId } from '../../contracts/ids.ts';
import { SIGNALS } from '../../contracts/messages.ts';
import type { SlotRelease } from '../../contracts/messages.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { short } from './proxies.ts';

const slotGranted = defineSignal(SIGNALS.slotGranted);
const releaseSlot = defineSignal<[SlotRelease]>(SIGNALS.releaseSlot);

/**
 * The one seam for limits: waits until the cluster's limiter grants a slot, works, gives it back. Waiting is not
 * running: nothing exists yet that others would have to wait for. A holder that dies is noticed by the limiter.
 */
export async function withSlot<T>(cluster: string, limit: number, work: () => Promise<T>): Promise<T> {
  const holder = workflowInfo().workflowId;
  let granted = false;
  setHandler(slotGranted, () => {
    granted = true;
  });
  try {
    do await short.requestSlot({ cluster, holder, limit });
    while (!(await condition(() => granted, TIMEOUTS.askAgain)));
    return await work();
  } finally {
    await CancellationScope.nonCancellable(async () => {
      const limiter = getExternalWorkflowHandle(limiterWorkflowId(cluster));
      // A limiter that is gone keeps no slot; the next request starts a new one.
      await limiter.signal(releaseSlot, { holder }).catch(() => undefined);
    });
  }
}
