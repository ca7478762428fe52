import { CaravelError } from '../core/errors/catalog.ts';
import { validName } from '../contracts/ids.ts';
import type { RunType } from '../contracts/run.ts';
import type { Gvr, KubeClient, KubeObject } from '../platform/kube/types.ts';
import {
  isTerminal,
  MOVEMENT_GVRS,
  RUN_GVR,
  RUN_LABEL,
  runProgress,
  volumeProgress,
  type RunProgress,
  type VolumeProgress,
} from './progress.ts';

export interface FollowOptions {
  /** Called with every change, and once with the end. */
  onProgress?: (progress: RunProgress) => void;
  /** Ends the waiting, never the run. */
  signal?: AbortSignal;
  /** Wait for this very object: one of the same name made later is another run. */
  uid?: string;
}

export interface RunAddress {
  type: RunType;
  namespace: string;
  name: string;
}

const movementSelector = ({ type, name }: RunAddress) => `${RUN_LABEL[type]}=${validName(name)}`;

/** The transfers of a run, as they are now. */
export async function listVolumes(kube: KubeClient, run: RunAddress): Promise<VolumeProgress[]> {
  const options = { namespace: run.namespace, labelSelector: movementSelector(run) };
  const lists = await Promise.all(MOVEMENT_GVRS[run.type].map((gvr) => kube.list(gvr, options)));
  return lists.flat().map(volumeProgress);
}

/** Follows one run on watches until its phase is terminal. */
export class RunFollower {
  readonly #kube: KubeClient;
  readonly #run: RunAddress;
  readonly #options: FollowOptions;
  readonly #volumes = new Map<string, VolumeProgress>();
  #object: KubeObject | undefined;

  constructor(kube: KubeClient, run: RunAddress, options: FollowOptions) {
    this.#kube = kube;
    this.#run = run;
    this.#options = options;
  }

  async wait(): Promise<RunProgress> {
    const stop = new AbortController();
    const outer = this.#options.signal;
    const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
    // Transfers are shown, not waited for: who may not read them waits without them.
    const shown = MOVEMENT_GVRS[this.#run.type].map((gvr) =>
      this.#followVolumes(gvr, signal).catch(() => undefined),
    );
    try {
      await this.#followRun(signal);
      outer?.throwIfAborted();
    } finally {
      stop.abort();
      await Promise.all(shown);
    }
    return await this.#end();
  }

  async #followRun(signal: AbortSignal): Promise<void> {
    const { type, namespace, name } = this.#run;
    const options = { namespace, fieldSelector: `metadata.name=${name}`, signal };
    for await (const { type: event, object } of this.#kube.watch(RUN_GVR[type], options)) {
      if (event === 'SYNCED') {
        if (!this.#object) throw this.#gone(`there is no ${type} "${name}" in namespace "${namespace}"`);
        continue;
      }
      if (event === 'DELETED') throw this.#gone(`${type} "${name}" was deleted while it was waited for`);
      if (object && this.#accept(object)) return;
    }
  }

  /** True at the end. */
  #accept(object: KubeObject): boolean {
    const { type, name } = this.#run;
    const expected = this.#options.uid ?? this.#object?.metadata.uid;
    if (expected !== undefined && object.metadata.uid !== expected) {
      throw this.#gone(`${type} "${name}" was deleted and made again while it was waited for`);
    }
    this.#object = object;
    const progress = this.#progress(object);
    if (isTerminal(progress.phase)) return true;
    this.#options.onProgress?.(progress);
    return false;
  }

  #gone(message: string): CaravelError {
    return new CaravelError('ResourceGone', message, { hint: `See caravel ${this.#run.type} get.` });
  }

  #progress(object: KubeObject): RunProgress {
    return runProgress(this.#run.type, object, this.#volumes.values());
  }

  async #followVolumes(gvr: Gvr, signal: AbortSignal): Promise<void> {
    const options = { namespace: this.#run.namespace, labelSelector: movementSelector(this.#run), signal };
    for await (const { type, object } of this.#kube.watch(gvr, options)) {
      if (!object) continue;
      const volume = volumeProgress(object);
      if (type === 'DELETED') this.#volumes.delete(volume.id);
      else this.#volumes.set(volume.id, volume);
      if (this.#object) this.#options.onProgress?.(this.#progress(this.#object));
    }
  }

  /** The transfers may have ended a moment before the run without their event being here yet. */
  async #end(): Promise<RunProgress> {
    const volumes = await listVolumes(this.#kube, this.#run).catch(() => [...this.#volumes.values()]);
    const progress = runProgress(this.#run.type, this.#object!, volumes);
    this.#options.onProgress?.(progress);
    return progress;
  }
}
