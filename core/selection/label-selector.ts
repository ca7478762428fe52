/** Kubernetes label selectors: checking, the text form for list calls, and matching of stored objects. */

export interface SelectorRequirement {
  key: string;
  operator: string;
  values?: string[] | undefined;
}

export interface Selector {
  matchLabels?: Record<string, string> | null | undefined;
  matchExpressions?: SelectorRequirement[] | null | undefined;
}

const NAME = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/;
const PREFIX = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

function keyError(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.pop() ?? '';
  const prefix = parts[0];
  if (parts.length > 1 || !NAME.test(name) || (prefix !== undefined && !PREFIX.test(prefix))) {
    return `"${key}" is not a label key: [prefix/]name of letters, digits, '-', '_' or '.', at most 63 characters`;
  }
  return undefined;
}

function valueError(value: string): string | undefined {
  if (value === '' || NAME.test(value)) return undefined;
  return `"${value}" is not a label value: letters, digits, '-', '_' or '.', at most 63 characters`;
}

function requirementErrors(requirement: SelectorRequirement): (string | undefined)[] {
  const { key, operator, values = [] } = requirement;
  const errors = [keyError(key), ...values.map(valueError)];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) errors.push(`operator ${operator} on "${key}" needs at least one value`);
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) errors.push(`operator ${operator} on "${key}" takes no values`);
  } else
    errors.push(`"${operator}" is not a valid label selector operator: In, NotIn, Exists or DoesNotExist`);
  return errors;
}

/** Every fault of a selector; an empty list means that it can be used. */
export function selectorErrors(selector: Selector): string[] {
  const labels = Object.entries(selector.matchLabels ?? {});
  return [
    ...labels.flatMap(([key, value]) => [keyError(key), valueError(value)]),
    ...(selector.matchExpressions ?? []).flatMap(requirementErrors),
  ].filter((error) => error !== undefined);
}

function requirementText({ key, operator, values = [] }: SelectorRequirement): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.join(',')})`;
    case 'NotIn':
      return `${key} notin (${values.join(',')})`;
    case 'Exists':
      return key;
    default:
      return `!${key}`;
  }
}

/** The `labelSelector` parameter of a list call; empty for a selector that asks for nothing. */
export function selectorText(selector: Selector): string {
  return [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`),
    ...(selector.matchExpressions ?? []).map(requirementText),
  ].join(',');
}

function meets(labels: Record<string, string>, { key, operator, values = [] }: SelectorRequirement): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    default:
      return value === undefined;
  }
}

export function selectorMatches(selector: Selector, labels: Record<string, string> = {}): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  return (
    wanted.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
    (selector.matchExpressions ?? []).every((requirement) => meets(labels, requirement))
  );
}

/** One selector, or any of several, or none: the three ways in which a spec limits its items. */
export function labelsSelected(
  labels: Record<string, string> | undefined,
  one: Selector | null | undefined,
  any: readonly Selector[] | null | undefined,
): boolean {
  if (one) return selectorMatches(one, labels);
  if (any && any.length > 0) return any.some((selector) => selectorMatches(selector, labels));
  return true;
}
