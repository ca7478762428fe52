import { CaravelError } from '../../core/errors/catalog.ts';
import type { VolumeCut } from '../../core/model.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import { allowance } from '../support/allowance.ts';
import type { SnapshotContent } from './snapshot-objects.ts';

/** The wait for a snapshot that stays in the storage: it must be usable before it is a part of the backup. */

export interface Patience {
  /** For as long the driver may report errors: it goes on by itself. */
  patienceMs: number;
  /** Some storage copies a snapshot away before it can be used. */
  limitMs: number;
  signal: AbortSignal;
}

export function patienceOf(
  spec: { csiSnapshotTimeout?: string; itemOperationTimeout?: string },
  signal: AbortSignal,
): Patience {
  return {
    patienceMs: allowance(spec.csiSnapshotTimeout, TIMEOUTS.csiSnapshot),
    limitMs: allowance(spec.itemOperationTimeout, TIMEOUTS.itemOperation),
    signal,
  };
}

type Cut = Pick<VolumeCut, 'snapshot' | 'content'>;

export async function ready(
  kube: KubeClient,
  cut: Cut,
  { patienceMs, limitMs, signal }: Patience,
): Promise<void> {
  const isReady = ({ status }: SnapshotContent) => (status?.readyToUse ? true : undefined);
  const settled = (content: SnapshotContent) =>
    isReady(content) ?? (content.status?.error ? false : undefined);
  const patience = Math.min(patienceMs, limitMs);
  const good =
    (await whenContent(kube, cut, { timeoutMs: patience, signal }, isReady)) ??
    (await whenContent(kube, cut, { timeoutMs: Math.max(1, limitMs - patience), signal }, settled));
  if (good) return;
  const content = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, cut.content);
  const said = content?.status?.error?.message;
  const message = `snapshot ${cut.snapshot}: ${said ?? 'not ready to use within spec.itemOperationTimeout'}`;
  throw new CaravelError(said ? 'SnapshotFailed' : 'SnapshotTimeout', message, { retryable: false });
}

/** Undefined when the time is over. */
async function whenContent(
  kube: KubeClient,
  cut: Cut,
  options: { timeoutMs: number; signal: AbortSignal },
  look: (content: SnapshotContent) => boolean | undefined,
): Promise<boolean | undefined> {
  const test = (content: SnapshotContent | undefined) => {
    if (content) return look(content);
    throw snapshotGone(`VolumeSnapshotContent ${cut.content}`);
  };
  try {
    return await kube.waitFor(GVRS.volumesnapshotcontents, undefined, cut.content, test, options);
  } catch (error) {
    if (error instanceof KubeWaitTimeout) return undefined;
    throw error;
  }
}

/** Somebody deleted it: no attempt will find it again. */
export const snapshotGone = (what: string, cause?: unknown): CaravelError =>
  new CaravelError('ObjectGone', `${what} was deleted meanwhile`, { cause });
