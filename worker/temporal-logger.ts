import type { Logger } from '@temporalio/worker';
import type { Log } from '../platform/log/log.ts';

type Level = 'trace' | 'debug' | 'info' | 'warn' | 'error';

/** Temporal's own lines in our log: same format, same redaction. */
export function temporalLogger(log: Log): Logger {
  const at = (level: Level) => (message: string, meta?: Record<string, unknown>) => log[level](message, meta);
  return {
    log: (level, message, meta) => at(level.toLowerCase() as Level)(message, meta),
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}
