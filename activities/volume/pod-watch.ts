import { CaravelError } from '../../core/errors/catalog.ts';
import type { VolumePlan, VolumePod } from '../../core/model.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';

/** Whether the pod whose volume is read still has it. */

type Pod = KubeObject & { status?: { phase?: string } };

export function podOf({ pod, index }: VolumePlan): VolumePod {
  if (!pod) throw new CaravelError('Internal', `volume ${index} is to be read, but through no pod`);
  return pod;
}

/**
 * Why the volume cannot be read through the pod; undefined when it can. The kubelet clears the volumes of a pod before
 * its object goes, and those of one that ended while its object stays.
 */
export function podFault(found: Pod | undefined, pod: VolumePod): CaravelError | undefined {
  const name = `pod ${pod.namespace}/${pod.name}`;
  const gone = (how: string) => new CaravelError('PodGone', `${name} ${how}`);
  if (!found) return gone('does not exist any more');
  if (found.metadata.uid !== pod.uid) return gone('was replaced by another one of its name');
  if (found.metadata.deletionTimestamp) return gone('is being deleted');
  const phase = found.status?.phase ?? 'unknown';
  return phase === 'Running' ? undefined : gone(`is ${phase}, not Running`);
}

/** Looks after the pod during a transfer: one that goes must not wait for the mover, whose mount keeps its volume busy. */
export class PodWatch {
  readonly #kube: KubeClient;
  readonly #pod: VolumePod;
  readonly #gone = new AbortController();
  readonly #stopped = new AbortController();

  constructor(kube: KubeClient, pod: VolumePod) {
    this.#kube = kube;
    this.#pod = pod;
    void this.#watch();
  }

  /** Aborts when the pod goes. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** The cluster's word of this moment. */
  async fault(): Promise<CaravelError | undefined> {
    const { namespace, name } = this.#pod;
    return podFault(await this.#kube.find<Pod>(GVRS.pods, namespace, name), this.#pod);
  }

  async #watch(): Promise<void> {
    const { namespace, name } = this.#pod;
    const options = { timeoutMs: TIMEOUTS.longStep, signal: this.#stopped.signal };
    try {
      const left = (found: Pod | undefined) => podFault(found, this.#pod);
      this.#gone.abort(
        await this.#kube.waitFor<Pod, CaravelError>(GVRS.pods, namespace, name, left, options),
      );
    } catch {
      // Stopped, or without a watch: the question at the end decides.
    }
  }
}
