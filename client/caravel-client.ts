import type { Readable } from 'node:stream';
import {
  apiVersion,
  readResource,
  type Backup,
  type BackupSpec,
  type CustomResource,
  type ObjectMeta,
  type Restore,
  type RestoreSpec,
} from '../contracts/api/index.ts';
import { FACTS_ANNOTATION } from '../contracts/ids.ts';
import type { BackupPreview, PreviewInput } from '../contracts/preview.ts';
import type { RunType } from '../contracts/run.ts';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';
import { loadClientConfig, type ClientConfig } from '../platform/config/config.ts';
import { createKubeClient } from '../platform/kube/client.ts';
import { isAlreadyExists, isNotFound, toCaravelError } from '../platform/kube/errors.ts';
import type { KubeClient } from '../platform/kube/types.ts';
import { readDetails, type RunDetails } from './details.ts';
import { FILE_KINDS, RunFiles, type FileOptions } from './files.ts';
import { listVolumes, RunFollower, type FollowOptions } from './follow.ts';
import { RUN_GVR, type RunProgress, type VolumeProgress } from './progress.ts';
import { openTemporal, type TemporalDoor } from './temporal.ts';

export interface ConnectOptions {
  /** Default: KUBECONFIG, ~/.kube/config, then the pod's service account. */
  kubeconfig?: string;
  context?: string;
  /** Control namespace; default CONTROL_NAMESPACE, then openshift-adp. */
  namespace?: string;
}

export interface NewRun<Spec> {
  name: string;
  spec: Spec;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** How the run of a new resource begins. */
export type StartedBy =
  { by: 'temporal'; workflowId: string } | { by: 'controller'; /** Why not by us. */ reason: string };

export interface Created<Resource> {
  resource: Resource;
  started: StartedBy;
}

export interface Description<Resource> {
  resource: Resource;
  volumes: VolumeProgress[];
  /** What Caravel knows beyond Velero's status: stages, method and reason of each volume. */
  facts: Record<string, unknown>;
  /** What the files of the run say, when they were asked for. */
  details?: RunDetails;
}

const noDoor = (reason: string) =>
  new CaravelError('TemporalUnavailable', `Temporal cannot be reached: ${reason}`);

const KIND = { backup: 'Backup', restore: 'Restore' } as const;

function factsOf(metadata: ObjectMeta): Record<string, unknown> {
  try {
    return JSON.parse(metadata.annotations?.[FACTS_ANNOTATION] ?? '{}') as Record<string, unknown>;
  } catch {
    // Whoever wrote that annotation, it must not keep the rest from being shown.
    return {};
  }
}

/** Backups and restores as typed calls; everything goes through custom resources. */
export class CaravelClient {
  readonly config: ClientConfig;
  readonly kube: KubeClient;
  #door: Promise<TemporalDoor | { reason: string }> | undefined;
  readonly #openDoor: () => Promise<TemporalDoor | { reason: string }>;

  constructor(parts: {
    kube: KubeClient;
    config: ClientConfig;
    /** Replaces the connection that the environment and Temporal's config file describe. */
    temporal?: () => Promise<TemporalDoor | { reason: string }>;
  }) {
    this.kube = parts.kube;
    this.config = parts.config;
    this.#openDoor = parts.temporal ?? (() => openTemporal(this.config));
  }

  /** Reads the environment and the kubeconfig; the first call talks to the cluster. */
  static connect(options: ConnectOptions = {}): CaravelClient {
    const { namespace, kubeconfig, context } = options;
    const environment = loadClientConfig();
    const config = { ...environment, ...(namespace !== undefined && { namespace }) };
    const kube = createKubeClient({
      ...(kubeconfig !== undefined && { kubeconfigPath: kubeconfig }),
      ...(context !== undefined && { context }),
    });
    return new CaravelClient({ kube, config });
  }

  get namespace(): string {
    return this.config.namespace;
  }

  createBackup(input: NewRun<BackupSpec>): Promise<Created<Backup>> {
    return this.#create<Backup>('backup', input);
  }

  getBackup(name: string): Promise<Backup> {
    return this.#get<Backup>('backup', name);
  }

  listBackups(options: { labelSelector?: string } = {}): Promise<Backup[]> {
    return this.#list<Backup>('backup', options);
  }

  /** With `files`, also what the files of the backup say. */
  describeBackup(name: string, files?: FileOptions): Promise<Description<Backup>> {
    return this.#describe<Backup>('backup', name, files);
  }

  /** What a backup of this spec would be. Nothing is changed. Needs Temporal. */
  async planBackup(input: PreviewInput, signal?: AbortSignal): Promise<BackupPreview> {
    const door = await this.temporal();
    if ('reason' in door) throw noDoor(door.reason);
    return await door.preview({ namespace: this.namespace, ...input }, signal);
  }

  /** The tarball of a backup, gzipped; undefined when it has none. */
  backupContents(name: string, options: FileOptions = {}): Promise<Readable | undefined> {
    const file = { kind: 'BackupContents', name } as const;
    return this.#guard({ type: 'backup', name }, () => this.#files(options).open(file));
  }

