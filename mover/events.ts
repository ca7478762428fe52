import { writeFileSync, writeSync } from 'node:fs';
import type { MoverEvent } from '../contracts/mover.ts';
import { OUTPUT } from './limits.ts';

export type Emit = (event: MoverEvent) => void;

const STDOUT = 1;

/**
 * Events as JSON lines on stdout; the last word also into the termination log. Written synchronously: nothing is lost
 * when the process ends, and the volume's data do not depend on whether anyone reads.
 */
export function eventWriter(terminationLog: string, clean: (text: string) => string): Emit {
  return (event) => {
    const line = clean(JSON.stringify(event));
    writeLine(line);
    if (event.t === 'result' || event.t === 'error') writeLastWord(terminationLog, event, clean);
  };
}

function writeLine(line: string): void {
  let rest = Buffer.from(`${line}\n`);
  for (let tries = 0; rest.length > 0 && tries < 1_000; tries++) {
    try {
      rest = rest.subarray(writeSync(STDOUT, rest));
    } catch (error) {
      // A full pipe empties; a closed one has no reader to miss the line.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

function writeLastWord(path: string, event: MoverEvent, clean: (text: string) => string): void {
  try {
    writeFileSync(path, clean(lastWord(event)));
  } catch (error) {
    writeLine(JSON.stringify({ t: 'log', level: 'warn', message: `no termination log: ${String(error)}` }));
  }
}

/** Fits the termination log and stays valid JSON: the message is what can be shortened. */
export function lastWord(event: MoverEvent): string {
  const text = JSON.stringify(event);
  const excess = Buffer.byteLength(text) - OUTPUT.terminationBytes;
  if (excess <= 0 || event.t !== 'error' || event.message.length < 2) return text;
  // An escaped character takes up to six bytes.
  const keep = Math.max(0, event.message.length - excess - 16);
  return lastWord({
    ...event,
    message: `${event.message.slice(0, Math.min(keep, event.message.length - 1))}…`,
  });
}
