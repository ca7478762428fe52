import { TIMEOUTS } from '../../contracts/settings.ts';
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

/** Milliseconds; the default for a text that is missing or zero. Throws for one that is no duration. */
export function hookTimeout(text: string | undefined): number {
  const timeout = text ? parseDuration(text) : 0;
  if (timeout < 0) throw new CaravelError('InvalidInput', 'must not be negative');
  if (timeout > TIMEOUTS.hookLongest)
    throw new CaravelError('InvalidInput', `must be at most ${formatDuration(TIMEOUTS.hookLongest)}`);
  return timeout || TIMEOUTS.hook;
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
