import pc from 'picocolors';

export interface ProgressFacts {
  title: string;
  typicalSeconds: number;
  /** Typical seconds of this piece and all that follow it. */
  secondsAhead: number;
}

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

/** Shows that long work goes on: a line that changes on a terminal, a line each 30 s elsewhere. */
export async function showProgress<T>(facts: ProgressFacts, work: () => Promise<T>): Promise<T> {
  const started = Date.now();
  const terminal = process.stderr.isTTY;
  const line = (): string => {
    const elapsed = (Date.now() - started) / 1000;
    const ahead = Math.max(0, facts.secondsAhead - elapsed);
    return `${facts.title}  ${clock(elapsed)} of about ${clock(facts.typicalSeconds)}, all in about ${clock(ahead)}`;
  };
  const print = (): void => {
    process.stderr.write(terminal ? `\r\x1b[K${pc.dim(line())}` : `${line()}\n`);
  };
  print();
  const timer = setInterval(print, terminal ? 1_000 : 30_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    const elapsed = clock((Date.now() - started) / 1000);
    process.stderr.write(`${terminal ? '\r\x1b[K' : ''}${facts.title}  ${elapsed}\n`);
  }
}
