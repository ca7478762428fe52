/**
 * Velero's name patterns: `*` any run of characters (dots too), `?` one character, `[abc]`, `[a-z]`.
 * A pattern matches the whole name. Matched by hand: as a regular expression, a pattern with many asterisks would keep
 * the process busy for hours.
 */
type Part = '*' | ((char: string) => boolean);

function parsePattern(pattern: string): Part[] {
  const parts: Part[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    const end = char === '[' ? pattern.indexOf(']', at + 2) : -1;
    if (end > 0) {
      const ranges = rangesOf(pattern.slice(at + 1, end));
      parts.push((other) => ranges.some(([low, high]) => low <= other && other <= high));
      at = end;
    } else if (char === '*') parts.push(char);
    else parts.push(char === '?' ? () => true : (other) => other === char);
  }
  return parts;
}

/** What stands between brackets; a single character is a range of itself. */
function rangesOf(text: string): [low: string, high: string][] {
  const ranges: [string, string][] = [];
  for (let at = 0; at < text.length; at++) {
    const low = text.charAt(at);
    const isRange = text[at + 1] === '-' && at + 2 < text.length;
    if (isRange) at += 2;
    ranges.push([low, text.charAt(at)]);
  }
  return ranges;
}

/** Takes for each asterisk as little as will do, and one character more each time the rest does not fit. */
function matches(parts: readonly Part[], name: string): boolean {
  let part = 0;
  let asterisk = -1;
  let rest = 0;
  for (let at = 0; at < name.length;) {
    const wanted = parts[part];
    if (wanted === '*') {
      asterisk = part++;
      rest = at;
    } else if (wanted?.(name.charAt(at))) {
      part++;
      at++;
    } else if (asterisk >= 0) {
      part = asterisk + 1;
      at = ++rest;
    } else return false;
  }
  return parts.slice(part).every((left) => left === '*');
}

/** The pattern as a test of names. */
export function globTest(pattern: string): (name: string) => boolean {
  const parts = parsePattern(pattern);
  return (name) => matches(parts, name);
}

export const isGlob = (text: string) => /[*?[]/.test(text);

/** Include and exclude lists as one test: excluded wins; an empty include list or `*` means everything. */
export class NameFilter {
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  readonly #include: ((name: string) => boolean)[];
  readonly #exclude: ((name: string) => boolean)[];

  constructor(includes: readonly string[] = [], excludes: readonly string[] = []) {
    this.includes = includes;
    this.excludes = excludes;
    this.#include = includes.map(globTest);
    this.#exclude = excludes.map(globTest);
  }

  test(name: string): boolean {
    if (this.excludesName(name)) return false;
    return this.#include.length === 0 || this.#include.some((matches) => matches(name));
  }

  excludesName(name: string): boolean {
    return this.#exclude.some((matches) => matches(name));
  }

  /** No restriction at all; drives the rules for cluster-scoped objects. */
  get everything(): boolean {
    const all = this.includes.length === 0 || (this.includes.length === 1 && this.includes[0] === '*');
    return all && this.excludes.length === 0;
  }
}

/** What is wrong with a namespace pattern, in Velero's words; undefined when nothing is. */
export function namespacePatternError(pattern: string): string | undefined {
  if (pattern === '' || pattern === '*') return undefined;
  if (/[|()!{},]/.test(pattern))
    return 'wildcard pattern contains unsupported characters: |, (, ), !, {, }, ,';
  if (pattern.includes('**'))
    return 'wildcard pattern contains consecutive asterisks (only single * allowed)';
  return bracketError(pattern) ?? namespaceNameError(pattern.replace(/[*?[\]]/g, 'x'), pattern);
}

function bracketError(pattern: string): string | undefined {
  if (pattern.includes('[]')) return "wildcard pattern contains empty bracket pattern '[]'";
  let open = false;
  for (const char of pattern) {
    if (char === '[') open = true;
    else if (char === ']') {
      if (!open) return "wildcard pattern contains unmatched closing bracket ']'";
      open = false;
    }
  }
  return open ? "wildcard pattern contains unclosed bracket '['" : undefined;
}

const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** Kubernetes' own words. */
const NO_LABEL =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

function namespaceNameError(name: string, shown: string): string | undefined {
  if (!DNS_LABEL.test(name)) return `invalid namespace "${shown}": ${NO_LABEL}`;
  return name.length > 63 ? `invalid namespace "${shown}": must be no more than 63 characters` : undefined;
}

/** Errors of a pair of include/exclude lists where excludes may not be `*` (namespaces, old resource filters). */
export function listErrors(includes: readonly string[], excludes: readonly string[]): string[] {
  const errors: string[] = [];
  if (includes.length > 1 && includes.includes('*')) {
    errors.push("includes list must either contain '*' only, or a non-empty list of items");
  }
  if (excludes.includes('*')) errors.push("excludes list cannot contain '*'");
  for (const item of excludes.filter((entry) => entry !== '*' && includes.includes(entry))) {
    errors.push(`excludes list cannot contain an item in the includes list: ${item}`);
  }
  for (const pattern of [...includes, ...excludes].filter(hasBackwardRange))
    errors.push(`wildcard pattern contains a range that runs backwards: ${pattern}`);
  return errors;
}

/** `[z-a]` matches no name at all. */
const hasBackwardRange = (pattern: string) =>
  [...pattern.matchAll(/\[(.[^\]]*)\]/gs)].some(([, set = '']) =>
    rangesOf(set).some(([low, high]) => low > high),
  );
