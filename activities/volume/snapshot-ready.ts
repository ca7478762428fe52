import { CaravelError } from '../../core/errors/catalog.ts';
import type { VolumeCut } from '../../core/model.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { allowance } from '../support/allowance.ts';
import type { SnapshotContent } from './snapshot-objects.ts';

/** The wait for a snapshot that stays in the storage: it must be usable before it is a part of the backup. */

/** Both count from the making of the object, whichever attempt looks. */
export interface Patience {
  /** For as long the driver may report errors: it goes on by itself. */
  patienceMs: number;
  /** Some storage copies a snapshot away before it can be used. */
  limitMs: number;
}

export const patienceOf = (spec: {
  csiSnapshotTimeout?: string;
  itemOperationTimeout?: string;
}): Patience => ({
  patienceMs: allowance(spec.csiSnapshotTimeout, TIMEOUTS.csiSnapshot),
  limitMs: allowance(spec.itemOperationTimeout, TIMEOUTS.itemOperation),
});

type Cut = Pick<VolumeCut, 'snapshot' | 'content'>;

export async function ready(
  kube: KubeClient,
  cut: Cut,
  { patienceMs, limitMs }: Patience,
  signal: AbortSignal,
): Promise<void> {
  const made = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, cut.content);
  if (!made) throw snapshotGone(`VolumeSnapshotContent ${cut.content}`);
  const isReady = ({ status }: SnapshotContent) => (status?.readyToUse ? true : undefined);
  if (isReady(made)) return;
  const settled = (content: SnapshotContent) =>
    isReady(content) ?? (content.status?.error ? false : undefined);
  const age = ageOf(made);
  const left = (ms: number) => Math.max(1, ms - age);
  const patience = Math.min(patienceMs, limitMs);
  const good =
    (await whenContent(kube, cut, { timeoutMs: left(patience), signal }, isReady)) ??
    (await whenContent(kube, cut, { timeoutMs: left(limitMs) - left(patience) + 1, signal }, settled));
  if (good) return;
  const content = await kube.find<SnapshotContent>(GVRS.volumesnapshotcontents, undefined, cut.content);
  const said = content?.status?.error?.message;
  const message = `snapshot ${cut.snapshot}: ${said ?? 'not ready to use within spec.itemOperationTimeout'}`;
  throw new CaravelError(said ? 'SnapshotFailed' : 'SnapshotTimeout', message, { retryable: false });
}

/** Milliseconds since an object was made. */
export const ageOf = ({ metadata }: KubeObject): number =>
  Date.now() - Date.parse(metadata.creationTimestamp ?? new Date().toISOString());

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
