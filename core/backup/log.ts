import { logLine } from '../format/log-line.ts';
import type { ItemNote, VolumeOutcome, VolumePlan } from '../model.ts';
import type { Problem } from '../problems.ts';
import { handleOf } from './kept-snapshot.ts';
import { noteLine, problemLines, volumeName } from './report.ts';
import type { ReportedVolume } from './report.ts';

/** What the log of a backup is written from, at the end. */
export interface BackupLog {
  /** `<namespace>/<name>`. */
  backup: string;
  startedAt: string;
  /** Milliseconds of the stages, in their order; they follow each other without a gap. */
  stages: Record<string, number>;
  /** `<apiVersion>/<Kind>` → how many objects. */
  kinds: [kind: string, count: number][];
  notes: readonly ItemNote[];
  volumes: readonly ReportedVolume[];
  problems: readonly Problem[];
  /** Lines that others wrote; `time` is for those that have none of their own. */
  hookLines: (time: string) => string[];
  now: string;
}

/** Lines in Velero's text form, each with the time at which it happened, in that order. */
export function backupLog(log: BackupLog): string {
  const { backup, now, volumes, problems, notes } = log;
  const ends = stageEnds(log);
  const at = (stage: string) => ends[stage] ?? now;
  const info = (time: string, msg: string) => logLine({ time, level: 'info', msg }, { backup });
  const lines = [
    info(log.startedAt, 'backup started'),
    ...Object.entries(log.stages).map(([stage, ms]) => info(at(stage), `stage ${stage} took ${ms} ms`)),
    ...log.kinds.map(([kind, count]) => info(at('exportRelated'), `backed up ${count} of ${kind}`)),
    ...notes.map((note) => noteLine(note, at('exportResources'), backup)),
    ...volumes.flatMap(({ plan, outcome }) => volumeLines(plan, outcome, at('planVolumes'), info)),
    ...log.hookLines(at('protectVolumes')),
    ...problems.flatMap((entry) => problemLines([entry], at(entry.step), backup)),
  ];
  const sorted = lines.map((line) => ({ line, time: timeOf(line) }));
  sorted.sort((a, b) => (a.time < b.time ? -1 : Number(a.time > b.time)));
  return sorted.map(({ line }) => `${line}\n`).join('');
}

const seconds = (ms: number) => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** When each stage ended. */
function stageEnds({ startedAt, stages }: BackupLog): Record<string, string> {
  const ends: Record<string, string> = {};
  let time = Date.parse(startedAt);
  for (const [stage, ms] of Object.entries(stages)) {
    time += ms;
    ends[stage] = seconds(time);
  }
  const { protectVolumes } = ends;
  if (protectVolumes) for (const step of STEPS_OF_VOLUMES) ends[step] = protectVolumes;
  return ends;
}

/** Problems name these steps, which are no stages of the run but happen while volumes are protected. */
const STEPS_OF_VOLUMES = ['protectVolume', 'transfer', 'preHooks', 'postHooks'];

const timeOf = (line: string): string => /^time="?([^" ]+)/.exec(line)?.[1] ?? '';

function volumeLines(
  plan: VolumePlan,
  outcome: VolumeOutcome | undefined,
  planned: string,
  info: (time: string, msg: string) => string,
): string[] {
  const name = `volume ${plan.claim ? 'of claim ' : ''}${volumeName(plan)}`;
  const decision = info(planned, `${name}: ${plan.method}, ${plan.reason}`);
  if (!outcome) return [decision];
  return [decision, info(seconds(Date.parse(outcome.completedAt)), `${name}: ${endOf(plan, outcome)}`)];
}

function endOf(plan: VolumePlan, outcome: VolumeOutcome): string {
  if (!outcome.ok) return `failed, ${outcome.problem?.message ?? ''}`;
  if (outcome.kept) return `${plan.reason}, as ${handleOf(outcome.kept)}`;
  const { bytes, files, bytesMoved, snapshotId } = outcome;
  return `${bytes} bytes in ${files} files, ${bytesMoved} sent, snapshot ${snapshotId}`;
}
