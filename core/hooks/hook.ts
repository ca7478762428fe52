import { CaravelError, messageOf } from '../errors/catalog.ts';
import { formatDuration, parseDuration } from '../format/duration.ts';

export type HookPhase = 'pre' | 'post';

/** A command in a container of a pod, before or after the pod's volumes are cut. */
export interface Hook {
  source: 'annotation' | 'spec';
  /** Of the entry of spec.hooks.resources; empty for annotations. */
  name: string;
  /** Place in the list of the entry. */
  index: number;
  /** As written; empty means the first of the pod. */
  container: string;
  command: string[];
  /** Whether its failure fails the pod: only an explicit `onError: Fail` does. */
  fails: boolean;
  timeoutMs: number;
}

export interface PodHooks {
  namespace: string;
  name: string;
  /** In the order in which they run. */
  pre: Hook[];
  post: Hook[];
}

/** The hooks around the cut of one group of volumes, or around nothing when no volume belongs to it. */
export interface GroupHooks {
  group: number;
  /** In the order in which they are quiesced and released. */
  pods: PodHooks[];
}

/** Velero's default. */
export const DEFAULT_HOOK_TIMEOUT = 30_000;
/** Longer ones are a slip of the pen; timers of the runtime end at 24 days. */
const LONGEST_HOOK = 24 * 3_600_000;

/** Milliseconds; the default for a text that is missing or zero. Throws for one that is no duration. */
export function hookTimeout(text: string | undefined): number {
  const timeout = text ? parseDuration(text) : 0;
  if (timeout < 0) throw new CaravelError('InvalidInput', 'must not be negative');
  if (timeout > LONGEST_HOOK)
    throw new CaravelError('InvalidInput', `must be at most ${formatDuration(LONGEST_HOOK)}`);
  return timeout || DEFAULT_HOOK_TIMEOUT;
}

/** What is wrong with a timeout; undefined when nothing is. */
export function timeoutFault(text: string | undefined): string | undefined {
  try {
    hookTimeout(text);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** Every pod by the same name. */
export const podKey = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`;
