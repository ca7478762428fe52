/**
 * Velero's name patterns: `*` any run of characters (dots too), `?` one character, `[abc]`, `[a-z]`.
 * A pattern matches the whole name.
 */
export function globToRegExp(pattern: string): RegExp {
  let out = '';
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern.charAt(i);
    const end = char === '[' ? pattern.indexOf(']', i + 2) : -1;
    if (char === '*') out += '.*';
    else if (char === '?') out += '.';
    else if (end > 0) {
      out += `[${pattern.slice(i + 1, end).replace(/[\\\]^]/g, '\\$&')}]`;
      i = end;
    } else out += char.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
  }
  return new RegExp(`^${out}$`, 's');
}

export const isGlob = (text: string) => /[*?[]/.test(text);

/** Include and exclude lists as one test: excluded wins; an empty include list or `*` means everything. */
export class NameFilter {
  readonly includes: readonly string[];
  readonly excludes: readonly string[];
  readonly #include: RegExp[];
  readonly #exclude: RegExp[];

  constructor(includes: readonly string[] = [], excludes: readonly string[] = []) {
    this.includes = includes;
    this.excludes = excludes;
    this.#include = includes.map(globToRegExp);
    this.#exclude = excludes.map(globToRegExp);
  }

  test(name: string): boolean {
    if (this.#exclude.some((glob) => glob.test(name))) return false;
    return this.#include.length === 0 || this.#include.some((glob) => glob.test(name));
  }

  excludesName(name: string): boolean {
    return this.#exclude.some((glob) => glob.test(name));
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

function namespaceNameError(name: string, shown: string): string | undefined {
  if (name.length <= 63 && DNS_LABEL.test(name)) return undefined;
  return `invalid namespace "${shown}": must be at most 63 lower case letters, digits or '-', beginning and ending with a letter or digit`;
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
  return errors;
}
