import { formatBytes } from '../../client/output/format.ts';
import { FACTS_ANNOTATION } from '../../contracts/ids.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { seconds, type StepTime } from './screen.ts';

interface VolumeFacts {
  claim: string;
  ok?: boolean;
  bytes?: number;
  sent?: number;
  stagesMs?: Record<string, number>;
}

interface HookFacts {
  pods: string;
  attempted: number;
  failed: number;
  quiescedMs?: number;
}

interface Facts {
  stagesMs?: Record<string, number>;
  hooks?: HookFacts[];
  volumes?: VolumeFacts[];
}

export function factsOf(run: KubeObject): Facts {
  return JSON.parse(run.metadata.annotations?.[FACTS_ANNOTATION] ?? '{}') as Facts;
}

type Row = [stage: string, time: string, bytes: string];

const indented = (depth: number, text: string): string => `${'  '.repeat(depth)}${text}`;

function stageRows(depth: number, stages: Record<string, number> = {}): Row[] {
  return Object.entries(stages)
    .filter(([name]) => !name.startsWith('mover.'))
    .map(([name, ms]) => [indented(depth, name), seconds(ms), '']);
}

function volumeRows({ claim, bytes = 0, sent, stagesMs = {} }: VolumeFacts): Row[] {
  const ms = Object.entries(stagesMs).reduce(
    (sum, [name, each]) => sum + (name.startsWith('mover.') ? 0 : each),
    0,
  );
  const moved = sent === undefined ? '' : `, ${formatBytes(sent)} sent`;
  return [
    [indented(1, `volume ${claim}`), seconds(ms), `${formatBytes(bytes)}${moved}`],
    ...stageRows(2, stagesMs),
  ];
}

const hookRow = ({ pods, attempted, failed, quiescedMs }: HookFacts): Row => [
  indented(1, `hooks of ${pods}`),
  quiescedMs === undefined ? '' : seconds(quiescedMs),
  `${attempted} run, ${failed} failed`,
];

function runRows(kind: string, run: KubeObject): Row[] {
  const { stagesMs, hooks = [], volumes = [] } = factsOf(run);
  const status = (run['status'] ?? {}) as { startTimestamp?: string; completionTimestamp?: string };
  const { startTimestamp = '', completionTimestamp = '' } = status;
  const took = Date.parse(completionTimestamp) - Date.parse(startTimestamp);
  const bytes = volumes.reduce((sum, volume) => sum + (volume.bytes ?? 0), 0);
  return [
    [
      `${kind} ${run.metadata.name}`,
      Number.isNaN(took) ? '' : seconds(took),
      bytes > 0 ? formatBytes(bytes) : '',
    ],
    ...stageRows(1, stagesMs),
    ...hooks.map(hookRow),
    ...volumes.flatMap(volumeRows),
  ];
}

/** Columns under their heads; unlike the CLI's tables it keeps the indentation. */
function columns(head: Row, rows: readonly Row[]): string {
  const all = [head, ...rows];
  const width = (column: 0 | 1): number => Math.max(...all.map((row) => row[column].length));
  const [first, second] = [width(0), width(1)];
  return all
    .map(([stage, time, bytes]) => `${stage.padEnd(first)}   ${time.padStart(second)}   ${bytes}`.trimEnd())
    .join('\n');
}

/** Times of the demonstration's steps, and of the stages of both runs as their resources tell them. */
export function report(steps: readonly StepTime[], backup: KubeObject, restore: KubeObject): string {
  const stepRows = steps.map(({ title, ms }): Row => [title, seconds(ms), '']);
  const runs = [...runRows('backup', backup), ...runRows('restore', restore)];
  return [columns(['STEP', 'TIME', ''], stepRows), columns(['STAGE', 'TIME', 'BYTES'], runs)].join('\n\n');
}
