import { formatBytes } from '../../client/output/format.ts';
import type { CaravelRun } from './caravel.ts';
import type { Results, Turn } from './cases.ts';
import type { Load } from './machine.ts';
import { SIDES } from './peer.ts';
import type { Measured, PeerResults, Side } from './peer.ts';
import { median, medians, ratios, spread } from './statistics.ts';
import type { Spread } from './statistics.ts';

/** The numbers for people: ratios first, then where the time goes. */

interface About {
  date: string;
  processor: string;
  cores: number;
  memoryGiB: number;
}

type Row = string[];

export function report(about: About, { turns, quiesce, memory, peers = {} }: Results): string {
  const entries = Object.entries(turns);
  const compared = Object.values(peers).flatMap((sides) => Object.values(sides).flat());
  const runs = [...entries.flatMap(([, { floor, caravel }]) => [...floor, ...caravel]), ...compared];
  const loads = runs.map(({ load }) => load);
  const parts = [
    `${about.date}, ${about.cores} × ${about.processor}, ${about.memoryGiB} GiB; ${loadLine(loads)}`,
    ...(entries.length > 0 ? [overview(entries)] : []),
    ...entries.map(([name, turn]) => whereTimeGoes(name, turn)),
    ...(compared.length > 0 ? peerTables(peers) : []),
    ...(quiesce ? [`quiesced while five volumes are cut, ms: ${range(spread(quiesce), 0)}`] : []),
    ...(memory ? [memoryTable(memory)] : []),
  ];
  return parts.join('\n\n');
}

function loadLine(loads: readonly Load[]): string {
  if (loads.length === 0) return 'nothing timed';
  const before = spread(loads.map((load) => load.before));
  const busy = spread(loads.map((load) => load.busy * 100));
  return `load average before each run ${range(before, 1)}, cores busy during a run ${range(busy, 0)} %`;
}

const range = ({ median, min, max }: Spread, digits: number) =>
  `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`;
const seconds = (milliseconds: readonly number[]) => range(spread(milliseconds.map((ms) => ms / 1000)), 2);

function overview(entries: [string, Turn][]): string {
  const rows = entries.map(([name, { floor, caravel }]): Row => {
    const ours = caravel.map(({ ms }) => ms);
    const theirs = floor.map(({ ms }) => ms);
    const volumes = caravel[0]?.facts.volumes.length ?? 1;
    return [
      name,
      theirs.length > 0 ? seconds(theirs) : '',
      seconds(ours),
      theirs.length > 0 ? range(ratios(ours, theirs), 2) : '',
      (median(ours) / 1000 / volumes).toFixed(2),
    ];
  });
  return table(['MEDIAN (MIN–MAX)', 'FLOOR, S', 'CARAVEL, S', 'CARAVEL / FLOOR', 'S A VOLUME'], rows);
}

/** Every millisecond from the creation of the resource to Completed, once. */
function whereTimeGoes(name: string, { floor, caravel }: Turn): string {
  const wall = median(caravel.map(({ ms }) => ms));
  const row = ([what, ms]: [string, number]): Row => [
    what,
    (ms / 1000).toFixed(2),
    `${((100 * ms) / wall).toFixed(0)} %`,
  ];
  const [large, small] = splitAt(medians(caravel.map((run) => run.steps)), wall / 100);
  const idle = medians(caravel.map((run) => run.idle));
  const rows = [
    ...large.map(row),
    ...(small.length > 0
      ? [row([`${small.length} kinds of steps below 1 %`, small.reduce((sum, [, ms]) => sum + ms, 0)])]
      : []),
    ...Object.entries(idle).map(([when, ms]) => row([`nothing worked, ${IDLE[when] ?? when}`, ms])),
  ];
  return [
    table([`WHERE THE TIME GOES: ${name.toUpperCase()}`, 'S', 'SHARE'], rows),
    counts(caravel),
    table(['STAGE (SUM OVER VOLUMES)', 'S', 'OF WALL'], Object.entries(stagesOf(caravel)).map(row)),
    ...(floor.length > 0 ? [floorTable(floor)] : []),
  ].join('\n\n');
}

