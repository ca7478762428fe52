import { pause } from './abort.ts';

/** Token bucket: `burst` at once, `qps` a second after that, first come first served. */
export class TokenBucket {
  readonly #qps: number;
  readonly #burst: number;
  readonly #now: () => number;
  #tokens: number;
  #refilled: number;

  constructor(qps: number, burst: number, now: () => number = () => performance.now()) {
    if (!(qps > 0) || !(burst >= 1)) throw new RangeError(`qps ${qps} and burst ${burst} must be positive`);
    this.#qps = qps;
    this.#burst = burst;
    this.#now = now;
    this.#tokens = burst;
    this.#refilled = now();
  }

  /** Takes a token on credit and returns how long its owner has to wait for it. */
  reserve(): number {
    const now = this.#now();
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#refilled) / 1000) * this.#qps);
    this.#refilled = now;
    this.#tokens -= 1;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#qps) * 1000;
  }

  async take(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const wait = this.reserve();
    if (wait === 0) return;
    try {
      await pause(wait, signal);
    } catch (error) {
      // Who gives up hands the token to those behind.
      this.#tokens = Math.min(this.#burst, this.#tokens + 1);
      throw error;
    }
  }
}
