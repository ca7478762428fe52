import { randomBytes } from 'node:crypto';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import { LABELS, repositoryWorkflowId } from '../../contracts/ids.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { kopiaMarkKey, kopiaPrefix } from '../../core/format/keys.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { initialiseRepository as createRepository } from '../../platform/kopia/repository.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import type { Deps } from '../support/deps.ts';
import { openLocation, readSecret, repositoryOf } from '../support/location.ts';
import type { Location } from '../support/location.ts';

/** Velero's Secret with the password of all Kopia repositories, and its key. */
export const PASSWORD_SECRET = { name: 'velero-repo-credentials', key: 'repository-password' } as const;

/** The repositories' password; a random one is made for a cluster that has none. */
export async function repositoryPassword(deps: Deps, namespace: string): Promise<string> {
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
  const password = (await readSecret(deps, namespace, name))[key]?.trim();
  if (!password) throw new CaravelError('InvalidInput', `Secret ${namespace}/${name} has no key ${key}`);
  return password;
}

export async function movementCredentials(deps: Deps, namespace: string, location: Location) {
  const password = await repositoryPassword(deps, namespace);
  return { ...location.config.credentials, password };
}

const isReady = async (store: ObjectStore, namespace: string) =>
  (
    await Promise.all([
      store.head(`${kopiaPrefix(namespace)}kopia.repository`),
      store.head(kopiaMarkKey(namespace)),
    ])
  ).every((found) => found !== undefined);

/** Creation is a workflow of its own: its id keeps two creators apart, whose repositories would destroy each other. */
export async function ensureRepository(
  deps: Deps,
  controlNamespace: string,
  location: Location,
  namespace: string,
) {
  if (await isReady(location.store, namespace)) return;
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
  await deps.temporal.workflow.getHandle(workflowId).result();
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
  if (await isReady(location.store, namespace)) return;
  const { uniqueId } = await createRepository({
    spec: repositoryOf(location, namespace),
    credentials: await movementCredentials(deps, controlNamespace, location),
    kopiaPath: deps.config.kopiaPath,
    workDir: deps.config.workDir,
    signal,
  });
  await location.store.put(kopiaMarkKey(namespace), JSON.stringify({ uniqueID: uniqueId }));
}
