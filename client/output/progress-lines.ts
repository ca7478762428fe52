import type { RunProgress, VolumeProgress } from '../progress.ts';
import { formatBytes, oneLine } from './format.ts';

/** Something that shows a run while it is waited for. */
export interface ProgressView {
  show(progress: RunProgress): void;
  /** Something to say in between. */
  note(text: string): void;
  stop(): void;
}

/** A line for each tenth of a volume, so that a log of CI stays readable. */
const STEP_PERCENT = 10;

export function percentOf({ bytesDone, bytesTotal }: VolumeProgress): number {
  return bytesTotal === 0 ? 0 : Math.min(100, Math.floor((bytesDone / bytesTotal) * 100));
}

export function phaseText({ phase, itemsDone, itemsTotal }: RunProgress): string {
  return itemsTotal === 0 ? phase : `${phase}, ${itemsDone} of ${itemsTotal} items`;
}

function volumeText(volume: VolumeProgress): string {
  const { namespace, volume: name, phase, bytesDone, bytesTotal, message } = volume;
  const bytes = bytesTotal === 0 ? '' : ` ${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`;
  const percent = bytesTotal === 0 ? '' : ` (${percentOf(volume)}%)`;
  const why = message && phase === 'Failed' ? `: ${oneLine(message)}` : '';
  return `volume ${namespace}/${name}: ${phase}${bytes}${percent}${why}`;
}

/** Plain lines for logs: one for each change worth a line. */
export class ProgressLines implements ProgressView {
  readonly #write: (line: string) => void;
  readonly #last = new Map<string, string>();

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  show(progress: RunProgress): void {
    const { type, name, phase, itemsTotal } = progress;
    this.#once('', `${phase}/${itemsTotal}`, () => `${type} ${name}: ${phaseText(progress)}`);
    for (const volume of progress.volumes) {
      const step = Math.floor(percentOf(volume) / STEP_PERCENT);
      this.#once(volume.id, `${volume.phase}/${step}`, () => volumeText(volume));
    }
  }

  note(text: string): void {
    this.#write(text);
  }

  stop(): void {
    // Nothing stays open between two lines.
  }

  #once(key: string, state: string, line: () => string): void {
    if (this.#last.get(key) === state) return;
    this.#last.set(key, state);
    this.#write(line());
  }
}
