import type { ServedResource } from '../model.ts';
import { resolveResource } from '../plan/resource-filter.ts';
import { NameFilter } from '../selection/glob.ts';
import { selectorErrors, selectorMatches } from '../selection/label-selector.ts';
import type { Selector } from '../selection/label-selector.ts';
import { hookTimeout, timeoutFault } from './hook.ts';
import type { Hook, HookPhase } from './hook.ts';

/** Hooks of spec.hooks.resources: whom each entry is for, and whether it can be carried out. */

type Names = string[] | null | undefined;

interface ExecHook {
  exec?:
    | {
        container?: string | undefined;
        command?: string[] | undefined;
        onError?: string | undefined;
        timeout?: string | undefined;
      }
    | undefined;
}

export interface HooksFor {
  name?: string | undefined;
  includedNamespaces?: Names;
  excludedNamespaces?: Names;
  includedResources?: Names;
  excludedResources?: Names;
  labelSelector?: Selector | null | undefined;
  pre?: ExecHook[] | null | undefined;
  post?: ExecHook[] | null | undefined;
}

export interface HooksSpec {
  resources?: HooksFor[] | null | undefined;
}

const PODS: ServedResource = {
  group: '',
  version: 'v1',
  resource: 'pods',
  kind: 'Pod',
  singular: 'pod',
  shortNames: ['po'],
  namespaced: true,
};

/** An entry that can be asked about pods. */
export interface HookRule {
  isFor(pod: { namespace: string; labels: Record<string, string> }): boolean;
  pre: Hook[];
  post: Hook[];
}

/** The entries in their order. The spec has no errors. */
export const hookRules = (spec: HooksSpec | null | undefined): HookRule[] =>
  (spec?.resources ?? []).map((entry) => {
    const namespaces = new NameFilter(entry.includedNamespaces ?? [], entry.excludedNamespaces ?? []);
    const resources = new NameFilter(resolved(entry.includedResources), resolved(entry.excludedResources));
    const forPods = resources.test('pods');
    return {
      isFor: ({ namespace, labels }) =>
        forPods &&
        namespaces.test(namespace) &&
        (!entry.labelSelector || selectorMatches(entry.labelSelector, labels)),
      pre: hooksOf(entry, 'pre'),
      post: hooksOf(entry, 'post'),
    };
  });

const resolved = (names: Names) => (names ?? []).map((name) => resolveResource(name, [PODS]));

const hooksOf = (entry: HooksFor, phase: HookPhase): Hook[] =>
  (entry[phase] ?? []).map(({ exec = {} }, index) => ({
    source: 'spec',
    name: entry.name ?? '',
    index,
    container: exec.container ?? '',
    command: exec.command ?? [],
    fails: exec.onError === 'Fail',
    timeoutMs: hookTimeout(exec.timeout),
  }));

/** Everything that is wrong with the entries, each with the name of its field. */
export const hookErrors = (spec: HooksSpec | null | undefined): string[] =>
  (spec?.resources ?? []).flatMap((entry, at) => {
    const field = `spec.hooks.resources[${at}]`;
    return [
      ...(entry.name ? [] : [`${field}.name: must be given`]),
      ...(entry.labelSelector ? selectorErrors(entry.labelSelector) : []).map(
        (error) => `${field}.labelSelector: ${error}`,
      ),
      ...(['pre', 'post'] as const).flatMap((phase) =>
        (entry[phase] ?? []).flatMap((hook, index) => execErrors(`${field}.${phase}[${index}].exec`, hook)),
      ),
    ];
  });

function execErrors(field: string, { exec }: ExecHook): string[] {
  if (!exec) return [`${field}: must be given, hooks of another kind do not exist`];
  const { command = [], onError, timeout } = exec;
  const badTimeout = timeoutFault(timeout);
  return [
    ...(command.length > 0 ? [] : [`${field}.command: must name at least the program`]),
    ...(['', 'Continue', 'Fail', undefined].includes(onError)
      ? []
      : [`${field}.onError: must be Continue or Fail, not "${onError}"`]),
    ...(badTimeout ? [`${field}.timeout: ${badTimeout}`] : []),
  ];
}
