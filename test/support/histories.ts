import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Recorded histories of real runs: one file a run, and an index of the workflow ids, which histories do not hold. */

export interface RecordedRun {
  /** Workflow type; the folder. */
  type: string;
  /** What the run is an example of; the file. */
  example: string;
  workflowId: string;
}

const FOLDER = join(import.meta.dirname, '../histories');
const INDEX = join(FOLDER, 'index.json');

const fileOf = ({ type, example }: RecordedRun) => join(FOLDER, type, `${example}.json`);
const nameOf = ({ type, example }: RecordedRun) => `${type}/${example}`;

export const recordedRuns = (): RecordedRun[] =>
  existsSync(INDEX) ? (JSON.parse(readFileSync(INDEX, 'utf8')) as RecordedRun[]) : [];

export const readHistory = (run: RecordedRun): string => readFileSync(fileOf(run), 'utf8');

/** Adds a history, or puts it in the place of the earlier one of the same example. */
export function writeHistory(run: RecordedRun, history: string): void {
  const others = recordedRuns().filter((other) => nameOf(other) !== nameOf(run));
  const runs = [...others, run].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  mkdirSync(dirname(fileOf(run)), { recursive: true });
  writeFileSync(fileOf(run), `${history}\n`);
  writeFileSync(INDEX, `${JSON.stringify(runs, null, 2)}\n`);
}

/** A history with the content of its payloads as plain text, to be searched. */
export function plainText(history: string): string {
  const decoded = (key: string, value: unknown) =>
    key === 'data' && typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : value;
  return JSON.stringify(JSON.parse(history, decoded));
}

/**
 * Is a secret in the text? A key id may be an everyday word (the lab's is `caravel`), so it counts only where it is a
 * whole value.
 */
export function holdsSecret(text: string, keys: { ids: string[]; secrets: string[] }): boolean {
  const whole = keys.ids.flatMap((id) => [`"${id}"`, `\\"${id}\\"`, `key_id=${id}`]);
  return [...keys.secrets, ...whole].some((secret) => text.includes(secret));
}
