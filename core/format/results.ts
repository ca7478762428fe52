import { hintOf } from '../problems.ts';
import type { Problem } from '../problems.ts';
import { parseObject, renderDocument } from './json.ts';

/** One side of a results file; every part is left out while it is empty. */
export interface Result {
  velero?: string[];
  cluster?: string[];
  namespaces?: Record<string, string[]>;
}

export interface Results {
  errors: Result;
  warnings: Result;
}

/** What a line of the results file is made of. */
export type ResultEntry = Pick<Problem, 'message' | 'namespace' | 'resource' | 'name'> & {
  error?: string | undefined;
};

/** Velero's text form, leading space included: ` resource: /pods name: /web-0 message: /… error: /…`. */
export function resultText(entry: ResultEntry): string {
  const parts: [string, string | undefined][] = [
    ['resource', entry.resource],
    ['name', entry.name],
    ['message', entry.message],
    ['error', entry.error],
  ];
  return parts.map(([key, value]) => (value ? ` ${key}: /${value}` : '')).join('');
}

/** Files the entry where Velero does: by namespace; empty namespace = cluster; no namespace = the run itself. */
export function addResult(result: Result, entry: ResultEntry): void {
  const text = resultText(entry);
  if (entry.namespace === undefined) (result.velero ??= []).push(text);
  else if (entry.namespace === '') (result.cluster ??= []).push(text);
  else listOf((result.namespaces ??= {}), entry.namespace).push(text);
}

export function resultsOf(problems: Iterable<Problem>): Results {
  const results: Results = { errors: {}, warnings: {} };
  for (const problem of problems) {
    const { severity, code, hint } = problem;
    // Warnings keep Velero's words; most of them need nothing done.
    if (severity === 'warning') addResult(results.warnings, problem);
    else addResult(results.errors, { ...problem, error: `${code}: ${hintOf(code, hint)}` });
  }
  return results;
}

export const renderResults = (results: Results): string => renderDocument(results);

export function parseResults(text: string, file = 'results'): Results {
  const { errors, warnings } = parseObject<Results>(text, file);
  return { errors: errors ?? {}, warnings: warnings ?? {} };
}

/** Entries of one side; equal to `status.errors` or `status.warnings`. */
export function countResult(result: Result): number {
  const lists = [result.velero, result.cluster, ...Object.values(result.namespaces ?? {})];
  return lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
}

/** The list under a key; own properties only, since a namespace may be called `constructor`. */
function listOf(lists: Record<string, string[]>, key: string): string[] {
  if (!Object.hasOwn(lists, key)) lists[key] = [];
  return lists[key]!;
}
