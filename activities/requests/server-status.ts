import { GVR } from '../../contracts/api/gvr.ts';
import type { ServerStatusRequest } from '../../contracts/api/requests.ts';
import { TIMEOUTS, VELERO_VERSION } from '../../contracts/settings.ts';
import { BUILT_IN } from '../../core/plugins.ts';
import { caravelVersion } from '../../platform/config/version.ts';
import { isConflict, isNotFound } from '../../platform/kube/errors.ts';
import { now } from '../run/status.ts';
import type { Deps } from '../support/deps.ts';

export const isOver = ({ status }: ServerStatusRequest): boolean =>
  status?.phase === 'Processed' &&
  Date.parse(status.processedTimestamp ?? '') + TIMEOUTS.statusAnswer <= Date.now();

/** The Velero whose API is served, and whose product serves it: command lines compare the first two numbers. */
const serverVersion = `${VELERO_VERSION}+caravel.${caravelVersion()}`;

export async function answerServerStatus(
  deps: Deps,
  { metadata, status }: ServerStatusRequest,
): Promise<void> {
  if (status?.phase === 'Processed') return;
  const { namespace, name, uid } = metadata;
  const answer = { phase: 'Processed', processedTimestamp: now(), serverVersion, plugins: BUILT_IN };
  try {
    await deps.kube.patch(GVR.serverStatusRequests, namespace, name, { metadata: { uid }, status: answer });
  } catch (error) {
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
}
