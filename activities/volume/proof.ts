import type { TransferSummary, VolumeRef } from '../../contracts/activities.ts';
import type { RunRef } from '../../contracts/run.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { VolumeOutcome } from '../../core/model.ts';
import { problem } from '../../core/problems.ts';
import { prove } from '../../platform/kopia/facts.ts';
import type { SnapshotManifest } from '../../platform/kopia/output.ts';
import { readRunSnapshots } from '../../platform/kopia/repository.ts';
import { volumePlan } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { repositoryOf } from '../support/location.ts';
import { Gathering } from './gathering.ts';
import { movementCredentials } from './repository.ts';

/** Success is what stands in the repository, read from the store by a process that sent nothing. */

/** Of this worker, by run and namespace. */
const readings = new Gathering<SnapshotManifest[]>(TIMEOUTS.gatherProofs);

const keyOf = (run: RunRef, namespace: string) => `${run.uid}/${namespace}`;

/** To be called when a transfer into the namespace's repository begins; what it returns, when it has ended. */
export const transferBegins = (run: RunRef, namespace: string): (() => void) =>
  readings.expect(keyOf(run, namespace));

/** The outcome as it is when what was sent has been looked for. */
export async function provenOutcome(
  deps: Deps,
  ref: VolumeRef & { outcome: VolumeOutcome; sent: TransferSummary },
  signal: AbortSignal,
): Promise<VolumeOutcome> {
  const { outcome } = ref;
  const from = Date.now();
  try {
    await proveSent(deps, ref, signal);
  } catch (error) {
    if (!(error instanceof CaravelError) || error.retryable) throw error;
    const { snapshotId: _, ...rest } = outcome;
    const failed = problem('error', 'recordOutcome', error.code, error.message);
    return { ...rest, ok: false, bytes: 0, bytesMoved: 0, files: 0, problem: failed };
  }
  const stagesMs = { ...outcome.stagesMs, proof: Date.now() - from };
  return { ...outcome, stagesMs, completedAt: new Date().toISOString() };
}

async function proveSent(
  deps: Deps,
  ref: VolumeRef & { sent: TransferSummary },
  signal: AbortSignal,
): Promise<void> {
  const { run, sent } = ref;
  const { volume, location } = await volumePlan(deps, ref);
  const spec = repositoryOf(location, volume.namespace);
  const credentials = await movementCredentials(deps, run.namespace, location);
  const { kopiaPath, workDir } = deps.config;
  const read = () => readRunSnapshots({ spec, credentials, kopiaPath, workDir }, run.uid);
  const stored = await readings.read(keyOf(run, volume.namespace), read, signal);
  const found = stored.find(({ id }) => id === sent.snapshotId);
  if (!found)
    throw new CaravelError('SnapshotMissing', `snapshot ${sent.snapshotId} does not stand in the repository`);
  prove(found, { ...sent, size: sent.bytesTotal });
}
