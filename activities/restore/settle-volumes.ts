import { LIMITS, TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { problem } from '../../core/problems.ts';
import type { Problem } from '../../core/problems.ts';
import { itemOfClaim } from '../../core/restore/outcome.ts';
import type { RecoveredClaim } from '../../core/restore/outcome.ts';
import { volumeSettings } from '../../core/restore/volume-settings.ts';
import { partOf, textOf } from '../../core/transform/manifest.ts';
import type { Manifest } from '../../core/transform/manifest.ts';
import { KubeWaitTimeout, toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import { forItem } from './item-retry.ts';
import { inLanes } from '../support/lanes.ts';

/** Gives filled volumes the reclaim policy and the labels that the old ones had; learns their names on the way. */
export async function settleVolumes(
  kube: KubeClient,
  claims: readonly RecoveredClaim[],
  signal: AbortSignal,
): Promise<{ claims: RecoveredClaim[]; problems: Problem[] }> {
  const settled: RecoveredClaim[] = [];
  const problems: Problem[] = [];
  await inLanes(
    claims,
    LIMITS.applyParallel,
    async (claim) => {
      if (!claim.outcome?.ok) return { claim };
      try {
        return { claim: { ...claim, volume: await settleVolume(kube, claim, signal) } };
      } catch (error) {
        return { claim, fault: faultOf(claim, error, signal) };
      }
    },
    ({ claim, fault }) => {
      settled.push(claim);
      if (fault) problems.push(fault);
    },
  );
  return { claims: settled, problems };
}

/** An outage ends the step, which is tried again; anything else is the volume's own. */
function faultOf({ plan }: RecoveredClaim, error: unknown, signal: AbortSignal): Problem {
  const known = toCaravelError(error);
  if (signal.aborted || (known instanceof CaravelError && known.retryable)) throw error;
  const code = known instanceof CaravelError ? known.code : 'KubeInvalid';
  const message = `fail to patch dynamic PV, err: ${messageOf(error)}, PVC: ${plan.claim}`;
  return problem('error', 'finishRestore', code, message, itemOfClaim(plan));
}

async function settleVolume(
  kube: KubeClient,
  { plan }: RecoveredClaim,
  signal: AbortSignal,
): Promise<string> {
  const name = await boundVolume(kube, plan, signal);
  if (!plan.pvInfo) return name;
  const volume = await forItem(kube, signal, () =>
    kube.get<Manifest>(GVRS.persistentvolumes, undefined, name),
  );
  const patch = volumeSettings(volume, plan.pvInfo);
  if (patch) {
    await forItem(kube, signal, () =>
      kube.patch(GVRS.persistentvolumes, undefined, name, patch, { type: 'merge' }),
    );
  }
  return name;
}

async function boundVolume(
  kube: KubeClient,
  { namespace, claim }: RecoveredClaim['plan'],
  signal: AbortSignal,
): Promise<string> {
  try {
    return await kube.waitFor<Manifest, string>(
      GVRS.persistentvolumeclaims,
      namespace,
      claim,
      (object) => {
        const volume = textOf(partOf(object?.['spec'])['volumeName']);
        return partOf(object?.['status'])['phase'] === 'Bound' && volume !== '' ? volume : undefined;
      },
      { timeoutMs: TIMEOUTS.release, signal },
    );
  } catch (error) {
    if (!(error instanceof KubeWaitTimeout)) throw error;
    throw new CaravelError('ClaimNotBound', `claim ${namespace}/${claim} is not bound`, { cause: error });
  }
}