  /** The log of a backup or restore, which is written at its end; undefined when it has none. */
  runLog(type: RunType, name: string, options: FileOptions = {}): Promise<Readable | undefined> {
    const file = { kind: FILE_KINDS[type].log, name };
    return this.#guard({ type, name }, () => this.#files(options).openText(file));
  }

  createRestore(input: NewRun<RestoreSpec>): Promise<Created<Restore>> {
    return this.#create<Restore>('restore', input);
  }

  getRestore(name: string): Promise<Restore> {
    return this.#get<Restore>('restore', name);
  }

  listRestores(options: { labelSelector?: string } = {}): Promise<Restore[]> {
    return this.#list<Restore>('restore', options);
  }

  describeRestore(name: string, files?: FileOptions): Promise<Description<Restore>> {
    return this.#describe<Restore>('restore', name, files);
  }

  /** Waits until the run has ended, however it ends; the phase of the result tells. */
  async waitForRun(type: RunType, name: string, options: FollowOptions = {}): Promise<RunProgress> {
    const run = { type, namespace: this.namespace, name };
    return await this.#guard(run, () => new RunFollower(this.kube, run, options).wait());
  }

  /** The door to Temporal, opened at first use, or the reason why there is none. */
  temporal(): Promise<TemporalDoor | { reason: string }> {
    this.#door ??= this.#openDoor();
    return this.#door;
  }

  async close(): Promise<void> {
    const door = await this.#door;
    if (door && 'close' in door) await door.close();
    await this.kube.close();
  }

  /** The object that `create…` sends. */
  manifest<Spec>(type: RunType, input: NewRun<Spec>): CustomResource<string, Spec, object> {
    const { name, spec, labels, annotations } = input;
    const metadata = {
      name,
      namespace: this.namespace,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    };
    return { apiVersion: apiVersion(RUN_GVR[type]), kind: KIND[type], metadata, spec };
  }

  async #create<Resource extends CustomResource>(
    type: RunType,
    input: NewRun<object>,
  ): Promise<Created<Resource>> {
    const run = { type, namespace: this.namespace, name: input.name };
    const made = await this.#guard(run, () =>
      this.kube.create(RUN_GVR[type], this.namespace, this.manifest(type, input)),
    );
    const resource = readResource<Resource>(made);
    return { resource, started: await this.#start(type, resource.metadata) };
  }

  /** The resource exists: from here on nothing may fail, the controller starts what we cannot. */
  async #start(type: RunType, { name, namespace, uid }: ObjectMeta): Promise<StartedBy> {
    const door = await this.temporal();
    if ('reason' in door) return { by: 'controller', reason: door.reason };
    try {
      const run = { namespace: namespace ?? this.namespace, name, uid: uid ?? '' };
      return { by: 'temporal', ...(await door.start(type, run)) };
    } catch (error) {
      return { by: 'controller', reason: messageOf(error) };
    }
  }

  async #get<Resource extends CustomResource>(type: RunType, name: string): Promise<Resource> {
    const run = { type, namespace: this.namespace, name };
    const found = await this.#guard(run, () => this.kube.get(RUN_GVR[type], this.namespace, name));
    return readResource<Resource>(found);
  }

  async #list<Resource extends CustomResource>(
    type: RunType,
    options: { labelSelector?: string },
  ): Promise<Resource[]> {
    const found = await this.#guard({ type }, () =>
      this.kube.list(RUN_GVR[type], { namespace: this.namespace, ...options }),
    );
    return found.map((each) => readResource<Resource>(each));
  }

  async #describe<Resource extends CustomResource>(
    type: RunType,
    name: string,
    files?: FileOptions,
  ): Promise<Description<Resource>> {
    const resource = await this.#get<Resource>(type, name);
    const run = { type, namespace: this.namespace, name };
    const volumes = await this.#guard(run, () => listVolumes(this.kube, run));
    const known = { resource, volumes, facts: factsOf(resource.metadata) };
    if (!files) return known;
    const details = await this.#guard(run, () => readDetails(this.#files(files), type, name));
    return { ...known, details };
  }

  #files(options: FileOptions): RunFiles {
    return new RunFiles(this.kube, this.namespace, options);
  }

  /** Errors of the API in the words of the user's request. */
  async #guard<T>(run: { type: RunType; name?: string }, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      throw this.#explain(run, error);
    }
  }

  #explain({ type, name }: { type: RunType; name?: string }, error: unknown): Error {
    const options = { cause: error };
    if (isAlreadyExists(error)) {
      const message = `${type} "${name}" already exists in namespace "${this.namespace}"`;
      return new CaravelError('BackupExists', message, { ...options, hint: 'Choose another name.' });
    }
    if (!isNotFound(error)) return toCaravelError(error);
    if (/could not find the requested resource|404 page not found/.test(messageOf(error))) {
      const message = `the cluster has no resource ${RUN_GVR[type].resource}.velero.io`;
      return new CaravelError('NotSupported', message, { ...options, hint: 'Apply deploy/crds first.' });
    }
    const what = name === undefined ? `namespace "${this.namespace}"` : `${type} "${name}"`;
    const message =
      name === undefined ? `there is no ${what}` : `there is no ${what} in namespace "${this.namespace}"`;
    return new CaravelError('BackupNotFound', message, {
      ...options,
      hint: `See caravel ${type} get, and -n.`,
    });
  }
}
