import { logLine } from '../format/log-line.ts';
import type { ShardIndex } from '../model.ts';
import type { Problem } from '../problems.ts';
import type { HookReport } from './report.ts';

/** What came of the hooks of all groups, as the files and the status of the backup tell it. */
export class HookSummary {
  readonly #reports: readonly HookReport[];
  /** Pods that are not in the backup, as `<namespace>/<name>`. */
  readonly leftOut: ReadonlySet<string>;

  constructor(reports: readonly HookReport[]) {
    this.#reports = reports;
    this.leftOut = new Set(reports.flatMap((report) => report.leftOut));
  }

  get problems(): Problem[] {
    return this.#reports.flatMap((report) => report.problems);
  }

  /** Zeros are left out, as Velero does. */
  get status(): { hooksAttempted?: number; hooksFailed?: number } {
    const sum = (count: 'attempted' | 'failed') =>
      this.#reports.reduce((total, report) => total + report[count], 0);
    const [hooksAttempted, hooksFailed] = [sum('attempted'), sum('failed')];
    return { ...(hooksAttempted > 0 && { hooksAttempted }), ...(hooksFailed > 0 && { hooksFailed }) };
  }

  /** How long each application was quiesced. */
  facts(shown: number) {
    return this.#reports.slice(0, shown).map(({ pods, quiescedMs, waitedMs, attempted, failed }) => ({
      pods: pods.length === 1 ? pods[0] : `${pods[0]} and ${pods.length - 1} more`,
      attempted,
      failed,
      ...(quiescedMs !== undefined && { quiescedMs }),
      ...(waitedMs !== undefined && { waitedMs }),
    }));
  }

  lines(time: string, backup: string): string[] {
    return this.#reports.flatMap(({ pods, quiescedMs, waitedMs, lines }) => {
      const said = (ms: number | undefined, text: (ms: number) => string) =>
        ms === undefined
          ? []
          : [logLine({ time, level: 'info', msg: `${text(ms)}: ${pods.join(', ')}` }, { backup })];
      return [
        ...lines.map((line) =>
          logLine({ time: line.time, level: 'info', msg: line.msg }, { backup, ...line.fields }),
        ),
        ...said(waitedMs, (ms) => `waited ${ms} ms for another backup to release`),
        ...said(quiescedMs, (ms) => `quiesced for ${ms} ms`),
      ];
    });
  }

  /** What was exported, but for the pods that are left out. */
  kept(shard: ShardIndex): ShardIndex {
    const all = shard.names['v1/Pod'] ?? [];
    const pods = all.filter((name) => !this.leftOut.has(name));
    if (pods.length === all.length) return shard;
    const { 'v1/Pod': _, ...others } = shard.names;
    const names = pods.length > 0 ? { ...others, 'v1/Pod': pods } : others;
    return { ...shard, names, items: shard.items - (all.length - pods.length) };
  }
}
