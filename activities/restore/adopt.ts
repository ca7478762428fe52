import type { Adopted } from '../../contracts/activities.ts';
import type { Restore, RestoreSpec } from '../../contracts/api/restore.ts';
import { readResource } from '../../contracts/api/meta.ts';
import { FACTS_ANNOTATION } from '../../contracts/ids.ts';
import type { RunRef, RunResult } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { explanation } from '../../core/problems.ts';
import { restoreDefaults, restoreErrors } from '../../core/restore/validate.ts';
import type { NodeAgentSettings } from '../../core/volume/node-agent.ts';
import { factsAnnotation, isTerminal, now, patchRun, readRunObject, withoutFacts } from '../run/status.ts';
import { storeContext } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { moversOf, nodeAgentSettings } from '../support/node-agent.ts';
import { findBackup } from './find-backup.ts';
import type { FoundBackup } from './find-backup.ts';

/**
 * Binds a run to its Restore: everything that is wrong is said at once, the defaults are written back, and the spec
 * and the backup are fixed as the run's context. A second attempt finds the Restore InProgress and goes on.
 */
export async function adoptRestore(deps: Deps, run: RunRef): Promise<Adopted> {
  const restore = readResource<Restore>(await readRunObject(deps.kube, run));
  if (isTerminal(restore.status?.phase)) return { state: 'ended', result: resultOf(run, restore) };
  const begun = restore.status?.startTimestamp !== undefined;
  const found = await find(deps, run, restore);
  // A spec that was accepted names both the backup and its schedule by now.
  const { settings, faults } = await nodeAgentSettings(deps, run.namespace);
  const errors = [...(begun ? [] : restoreErrors(restore.spec)), ...(found.errors ?? []), ...faults];
  if (found.errors || errors.length > 0)
    return await rejectOrFail(deps, run, errors, { begun, gone: found.errors !== undefined });

  const adopted = begun ? restore : await begin(deps, run, restore.spec, found);
  return await ready(deps, run, adopted, found, settings);
}

async function find(deps: Deps, run: RunRef, restore: Restore): Promise<FoundBackup> {
  try {
    return await findBackup(deps, run.namespace, restore.spec);
  } catch (error) {
    // What has begun says in its own way how it stands.
    const waits = error instanceof CaravelError && error.retryable && !restore.status?.startTimestamp;
    // It is said as well as it can be; the next attempt is what matters.
    if (waits) await showWait(deps, run, restore, error).catch(() => undefined);
    throw error;
  }
}

/** What it waits for, among its facts until it begins. The same is not written again at each attempt. */
async function showWait(deps: Deps, run: RunRef, { metadata }: Restore, error: CaravelError): Promise<void> {
  const { annotations } = factsAnnotation({ waitsFor: explanation(error) });
  if (metadata.annotations?.[FACTS_ANNOTATION] === annotations[FACTS_ANNOTATION]) return;
  await patchRun(deps.kube, run, () => ({ metadata: { annotations } }));
}

type Found = Extract<FoundBackup, { name: string }>;

async function ready(
  deps: Deps,
  run: RunRef,
  adopted: Restore,
  found: Found,
  nodeAgent: NodeAgentSettings,
): Promise<Adopted> {
  // Cancelled in between, say.
  if (isTerminal(adopted.status?.phase)) return { state: 'ended', result: resultOf(run, adopted) };
  const startedAt = adopted.status?.startTimestamp ?? now();
  const context = await storeContext(deps, found.location.store, run, {
    resource: adopted,
    location: found.location.resource.metadata.name,
    startedAt,
    cluster: await deps.kube.version(),
    backup: found.backup,
    nodeAgent,
  });
  return { state: 'ready', context, startedAt, movers: await moversOf(deps, nodeAgent) };
}

async function begin(
  deps: Deps,
  run: RunRef,
  asked: RestoreSpec,
  { name, schedule }: Found,
): Promise<Restore> {
  const source = { backupName: name, ...(schedule !== undefined && { scheduleName: schedule }) };
  const patched = await patchRun(deps.kube, run, () => ({
    metadata: withoutFacts,
    spec: restoreDefaults({ ...asked, ...source }),
    status: { phase: 'InProgress', startTimestamp: now() },
  }));
  return readResource<Restore>(patched);
}

/** A restore that has begun is not a bad spec any more when its backup goes away. */
async function rejectOrFail(
  deps: Deps,
  run: RunRef,
  errors: string[],
  { begun, gone }: { begun: boolean; gone: boolean },
): Promise<Adopted> {
  if (begun) throw new CaravelError(gone ? 'BackupNotFound' : 'InvalidInput', errors.join('; '));
  const object = await patchRun(deps.kube, run, ({ spec }) => ({
    metadata: withoutFacts,
    spec: { excludedResources: restoreDefaults(spec as RestoreSpec).excludedResources },
    status: { phase: 'FailedValidation', validationErrors: errors },
  }));
  const { status } = readResource<Restore>(object);
  if (status?.phase === 'FailedValidation')
    return { state: 'rejected', errors: status.validationErrors ?? errors };
  return { state: 'ended', result: resultOf(run, readResource<Restore>(object)) };
}

/** The result of a run that ended before, from what its resource says. */
function resultOf(run: RunRef, { status = {} }: Restore): RunResult {
  const validationErrors = status.validationErrors ?? [];
  const reason = status.failureReason ?? validationErrors[0];
  return {
    name: run.name,
    uid: run.uid,
    phase: status.phase as RunResult['phase'],
    items: status.progress?.itemsRestored ?? 0,
    volumes: status.restoreItemOperationsCompleted ?? 0,
    bytes: 0,
    warnings: status.warnings ?? 0,
    errors: status.errors ?? validationErrors.length,
    ...(reason !== undefined && { reason }),
  };
}
