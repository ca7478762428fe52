import { sleep } from '@temporalio/activity';
import { ITEM_RETRY } from '../../contracts/settings.ts';
import { isConflict, KubeError, toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient } from '../../platform/kube/types.ts';

/** Trouble of one object, as opposed to an outage: it goes into the results, and the restore goes on. */
export class ItemTrouble extends Error {
  constructor(cause: KubeError) {
    super(cause.message, { cause });
    this.name = 'ItemTrouble';
  }
}

const UNSERVED = 'could not find the requested resource';

/** Might the same request succeed a little later? */
function mayPass(error: KubeError): boolean {
  const { code, message } = error;
  // A type whose definition was made a moment ago is not known to every API server at once.
  if (code === 404) return message.includes(UNSERVED);
  return code === 0 || code === 401 || code === 408 || code === 429 || code >= 500 || isConflict(error);
}

/**
 * Makes a request for one object, several times through blips. What still fails then is told apart by reading
 * something else: when the API answers, the trouble is the object's own (a webhook that is down, say); when it does not,
 * the outage is thrown for the whole step to wait out.
 */
export async function forItem<T>(
  kube: KubeClient,
  signal: AbortSignal,
  request: () => Promise<T>,
): Promise<T> {
  let wait: number = ITEM_RETRY.initialIntervalMs;
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted();
    try {
      return await request();
    } catch (error) {
      if (!(error instanceof KubeError) || !mayPass(error)) throw error;
      if (attempt >= ITEM_RETRY.attempts) throw await blame(kube, error);
      const asked = (error.retryAfterSeconds ?? 0) * 1000;
      await sleep(Math.min(Math.max(asked, wait), ITEM_RETRY.maximumIntervalMs));
      wait *= 2;
    }
  }
}

async function blame(kube: KubeClient, error: KubeError): Promise<Error> {
  // No answer, no credentials, too many requests: never about one object.
  if (error.code === 0 || error.code === 401 || error.code === 429) return toCaravelError(error);
  try {
    // Not `version`, which is answered without the database.
    await kube.find(GVRS.namespaces, undefined, 'default');
    return new ItemTrouble(error);
  } catch {
    return toCaravelError(error);
  }
}
