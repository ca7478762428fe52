import { MultiBar, type SingleBar } from 'cli-progress';
import type { RunProgress, VolumeProgress } from '../progress.ts';
import { formatBytes } from './format.ts';
import { percentOf, phaseText, type ProgressView } from './progress-lines.ts';
import { paintPhase } from './run-table.ts';
import type { Colors } from './style.ts';

/** Lines of the terminal that stay free for the phase, the summary and the prompt. */
const RESERVED_LINES = 4;
const LONGEST_LABEL = 40;

const OVER = new Set(['Completed', 'Failed', 'Canceled']);

const barText = ({ phase, bytesDone, bytesTotal }: VolumeProgress): string => {
  if (bytesTotal === 0) return phase;
  return `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}${phase === 'InProgress' ? '' : ` ${phase}`}`;
};

/** The volumes to show where not all fit: those that move, then those that wait, then those that are done. */
export function visibleVolumes(volumes: readonly VolumeProgress[], lines: number): VolumeProgress[] {
  if (volumes.length <= lines) return [...volumes];
  const rank = ({ phase }: VolumeProgress) => (phase === 'InProgress' ? 0 : OVER.has(phase) ? 2 : 1);
  const chosen = new Set(volumes.toSorted((a, b) => rank(a) - rank(b)).slice(0, lines));
  return volumes.filter((volume) => chosen.has(volume));
}

/** One bar per volume below a line with the phase. */
export class ProgressBars implements ProgressView {
  readonly #bars: MultiBar;
  readonly #head: SingleBar;
  readonly #colors: Colors;
  readonly #lines: number;
  readonly #places: SingleBar[] = [];

  constructor(stream: NodeJS.WriteStream, colors: Colors) {
    this.#colors = colors;
    this.#lines = Math.max(1, (stream.rows || 24) - RESERVED_LINES);
    this.#bars = new MultiBar({
      stream,
      hideCursor: true,
      // Ctrl-C belongs to the command that waits.
      gracefulExit: false,
      barsize: 24,
      barCompleteChar: '█',
      barIncompleteChar: '░',
      format: '  {label} {bar} {percentage}% {text}',
    });
    this.#head = this.#bars.create(1, 0, { text: '' }, { format: '{text}' });
  }

  show(progress: RunProgress): void {
    const { type, name, phase, volumes } = progress;
    const rest = phaseText(progress).slice(phase.length);
    const done = volumes.filter((volume) => OVER.has(volume.phase)).length;
    const counted = volumes.length === 0 ? '' : `, ${done} of ${volumes.length} volumes`;
    this.#head.update(0, { text: `${type} ${name}: ${paintPhase(phase, this.#colors)}${rest}${counted}` });
    this.#showVolumes(visibleVolumes(volumes, this.#lines));
    this.#bars.update();
  }

  /** The bars are places: which volume a place shows may change, because a bar that is removed leaves its picture. */
  #showVolumes(volumes: readonly VolumeProgress[]): void {
    while (this.#places.length < volumes.length) {
      this.#places.push(this.#bars.create(100, 0, { label: '', text: '' }));
    }
    for (const bar of this.#places.splice(volumes.length)) this.#bars.remove(bar);
    const labels = volumes.map(({ namespace, volume }) => `${namespace}/${volume}`.slice(-LONGEST_LABEL));
    const width = Math.max(0, ...labels.map((label) => label.length));
    this.#places.forEach((bar, index) => {
      const volume = volumes[index]!;
      bar.update(percentOf(volume), { label: labels[index]!.padEnd(width), text: barText(volume) });
    });
  }

  note(text: string): void {
    this.#bars.log(`${text}\n`);
  }

  stop(): void {
    this.#bars.stop();
  }
}
