import type { MoverSpec } from '../contracts/mover.ts';
import { CaravelError } from '../core/errors/catalog.ts';
import type { Kopia } from '../platform/kopia/kopia.ts';
import type { MetricsReceiver } from '../platform/kopia/metrics.ts';
import type { Emit } from './events.ts';
import type { MoverPaths } from './inputs.ts';

/** What every step of a transfer uses. */
export interface Mover {
  spec: MoverSpec;
  paths: MoverPaths;
  kopia: Kopia;
  metrics: MetricsReceiver;
  emit: Emit;
  stop: Stop;
  stages: Stages;
  stallMs: number;
}

/** The wish of the kubelet, passed on by SIGTERM, that this pod ends. */
export class Stop {
  readonly #controller = new AbortController();

  get requested(): boolean {
    return this.#controller.signal.aborted;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  request(): void {
    this.#controller.abort(stopped());
  }
}

/** Not the end of the run: whoever wanted the run cancelled knows that, any other reason is worth a new mover. */
export const stopped = (): CaravelError =>
  new CaravelError('MoverLost', 'the mover was told to stop; what it had flushed is not sent again');

/** Time of each stage; stages that run again add up. */
export class Stages {
  readonly ms: Record<string, number> = {};

  async time<T>(stage: string, work: () => Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.ms[stage] = (this.ms[stage] ?? 0) + Math.round(performance.now() - start);
    }
  }
}

export const warn = ({ emit }: Pick<Mover, 'emit'>, message: string): void =>
  emit({ t: 'log', level: 'warn', message });
