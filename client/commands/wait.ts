import type { CaravelClient } from '../caravel-client.ts';
import type { Cli } from '../cli.ts';
import { formatBytes, formatElapsed, oneLine } from '../output/format.ts';
import { ProgressBars } from '../output/progress-bars.ts';
import { ProgressLines, type ProgressView } from '../output/progress-lines.ts';
import { paintPhase } from '../output/run-table.ts';
import { makeColors } from '../output/style.ts';
import type { RunProgress } from '../progress.ts';
import type { RunType } from '../../contracts/run.ts';

/** A worker takes a run up within two seconds; after this long something is missing. */
const PATIENCE = 15_000;

const SILENT: ProgressView = { show: () => undefined, note: () => undefined, stop: () => undefined };

export interface WaitFor {
  type: RunType;
  name: string;
  uid: string;
  /** No progress, for output that programs read. */
  silent: boolean;
}

/** The end of the run, or undefined when the user did not want to wait for it. */
export async function waitWithProgress(
  cli: Cli,
  client: CaravelClient,
  { type, name, uid, silent }: WaitFor,
): Promise<RunProgress | undefined> {
  const stop = new AbortController();
  const release = cli.terminal.onInterrupt(() => stop.abort());
  const view = silent ? SILENT : progressView(cli);
  const unheard = setTimeout(() => view.note(unheardText(type, client)), PATIENCE);
  const onProgress = (progress: RunProgress): void => {
    if (progress.phase !== 'New') clearTimeout(unheard);
    view.show(progress);
  };
  try {
    return await client.waitForRun(type, name, { uid, onProgress, signal: stop.signal });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return undefined;
  } finally {
    clearTimeout(unheard);
    view.stop();
    release();
    if (stop.signal.aborted) cli.note(goesOnText(type, name));
  }
}

function progressView(cli: Cli): ProgressView {
  const { screen } = cli.terminal;
  return screen ? new ProgressBars(screen, makeColors(true)) : new ProgressLines((line) => cli.note(line));
}

const unheardText = (type: RunType, client: CaravelClient): string =>
  `no worker has taken the ${type} up yet: is the Deployment caravel in namespace ${client.namespace} running?`;

const goesOnText = (type: RunType, name: string): string =>
  `${type} ${name} goes on in the cluster; see it with: caravel ${type} describe ${name}`;

/** What a run came to, with the causes when it is not what was asked for. */
export function summary(progress: RunProgress, elapsed: number, cli: Cli): string {
  const { type, name, phase, itemsDone, volumes, warnings, errors } = progress;
  const bytes = volumes.reduce((sum, volume) => sum + volume.bytesDone, 0);
  const moved = volumes.length === 0 ? '' : `, ${count(volumes.length, 'volume')} (${formatBytes(bytes)})`;
  const counts = `${count(itemsDone, 'item')}${moved}, ${count(warnings, 'warning')}, ${count(errors, 'error')}`;
  const head = `${type} ${name} ${paintPhase(phase, cli.style.colors)} after ${formatElapsed(elapsed)}: ${counts}`;
  const causes = [
    ...progress.validationErrors,
    ...(progress.failureReason === undefined ? [] : [progress.failureReason]),
    ...volumes
      .filter((volume) => volume.phase === 'Failed' && volume.message)
      .map((volume) => `volume ${volume.namespace}/${volume.volume}: ${volume.message}`),
  ];
  return [head, ...causes.map((cause) => `- ${oneLine(cause)}`)].join('\n');
}

const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`;
