import type { Style } from './style.ts';

/** Headed sections of aligned lines. */

export type Line = [label: string, value: string | undefined];

const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');

/** Lines without a value are left out. */
export function fields(lines: readonly Line[]): string {
  const shown = lines.filter((line): line is [string, string] => line[1] !== undefined && line[1] !== '');
  const width = Math.max(0, ...shown.map(([label]) => label.length)) + 3;
  return shown.map(([label, value]) => `${`${label}:`.padEnd(width)}${value}`).join('\n');
}

export function section(title: string, body: string, { colors }: Style): string | undefined {
  return body === '' ? undefined : `${colors.bold(title)}\n${indent(body)}`;
}
