import type { StageTimes } from '../../contracts/activities.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { FACTS_ANNOTATION } from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { isConflict } from '../../platform/kube/errors.ts';

export const GVR_OF = { backup: GVR.backups, restore: GVR.restores } as const;

const TERMINAL = new Set(['Completed', 'PartiallyFailed', 'Failed', 'FailedValidation']);

export const isTerminal = (phase: string | undefined) => phase !== undefined && TERMINAL.has(phase);

export interface RunObject extends KubeObject {
  spec?: Record<string, unknown>;
  status?: { phase?: string; [field: string]: unknown };
}

/** The custom resource of a run; ResourceGone when it was deleted or is another one of the same name. */
export async function readRunObject(kube: KubeClient, run: RunRef): Promise<RunObject> {
  const object = await kube.find<RunObject>(GVR_OF[run.type], run.namespace, run.name);
  if (!object) throw new CaravelError('ResourceGone', `${run.type} ${run.name} was deleted`);
  if (object.metadata.uid !== run.uid) {
    throw new CaravelError('ResourceGone', `${run.type} ${run.name} was deleted and made again`);
  }
  return object;
}

/**
 * Patches the resource of a run, provided that it is still the same object and not yet terminal: the resource version
 * makes the test and the write one. Returns the object, unchanged when it was terminal already.
 */
export async function patchRun(
  kube: KubeClient,
  run: RunRef,
  change: (current: RunObject) => object,
): Promise<RunObject> {
  for (;;) {
    const current = await readRunObject(kube, run);
    if (isTerminal(current.status?.phase)) return current;
    const patch = { ...change(current) } as { metadata?: object };
    const { uid, resourceVersion } = current.metadata;
    const guarded = { ...patch, metadata: { ...patch.metadata, uid, resourceVersion } };
    try {
      return await kube.patch<RunObject>(GVR_OF[run.type], run.namespace, run.name, guarded, {
        type: 'merge',
      });
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }
}

/** The time in so many milliseconds, as Kubernetes writes it. */
export const later = (ms: number) => new Date(Date.now() + ms).toISOString().replace(/\.\d+Z$/, 'Z');
export const now = () => later(0);

/** Facts beyond Velero's status schema, as one annotation. */
export const factsAnnotation = (facts: object) => ({
  annotations: { [FACTS_ANNOTATION]: JSON.stringify(facts) },
});

/** Takes them away. */
export const withoutFacts = { annotations: { [FACTS_ANNOTATION]: null } };

export function stageFacts(stages: StageTimes, extra: object = {}) {
  return { stagesMs: stages, ...extra };
}
