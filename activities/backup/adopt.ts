import type { Adopted } from '../../contracts/activities.ts';
import type { Backup, BackupSpec } from '../../contracts/api/backup.ts';
import { readResource } from '../../contracts/api/meta.ts';
import { LABELS, validName } from '../../contracts/ids.ts';
import type { RunRef, RunResult } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { parseBackup } from '../../core/format/backup-file.ts';
import { parseDuration } from '../../core/format/duration.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { FORMAT_VERSION } from '../../core/format/tarball.ts';
import { NO_SETTINGS } from '../../core/volume/node-agent.ts';
import { isTerminal, now, patchRun, readRunObject } from '../run/status.ts';
import type { Deps } from '../support/deps.ts';
import { storeContext } from '../support/context.ts';
import { moversOf } from '../support/node-agent.ts';
import { openLocation } from '../support/location.ts';
import type { Location } from '../support/location.ts';
import { checkBackup } from './check-spec.ts';
import { readSettings } from './read-settings.ts';
import type { Settings } from './read-settings.ts';

/**
 * Binds a run to its Backup: everything that is wrong is said at once, the defaults are written back, and the spec is
 * fixed as the run's context. A second attempt finds the Backup InProgress and goes on.
 */
export async function adoptBackup(deps: Deps, run: RunRef): Promise<Adopted> {
  const backup = readResource<Backup>(await readRunObject(deps.kube, run));
  if (isTerminal(backup.status?.phase)) return { state: 'ended', result: resultOf(run, backup) };
  if (backup.status?.startTimestamp !== undefined) return await goOn(deps, run, backup);
  const { spec, errors, location, ...settings } = await checkBackup(deps, run, backup);
  if (errors.length > 0 || !location) return await reject(deps, run, errors, spec);
  const ended = await sealedAlready(deps, location, run, backup);
  if (typeof ended === 'string') return await reject(deps, run, [ended], spec);
  if (ended) return { state: 'ended', result: ended };
  return await ready(deps, run, await begin(deps, run, spec), location, settings);
}

/** An earlier attempt, or a workflow of the same run before this one, began already. */
async function goOn(deps: Deps, run: RunRef, backup: Backup): Promise<Adopted> {
  const location = await openLocation(deps, run.namespace, backup.spec.storageLocation ?? '');
  const ended = await sealedAlready(deps, location, run, backup);
  if (typeof ended === 'string') return await reject(deps, run, [ended], backup.spec);
  if (ended) return { state: 'ended', result: ended };
  const { errors, ...settings } = await readSettings(deps, run, backup.spec);
  if (errors.length > 0) throw new CaravelError('InvalidInput', errors.join('; '));
  return await ready(deps, run, backup, location, settings);
}

async function ready(
  deps: Deps,
  run: RunRef,
  resource: Backup,
  location: Location,
  settings: Settings,
): Promise<Adopted> {
  const cluster = await deps.kube.version();
  const startedAt = resource.status?.startTimestamp ?? now();
  const name = location.resource.metadata.name;
  const context = await storeContext(deps, location.store, run, {
    resource,
    location: name,
    startedAt,
    cluster,
    ...settings,
  });
  const movers = await moversOf(deps, settings.nodeAgent ?? NO_SETTINGS);
  return { state: 'ready', context, startedAt, movers };
}

/** A name in the bucket belongs to one Backup for ever: to this one, then it ended; to another, then it is taken. */
async function sealedAlready(
  deps: Deps,
  location: Location,
  run: RunRef,
  backup: Backup,
): Promise<RunResult | string | undefined> {
  const key = backupKeys(run.name).metadata;
  if (!(await location.store.head(key))) return undefined;
  const stored = parseBackup((await location.store.get(key)).toString('utf8'), key);
  if (stored.metadata.uid !== run.uid) {
    const name = location.resource.metadata.name;
    return `BackupExists: a backup named ${run.name} is already in the bucket of location ${name}; choose another name`;
  }
  // The process died between the seal and the resource's last patch.
  await patchRun(deps.kube, run, () => ({ status: stored.status }));
  return resultOf(run, { ...backup, status: stored.status });
}

async function reject(deps: Deps, run: RunRef, errors: string[], spec: BackupSpec): Promise<Adopted> {
  const asWritten = await writtenBack(deps, spec);
  await patchRun(deps.kube, run, () => ({
    ...asWritten,
    status: { ...asWritten.status, phase: 'FailedValidation', validationErrors: errors },
  }));
  return { state: 'rejected', errors };
}

function expiration(spec: BackupSpec): { expiration?: string } {
  try {
    const end = new Date(Date.now() + parseDuration(spec.ttl ?? '720h'));
    return { expiration: end.toISOString().replace(/\.\d+Z$/, 'Z') };
  } catch {
    // The bad ttl is among the validation errors.
    return {};
  }
}

async function begin(deps: Deps, run: RunRef, spec: BackupSpec): Promise<Backup> {
  const asWritten = await writtenBack(deps, spec);
  const patched = await patchRun(deps.kube, run, () => ({
    ...asWritten,
    status: { ...asWritten.status, phase: 'InProgress', startTimestamp: now() },
  }));
  return readResource<Backup>(patched);
}

/** What users and command lines read in the resource, whether the backup begins or not. */
async function writtenBack(deps: Deps, spec: BackupSpec) {
  const cluster = await deps.kube.version();
  return {
    metadata: {
      labels: { [LABELS.storageLocation]: validName(spec.storageLocation ?? '') },
      annotations: {
        'velero.io/source-cluster-k8s-gitversion': cluster.gitVersion,
        'velero.io/source-cluster-k8s-major-version': cluster.major,
        'velero.io/source-cluster-k8s-minor-version': cluster.minor,
        'velero.io/resource-timeout': '10m0s',
      },
    },
    spec,
    status: { version: 1, formatVersion: FORMAT_VERSION, ...expiration(spec) },
  };
}

/** The result of a run that ended before, from what its resource says. */
function resultOf(run: RunRef, backup: Backup): RunResult {
  const { phase, progress, warnings = 0, errors = 0, failureReason } = backup.status ?? {};
  return {
    name: run.name,
    uid: run.uid,
    phase: (phase ?? 'Failed') as RunResult['phase'],
    items: progress?.itemsBackedUp ?? 0,
    volumes: backup.status?.backupItemOperationsCompleted ?? 0,
    bytes: 0,
    warnings,
    errors,
    ...(failureReason && { reason: failureReason }),
  };
}
