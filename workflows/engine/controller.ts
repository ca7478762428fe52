import { continueAsNew, isCancellation, sleep } from '@temporalio/workflow';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { watcher } from '../support/proxies.ts';

/**
 * Singleton of a control namespace. The watch itself is an activity, so that the worker that runs it may die at any
 * moment; it only starts and cancels runs by id, so two of them at once do no harm.
 */
export async function controller(input: { cluster: string; namespace: string }): Promise<void> {
  try {
    await watcher.watchResources(input);
  } catch (error) {
    if (isCancellation(error)) throw error;
    await sleep(TIMEOUTS.controllerRetry);
  }
  await continueAsNew<typeof controller>(input);
}
