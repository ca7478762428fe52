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
import type { LockGrant } from '../../contracts/messages.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import type { Execution } from '../../contracts/run.ts';
import type { LockId } from '../../core/volume/locks.ts';

const lockGranted = defineSignal<[LockGrant]>(SIGNALS.lockGranted);
const releaseLock = defineSignal<[LockId]>(SIGNALS.releaseLock);

/** The named locks that this workflow asks the cluster's limiter for. One for each workflow: it listens to the grants. */
export class Locks {
  readonly #cluster: string;
  readonly #granted = new Set<string>();

  constructor(cluster: string) {
    this.#cluster = cluster;
    setHandler(lockGranted, ({ key }) => void this.#granted.add(key));
  }

  /** Waits until the claim with this key is granted; `ask` makes it, and may be called again. */
  async take(key: string, ask: (holder: Execution) => Promise<void>): Promise<void> {
    const granted = () => this.#granted.has(key);
    do await ask(own());
    while (!(await condition(granted, TIMEOUTS.askAgain)));
  }

  async giveBack(key: string): Promise<void> {
    await giveBackLock(this.#cluster, { holder: own(), key });
  }
}

/** Also of what was only asked for. One that is given back twice is nobody's loss. */
export async function giveBackLock(cluster: string, id: LockId): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    // A limiter that is gone holds nothing; the next request starts a new one.
    await getExternalWorkflowHandle(limiterWorkflowId(cluster))
      .signal(releaseLock, id)
      .catch(() => undefined);
  });
}

function own(): Execution {
  const { workflowId, runId } = workflowInfo();
  return { workflowId, runId };
}
