import { randomBytes } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { RunContextRef, VolumeRef } from '../../contracts/activities.ts';
import {
  dataMoverSource,
  LABELS,
  podVolumeSource,
  repositoryMarks,
  repositoryWorkflowId,
  scratchPrefix,
} from '../../contracts/ids.ts';
import type { DocRef } from '../../contracts/run.ts';
import { LIMITS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { kopiaMarkKey } from '../../core/format/keys.ts';
import type { VolumePlan, VolumePlans } from '../../core/model.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import {
  ensureRepositoryPolicies,
  initialiseRepository as createRepository,
} from '../../platform/kopia/repository.ts';
import type { PolicySource } from '../../platform/kopia/policy.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { hasRepository, notReady, showRepository } from './backup-repository.ts';
import type { RepositoryAt } from './backup-repository.ts';
import type { Deps } from '../support/deps.ts';
import { openRun, volumePlan } from '../support/context.ts';
import { inLanes } from '../support/lanes.ts';
import { findSecret, openLocation, readSecret, repositoryOf } from '../support/location.ts';
import type { Location } from '../support/location.ts';
import { resultOfWorkflow } from '../support/workflow-result.ts';

/** Velero's Secret with the password of all Kopia repositories, and its key. */
export const PASSWORD_SECRET = { name: 'velero-repo-credentials', key: 'repository-password' } as const;

/** The repositories' password; a random one is made for a cluster that has none. */
export async function repositoryPassword(deps: Deps, namespace: string): Promise<string> {
  const { name, key } = PASSWORD_SECRET;
  const secret = (await findSecret(deps, namespace, name)) ?? (await makePassword(deps, namespace));
  const password = secret[key]?.trim();
  if (!password) throw new CaravelError('InvalidInput', `Secret ${namespace}/${name} has no key ${key}`);
  return password;
}

async function makePassword(deps: Deps, namespace: string): Promise<Record<string, string>> {
  const { name, key } = PASSWORD_SECRET;
  const { created } = await deps.kube.ensure(GVRS.secrets, namespace, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { [LABELS.managedBy]: 'caravel' } },
    type: 'Opaque',
    stringData: { [key]: randomBytes(24).toString('base64url') },
  });
  if (created) {
    deps.log.warn(
      `made the repository password: keep a copy of Secret ${namespace}/${name}, no backup is readable without it`,
    );
  }
  return await readSecret(deps, namespace, name);
}

export async function movementCredentials(deps: Deps, namespace: string, location: Location) {
  const password = await repositoryPassword(deps, namespace);
  return { ...location.config.credentials, password };
}

