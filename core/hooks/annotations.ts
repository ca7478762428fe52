import { TIMEOUTS } from '../../contracts/settings.ts';
import { hookTimeout, timeoutFault } from './hook.ts';
import type { Hook, HookPhase } from './hook.ts';

/** Hooks that a pod itself asks for: `pre.hook.backup.velero.io/command` and its like. */

const PREFIXES: Record<HookPhase, string[]> = {
  // The name without a phase is older; it means the hook before.
  pre: ['pre.hook.backup.velero.io/', 'hook.backup.velero.io/'],
  post: ['post.hook.backup.velero.io/'],
};

export interface AnnotatedHook {
  hook?: Hook;
  /** What is not as it should be, and what is done instead. */
  faults: string[];
}

export function annotatedHook(annotations: Record<string, string>, phase: HookPhase): AnnotatedHook {
  const prefix = PREFIXES[phase].find((candidate) => annotations[`${candidate}command`]);
  if (prefix === undefined) return { faults: [] };
  const of = (field: string) => annotations[`${prefix}${field}`] ?? '';
  const [onError, timeout] = [of('on-error'), of('timeout')];
  const badTimeout = timeoutFault(timeout);
  const faults = [
    ...(badTimeout ? [`annotation ${prefix}timeout: ${badTimeout}; 30 s are used`] : []),
    ...(['', 'Continue', 'Fail'].includes(onError)
      ? []
      : [`annotation ${prefix}on-error: "${onError}" is neither Continue nor Fail; it counts as Continue`]),
  ];
  const hook: Hook = {
    source: 'annotation',
    name: '',
    index: 0,
    container: of('container'),
    command: commandOf(of('command')),
    fails: onError === 'Fail',
    timeoutMs: badTimeout ? TIMEOUTS.hook : hookTimeout(timeout),
  };
  return { hook, faults };
}

/** A JSON array of strings, or else one program without arguments; there is no shell. */
function commandOf(text: string): string[] {
  if (!text.startsWith('[')) return [text];
  try {
    const parsed: unknown = JSON.parse(text);
    if (Array.isArray(parsed) && parsed.every((part) => typeof part === 'string')) return parsed;
  } catch {
    // Taken as it stands, as Velero does.
  }
  return [text];
}
