import { stripVTControlCharacters } from 'node:util';
import pc from 'picocolors';

/** Says what a step is doing now. */
export type Tell = (detail: string) => void;

export interface StepTime {
  title: string;
  ms: number;
}

const FRAMES = '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏';
const FRAME_MS = 120;
/** How often a log, where nothing can be drawn over, hears of a step that goes on. */
const QUIET_MS = 10_000;

/** Steps with their progress and times: one changing line on a terminal, plain lines elsewhere. */
export class Screen {
  readonly steps: StepTime[] = [];
  readonly #terminal = process.stdout.isTTY;

  line(text = ''): void {
    process.stdout.write(`${text}\n`);
  }

  /** A step that shows one line of its own. */
  step<T>(title: string, work: (tell: Tell) => Promise<T>): Promise<T> {
    let detail = '';
    let told = '';
    const started = Date.now();
    const tick = (): void => {
      const frame = FRAMES[Math.floor((Date.now() - started) / FRAME_MS) % FRAMES.length];
      if (this.#terminal)
        this.#draw(`${pc.cyan(frame ?? '')} ${title}  ${elapsed(started)}  ${pc.dim(detail)}`);
      else if (detail !== told) this.line(`  ${title}  ${elapsed(started)}  ${detail}`);
      told = detail;
    };
    if (!this.#terminal) this.line(`- ${title}`);
    const timer = setInterval(tick, this.#terminal ? FRAME_MS : QUIET_MS);
    return this.#timed(title, started, () => work((text) => void (detail = text)), {
      stop: () => clearInterval(timer),
      detail: () => detail,
    });
  }

  /** A step whose parts print lines by themselves. */
  loud<T>(title: string, work: (tell: Tell) => Promise<T>): Promise<T> {
    this.line(`${pc.cyan('▸')} ${title}`);
    return this.#timed(title, Date.now(), () => work((text) => this.line(`  ${text}`)), {
      stop: () => undefined,
      detail: () => '',
    });
  }

  async #timed<T>(
    title: string,
    started: number,
    work: () => Promise<T>,
    { stop, detail }: { stop: () => void; detail: () => string },
  ): Promise<T> {
    let mark = pc.red('✗');
    try {
      const result = await work();
      mark = pc.green('✓');
      return result;
    } finally {
      stop();
      this.#draw(`${mark} ${title}  ${pc.bold(elapsed(started))}  ${pc.dim(detail())}`.trimEnd());
      process.stdout.write('\n');
      this.steps.push({ title, ms: Date.now() - started });
    }
  }

  #draw(text: string): void {
    if (!this.#terminal) process.stdout.write(text);
    else
      process.stdout.write(`\r\x1b[K${fits(text) ? text : stripVTControlCharacters(text).slice(0, width())}`);
  }
}

const width = (): number => (process.stdout.columns || 80) - 1;

/** A line that breaks could not be drawn over. */
const fits = (text: string): boolean => stripVTControlCharacters(text).length <= width();

export const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;

const elapsed = (started: number): string => seconds(Date.now() - started);
