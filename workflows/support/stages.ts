import { setCurrentDetails } from '@temporalio/workflow';
import type { StageTimes } from '../../contracts/activities.ts';

/** Times the stages of a run and shows the current one in the Temporal UI. Workflow time, so replays agree. */
export class Stages {
  readonly times: StageTimes = {};
  readonly #title: string;

  constructor(title: string) {
    this.#title = title;
  }

  async run<T>(stage: string, work: () => Promise<T>): Promise<T> {
    setCurrentDetails(`**${this.#title}**: ${stage}`);
    const start = Date.now();
    try {
      return await work();
    } finally {
      this.times[stage] = (this.times[stage] ?? 0) + Date.now() - start;
    }
  }
}