type Times = [string, number][];

function splitAt(times: Record<string, number>, least: number): [large: Times, small: Times] {
  const sorted = Object.entries(times).sort(([, a], [, b]) => b - a);
  return [sorted.filter(([, ms]) => ms >= least), sorted.filter(([, ms]) => ms < least)];
}

const IDLE: Record<string, string> = {
  before: 'until the first step',
  between: 'between steps',
  after: 'after the last step',
};

function counts(runs: readonly CaravelRun[]): string {
  const activities = median(runs.map((run) => run.activities));
  const queued = median(runs.map((run) => run.queuedMs));
  return `${activities} steps, which waited ${(queued / Math.max(1, activities)).toFixed(0)} ms each for a worker`;
}

/** Stages of the run, and below them those of its volumes, added up. */
function stagesOf(runs: readonly CaravelRun[]): Record<string, number> {
  return medians(
    runs.map(({ facts }) => {
      const sums: Record<string, number> = { ...facts.stagesMs };
      const add = (stage: string, ms: number) =>
        (sums[`  volume ${stage}`] = (sums[`  volume ${stage}`] ?? 0) + ms);
      for (const { stagesMs = {} } of facts.volumes) {
        for (const [stage, ms] of Object.entries(stagesMs)) add(stage, ms);
        add('transfer outside the mover', (stagesMs['transfer'] ?? 0) - (stagesMs['mover.total'] ?? 0));
      }
      return sums;
    }),
  );
}

function floorTable(runs: Turn['floor']): string {
  const rows = Object.entries(medians(runs.map(({ stages }) => stages)));
  return table(
    ['FLOOR', 'S'],
    rows.map(([stage, ms]): Row => [stage, (ms / 1000).toFixed(2)]),
  );
}

const NAMES: Record<Side, string> = { caravel: 'CARAVEL', velero: 'VELERO', tuned: 'VELERO TUNED' };

function peerTables(peers: PeerResults): string[] {
  const others = SIDES.filter((side) => side !== 'caravel');
  const head = (unit: string) => [
    ...SIDES.map((side) => `${NAMES[side]}, ${unit}`),
    ...others.map((side) => `CARAVEL / ${NAMES[side]}`),
  ];
  const row = (sides: Record<Side, Measured[]>, value: (run: Measured) => number, digits: number): Row => {
    const values = (side: Side) => sides[side].map(value);
    return [
      ...SIDES.map((side) => range(spread(values(side)), digits)),
      ...others.map((side) => range(ratios(values('caravel'), values(side)), 2)),
    ];
  };
  const entries = Object.entries(peers);
  const objects = entries.filter(([what]) => !what.includes('volume'));
  return [
    table(
      ['TIME: MEDIAN (MIN–MAX)', ...head('S')],
      entries.map(([what, sides]) => [what, ...row(sides, ({ ms }) => ms / 1000, 1)]),
    ),
    ...(objects.length > 0
      ? [
          table(
            ['PEAK MEMORY OF WORKER AND SERVER', ...head('MIB')],
            objects.map(([what, sides]) => [what, ...row(sides, ({ peakBytes }) => peakBytes / 2 ** 20, 0)]),
          ),
        ]
      : []),
  ];
}

function memoryTable({ idleWorker, backup, restore }: NonNullable<Results['memory']>): string {
  const rows: Row[] = [
    ['idle worker', formatBytes(idleWorker)],
    ...[backup, restore].map((peak, index): Row => [
      `peak of a mover, ${index === 0 ? 'backup' : 'restore'}`,
      `${formatBytes(peak.together)} (kopia ${formatBytes(peak.kopia)}, supervisor ${formatBytes(peak.supervisor)})`,
    ]),
  ];
  return table(['MEMORY', 'RESIDENT'], rows);
}

function table(head: Row, rows: readonly Row[]): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
        )
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}
