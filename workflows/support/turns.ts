import { condition } from '@temporalio/workflow';

/** So many at once; the others wait their turn. One for each run: the memory of a worker is shared by its workflows. */
export class Turns {
  #free: number;

  constructor(limit: number) {
    this.#free = limit;
  }

  async take(): Promise<void> {
    // Several may be woken for one turn.
    while (this.#free <= 0) await condition(() => this.#free > 0);
    this.#free -= 1;
  }

  giveBack(): void {
    this.#free += 1;
  }
}
