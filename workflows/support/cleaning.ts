import { CancellationScope } from '@temporalio/workflow';
import { LIMITS } from '../../contracts/settings.ts';

type Work = () => Promise<void>;

/**
 * The clean-ups of a run; no cancellation stops them, and the run ends when they have. What is left of a volume that was
 * moved is in nobody's way: its removal begins when nothing is moved any more, so that transfers have the cluster to
 * themselves. Only so many wait for that.
 */
export class Cleaning {
  readonly #going: Promise<void>[] = [];
  readonly #waiting: Work[] = [];

  now(work: Work): void {
    this.#going.push(CancellationScope.nonCancellable(work));
  }

  later(work: Work): void {
    this.#waiting.push(work);
    const oldest = this.#waiting.length > LIMITS.uncleaned ? this.#waiting.shift() : undefined;
    if (oldest) this.now(oldest);
  }

  async finish(): Promise<void> {
    for (const work of this.#waiting.splice(0)) this.now(work);
    await Promise.allSettled(this.#going);
  }
}
