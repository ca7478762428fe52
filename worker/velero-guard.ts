import { setTimeout as delay } from 'node:timers/promises';
import { besideVelero } from '../activities/engine/beside-velero.ts';
import { TIMEOUTS } from '../contracts/settings.ts';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import type { KubeClient } from '../platform/kube/types.ts';
import type { Log } from '../platform/log/log.ts';

/**
 * Two servers on the same resources would each undo what the other does, so a worker does not start where Velero
 * runs. An API server that does not answer is waited for.
 */
export async function refuseBesideVelero(kube: KubeClient, namespace: string, log: Log): Promise<void> {
  for (;;) {
    try {
      const refused = await besideVelero(kube, namespace);
      if (!refused) return;
      throw refused;
    } catch (error) {
      if (error instanceof CaravelError && error.code === 'VeleroRunning') throw error;
      log.warn('the API server does not answer yet', { error: messageOf(error) });
      await delay(TIMEOUTS.controllerRetry);
    }
  }
}