/** Creation is a workflow of its own: its id keeps two creators apart, whose repositories would destroy each other. */
export async function ensureRepository(
  deps: Deps,
  controlNamespace: string,
  location: Location,
  namespace: string,
) {
  if (await hasRepository(location.store, namespace)) return;
  const { cluster, taskQueue } = deps.config;
  const name = location.resource.metadata.name;
  const workflowId = repositoryWorkflowId(cluster, name, namespace);
  try {
    await deps.temporal.workflow.start('initRepository', {
      workflowId,
      taskQueue,
      args: [{ location: name, controlNamespace, namespace }],
    });
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  await resultOfWorkflow(deps.temporal, workflowId);
}

/**
 * Sources whose policy this worker has seen to be right, by repository. Somebody may change one behind its back: then
 * the mover's proof notices the files that were left out, and its next attempt writes the policy itself.
 */
const knownPolicies = new Map<string, Set<string>>();

/** Preparations under way in this worker: the volumes of a run and namespace ask for the same one at the same time. */
const preparing = new Map<string, Promise<void>>();

/** Once for a run and namespace: kopia needs half a second to open a repository, so a mover each would add up. */
export async function prepareRepository(deps: Deps, ref: VolumeRef): Promise<void> {
  const { volume } = await volumePlan(deps, ref);
  await prepareNamespace(deps, ref, volume.namespace);
}

/** Every repository of the run, so that no volume has to wait for its own. */
export async function prepareRepositories(
  deps: Deps,
  ref: RunContextRef & { volumes: DocRef },
): Promise<void> {
  const { store } = await openRun(deps, ref);
  const { volumes } = await getDoc<VolumePlans>(store, ref.volumes);
  const moved = volumes.filter((volume) => policySource(volume).length > 0);
  const namespaces = new Set(moved.map(({ namespace }) => namespace));
  await inLanes(
    namespaces,
    LIMITS.repositories,
    (namespace) => prepareNamespace(deps, ref, namespace),
    () => undefined,
  );
}

async function prepareNamespace(
  deps: Deps,
  ref: RunContextRef & { volumes: DocRef },
  namespace: string,
): Promise<void> {
  const { location, store } = await openRun(deps, ref);
  const mark = `${repositoryMarks(scratchPrefix(ref.run))}${namespace}`;
  const prepare = async () => {
    if (await store.head(mark)) return;
    await ensureRepository(deps, ref.run.namespace, location, namespace);
    const { volumes } = await getDoc<VolumePlans>(store, ref.volumes);
    const mine = volumes.filter((volume) => volume.namespace === namespace).flatMap(policySource);
    await ensurePolicies(deps, ref.run.namespace, location, namespace, mine);
    await store.put(mark, '');
  };
  const at = { controlNamespace: ref.run.namespace, location: location.resource.metadata.name, namespace };
  const running = preparing.get(mark) ?? shown(deps, at, prepare).finally(() => preparing.delete(mark));
  preparing.set(mark, running);
  await running;
}

/** What comes of work on a repository is what its resource says. */
async function shown(deps: Deps, at: RepositoryAt, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    await showRepository(deps, at, notReady(error)).catch(() => undefined);
    throw error;
  }
  await showRepository(deps, at, { phase: 'Ready' });
}

async function ensurePolicies(
  deps: Deps,
  controlNamespace: string,
  location: Location,
  namespace: string,
  sources: PolicySource[],
): Promise<void> {
  const spec = repositoryOf(location, namespace);
  const repository = `${spec.endpoint}/${spec.bucket}/${spec.prefix}`;
  const known = knownPolicies.get(repository) ?? new Set();
  if (sources.every(({ source }) => known.has(source))) return;
  const credentials = await movementCredentials(deps, controlNamespace, location);
  const { kopiaPath, workDir } = deps.config;
  await ensureRepositoryPolicies({ spec, credentials, kopiaPath, workDir }, sources);
  knownPolicies.set(repository, new Set([...known, ...sources.map(({ source }) => source)]));
}

/** Of volumes whose data goes into the repository. */
function policySource(plan: VolumePlan): PolicySource[] {
  const { namespace, claim, method, volumeMode } = plan;
  if (method === 'data-mover') return [{ source: dataMoverSource(namespace, claim), volumeMode }];
  return method === 'fs-backup' ? [{ source: podVolumeSource(plan), volumeMode: 'Filesystem' }] : [];
}

export interface RepositoryInput {
  location: string;
  controlNamespace: string;
  namespace: string;
}

/** Makes the repository and Velero's mark in it; both are left alone when they exist. */
export async function initialiseRepository(
  deps: Deps,
  input: RepositoryInput,
  signal: AbortSignal,
): Promise<void> {
  const { location: name, controlNamespace, namespace } = input;
  const location = await openLocation(deps, controlNamespace, name);
  if (await hasRepository(location.store, namespace)) return;
  const { uniqueId } = await createRepository({
    spec: repositoryOf(location, namespace),
    credentials: await movementCredentials(deps, controlNamespace, location),
    kopiaPath: deps.config.kopiaPath,
    workDir: deps.config.workDir,
    signal,
  });
  await location.store.put(kopiaMarkKey(namespace), JSON.stringify({ uniqueID: uniqueId }));
}
