/** Lines of `…-logs.gz`: the text format of Go's logrus, which is what users of `velero backup logs` know. */

export type LogLevel = 'debug' | 'info' | 'warning' | 'error';

const OWN_KEYS = new Set(['time', 'level', 'msg']);
/** Values of these characters alone stand without quotes. */
const PLAIN = /^[a-zA-Z0-9\-._/@^+]*$/;

/** One line, without the line feed. Fields follow in alphabetical order; absent ones are left out. */
export function logLine(
  entry: { time: string; level: LogLevel; msg: string },
  fields: Record<string, string | number | boolean | undefined> = {},
): string {
  const parts = [`time=${logValue(entry.time)}`, `level=${entry.level}`];
  if (entry.msg !== '') parts.push(`msg=${logValue(entry.msg)}`);
  const named = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    // logrus moves fields out of the way that are called like its own.
    .map(([key, value]): [string, string] => [OWN_KEYS.has(key) ? `fields.${key}` : key, String(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, value] of named) parts.push(`${key}=${logValue(value)}`);
  return parts.join(' ');
}

const logValue = (text: string): string => (PLAIN.test(text) ? text : goQuote(text));

const ESCAPES: Record<string, string> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '"': '\\"',
  '\\': '\\\\',
};

/** Go's `%q`: everything that does not print is escaped, so a message can never forge a second line. */
function goQuote(text: string): string {
  // Controls, separators other than the space, and lone surrogates do not print.
  const inner = text.replace(/["\\]|[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu, escaped);
  return `"${inner}"`;
}

function escaped(character: string): string {
  const known = ESCAPES[character];
  if (known !== undefined) return known;
  const code = character.codePointAt(0)!;
  const hex = (length: number) => code.toString(16).padStart(length, '0');
  if (code < 0x80) return `\\x${hex(2)}`;
  return code > 0xffff ? `\\U${hex(8)}` : `\\u${hex(4)}`;
}
