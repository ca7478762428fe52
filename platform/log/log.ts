import { pino, type DestinationStream, type Logger } from 'pino';
import { redact } from './redact.ts';

export type LogFields = Record<string, unknown>;
type Write = (message: string, fields?: LogFields) => void;

/** Structured log; the message first, then the facts. */
export interface Log {
  trace: Write;
  debug: Write;
  info: Write;
  warn: Write;
  error: Write;
  /** A log that adds the same facts to each line. */
  child(fields: LogFields): Log;
}

export interface LogOptions {
  level: 'trace' | 'debug' | 'info' | 'warn' | 'error';
  /** Facts on every line. */
  fields?: LogFields;
  /** Default: standard output. */
  destination?: DestinationStream;
}

function wrap(logger: Logger): Log {
  const at =
    (level: 'trace' | 'debug' | 'info' | 'warn' | 'error'): Write =>
    (message, fields) => {
      // Redaction costs a copy; lines below the level need none.
      if (logger.isLevelEnabled(level)) logger[level](redact(fields ?? {}), redact(message));
    };
  return {
    trace: at('trace'),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => wrap(logger.child(redact(fields))),
  };
}

/** JSON lines: time (ISO 8601), level (word), msg, facts. */
export function createLog({ level, fields = {}, destination }: LogOptions): Log {
  const options = {
    level,
    base: redact(fields),
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return wrap(destination ? pino(options, destination) : pino(options));
}

type TemporalLevel = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR';
type TemporalFields = Record<string | symbol, unknown>;
type TemporalWrite = (message: string, meta?: TemporalFields) => void;

/** Shape of the logger that Temporal's SDK takes, without its types. */
export interface TemporalLogger {
  log(level: TemporalLevel, message: string, meta?: TemporalFields): void;
  trace: TemporalWrite;
  debug: TemporalWrite;
  info: TemporalWrite;
  warn: TemporalWrite;
  error: TemporalWrite;
}

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** The SDK marks its fields with symbols too; only named ones are for people. */
const named = (meta: TemporalFields = {}): LogFields => Object.fromEntries(Object.entries(meta));

export function temporalLogger(log: Log): TemporalLogger {
  const write =
    (level: (typeof LEVELS)[TemporalLevel]): TemporalWrite =>
    (message, meta) =>
      log[level](message, named(meta));
  return {
    log: (level, message, meta) => log[LEVELS[level]](message, named(meta)),
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
}
