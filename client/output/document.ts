import { stringify } from 'yaml';

export const OUTPUTS = ['table', 'json', 'yaml'] as const;
export type Output = (typeof OUTPUTS)[number];

/** One document, ending in a line break. */
export function document(value: unknown, output: 'json' | 'yaml'): string {
  if (output === 'json') return `${JSON.stringify(value, null, 2)}\n`;
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** Several objects as Kubernetes wraps them. */
export const listOf = (items: readonly object[]): object => ({ apiVersion: 'v1', kind: 'List', items });
