import type { LabelSelector } from '../../contracts/api/index.ts';
import { selectorErrors } from '../../core/selection/label-selector.ts';

type Requirement = NonNullable<LabelSelector['matchExpressions']>[number];

/** Label selectors as kubectl writes them, turned into the form of the API. */

const IN = /^(\S+)\s+(in|notin)\s*\(([^()]*)\)$/;
const NOT_EQUAL = /^([^=!]+)!=(.*)$/;
const EQUAL = /^([^=!]+)==?(.*)$/;

const FORMS = 'write k=v, k!=v, k, !k, "k in (a,b)" or "k notin (a,b)", separated by commas';

function requirement(text: string): Requirement {
  const set = IN.exec(text);
  if (set)
    return { key: set[1]!, operator: set[2] === 'in' ? 'In' : 'NotIn', values: set[3]!.split(',').map(trim) };
  const unequal = NOT_EQUAL.exec(text);
  if (unequal) return { key: trim(unequal[1]!), operator: 'NotIn', values: [trim(unequal[2]!)] };
  const equal = EQUAL.exec(text);
  if (equal) return { key: trim(equal[1]!), operator: 'In', values: [trim(equal[2]!)] };
  if (text.startsWith('!')) return { key: trim(text.slice(1)), operator: 'DoesNotExist' };
  return { key: text, operator: 'Exists' };
}

const trim = (text: string): string => text.trim();

/** Splits at the commas outside of parentheses. */
function parts(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

const isEquality = (text: string) => EQUAL.test(text) && !IN.test(text) && !NOT_EQUAL.test(text);

/** Throws a sentence that says what is wrong and how it is written. */
export function parseSelector(text: string): LabelSelector {
  const written = parts(text);
  if (written.includes('')) throw new Error(`"${text}" has an empty part: ${FORMS}`);
  const matchLabels: Record<string, string> = {};
  const matchExpressions: Requirement[] = [];
  for (const part of written) {
    const parsed = requirement(part);
    // A second value for a key would overwrite the first one; as an expression both hold.
    if (isEquality(part) && !Object.hasOwn(matchLabels, parsed.key))
      matchLabels[parsed.key] = parsed.values![0]!;
    else matchExpressions.push(parsed);
  }
  const problem = selectorErrors({ matchLabels, matchExpressions })[0];
  if (problem) throw new Error(`${problem}; ${FORMS}`);
  return {
    ...(Object.keys(matchLabels).length > 0 && { matchLabels }),
    ...(matchExpressions.length > 0 && { matchExpressions }),
  };
}

/** Several selectors, any of which may fit, separated by the word `or`. */
export const parseOrSelectors = (text: string): LabelSelector[] => text.split(/\s+or\s+/i).map(parseSelector);
