import { hintOf, type Problem } from '../../core/problems.ts';
import { oneLine, printable } from './format.ts';

/** Problems, errors first, each with what it belongs to and what to do about it. */
export function problemLines(problems: readonly Problem[]): string {
  const rank = ({ severity }: Problem) => (severity === 'error' ? 0 : 1);
  return [...problems]
    .sort((a, b) => rank(a) - rank(b))
    .map(
      (each) =>
        `- ${each.severity}: ${subject(each)}${oneLine(printable(each.message))} (${each.code}). ${hintOf(each.code)}`,
    )
    .join('\n');
}

function subject({ namespace, resource, name }: Problem): string {
  const parts = [resource, [namespace, name].filter(Boolean).join('/')].filter(Boolean);
  return parts.length === 0 ? '' : `${parts.join(' ')}: `;
}
