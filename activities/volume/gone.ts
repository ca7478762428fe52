import { LABELS, NUDGE_ANNOTATION, OURS } from '../../contracts/ids.ts';
import { DELETION_WAITS, TIMEOUTS } from '../../contracts/settings.ts';
import { isNotFound, KubeWaitTimeout } from '../../platform/kube/errors.ts';
import type { Gvr, KubeClient, KubeObject } from '../../platform/kube/types.ts';

/** Waits for the end of objects. */

export interface Target {
  gvr: Gvr;
  namespace: string | undefined;
  name: string;
  /** The object carries the labels of what Caravel makes, so all who wait for such objects share a watch. */
  ours?: boolean;
}

export const isOurs = (object: KubeObject | undefined): boolean =>
  object?.metadata.labels?.[LABELS.managedBy] === 'caravel';

/** Waits until an object is gone; its finalizers, and so the storage behind it, are done then. */
export async function gone(
  kube: KubeClient,
  { gvr, namespace, name, ours = false }: Target,
  signal: AbortSignal,
  timeoutMs: number = TIMEOUTS.release,
): Promise<void> {
  const test = (object: unknown) => (object === undefined ? true : undefined);
  await kube.waitFor(gvr, namespace, name, test, { timeoutMs, signal, ...(ours && { among: OURS }) });
}

/** As `gone`, for an object that goes when a content does, such as the content itself. */
export async function goneWithContent(
  kube: KubeClient,
  target: Target,
  content: Pick<Target, 'gvr' | 'name'>,
  signal: AbortSignal,
): Promise<void> {
  for (const [at, timeoutMs] of DELETION_WAITS.entries()) {
    try {
      await gone(kube, target, signal, timeoutMs);
      return;
    } catch (error) {
      if (!(error instanceof KubeWaitTimeout) || at === DELETION_WAITS.length - 1) throw error;
      await nudge(kube, { ...content, namespace: undefined });
    }
  }
}

/** Nothing is changed that means something, but whoever watches looks again. */
export async function nudge(
  kube: KubeClient,
  { gvr, namespace, name }: Pick<Target, 'gvr' | 'namespace' | 'name'>,
): Promise<void> {
  const patch = { metadata: { annotations: { [NUDGE_ANNOTATION]: new Date().toISOString() } } };
  try {
    await kube.patch(gvr, namespace, name, patch, { type: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
