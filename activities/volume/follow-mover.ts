import { LABELS, OURS } from '../../contracts/ids.ts';
import { MOVER_CONTAINER } from '../../contracts/mover.ts';
import type { MoverEvent, TransferResult } from '../../contracts/mover.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError, isErrorCode } from '../../core/errors/catalog.ts';
import { moverState } from '../../core/volume/mover-pod.ts';
import type { StartFault } from '../../core/volume/mover-pod.ts';
import { KubeWaitTimeout } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { moverPods } from './clean-up.ts';
import type { VolumeObjects } from './clean-up.ts';
import { gone, nudge } from './gone.ts';

/**
 * Watches over one volume's mover: creates it, or finds the one an earlier attempt of the step created, and follows
 * its log to the result. The mover goes on by itself while nobody follows it.
 */

export interface Following {
  kube: KubeClient;
  at: VolumeObjects;
  signal: AbortSignal;
  /** Attempt numbers below this one were used up. */
  firstAttempt: number;
  podFor: (attempt: number) => object;
  /** `node`: where the mover runs, as far as known. */
  onStart: (attempt: number, node: string | undefined) => Promise<void>;
  onProgress: (event: Extract<MoverEvent, { t: 'progress' }>) => void;
}

export async function followMover(following: Following): Promise<TransferResult> {
  const { kube, at } = following;
  const pod = await attachOrCreate(following);
  const node = await running(following, pod);
  await following.onStart(attemptOf(pod), node);
  const event =
    (await lastWord(following, pod.metadata.name)) ?? (await terminationWord(kube, at, pod.metadata.name));
  if (event?.t === 'result') return event.result;
  await removeDeadPod(following, pod);
  throw event
    ? moverError(event)
    : new CaravelError('MoverLost', `mover ${pod.metadata.name} ended without a result`);
}

const attemptOf = (pod: KubeObject) => Number(pod.metadata.labels?.[LABELS.attempt] ?? 1);

async function attachOrCreate({ kube, at, signal, firstAttempt, podFor }: Following): Promise<KubeObject> {
  const pods = await moverPods(kube, at);
  const alive = pods.find((pod) => !pod.metadata.deletionTimestamp);
  if (alive) return alive;
  // Never two movers on one volume: the next begins when the last is proven gone.
  for (const dying of pods)
    await gone(
      kube,
      { gvr: GVRS.pods, namespace: at.namespace, name: dying.metadata.name, ours: true },
      signal,
      TIMEOUTS.moverGone,
    );
  const attempt = Math.max(firstAttempt, ...pods.map((pod) => attemptOf(pod) + 1));
  const { object } = await kube.ensure(GVRS.pods, at.namespace, podFor(attempt));
  return object;
}

/**
 * Waits until the container runs or has ended, however long its volume takes. A pod that cannot start is an error with
 * the cluster's own words, once it could not for so long that it is no blip. Returns the node.
 */
async function running(
  following: Following,
  { metadata: { name } }: KubeObject,
): Promise<string | undefined> {
  for (;;) {
    const start = await nextStart(following, name, ({ begun, fault }) => begun || fault !== undefined);
    if (start?.begun) return start.node;
    const fault = start ? await outlasting(following, name, start.fault) : await mountFault(following, name);
    if (!start) await remindOfClaim(following);
    if (!fault) continue;
    await following.kube.remove(GVRS.pods, following.at.namespace, name);
    throw new CaravelError(fault.code, `mover ${name}: ${fault.message}`);
  }
}

/** A scheduler that overlooked that the claim was bound looks at the pod again five minutes later, or when this changes. */
const remindOfClaim = async ({ kube, at }: Following): Promise<void> =>
  await nudge(kube, { gvr: GVRS.persistentvolumeclaims, ...at });

/** How far a pod is on its way. */
interface Start {
  /** Runs, has ended, or is gone. */
  begun: boolean;
  node?: string;
  fault?: StartFault;
}

function startOf(object: KubeObject | undefined): Start {
  if (!object) return { begun: true };
  const state = moverState(object['status'] as object | undefined);
  if (state.state === 'starting') return { begun: false, ...state };
  const { nodeName } = (object['spec'] ?? {}) as { nodeName?: string };
  return { begun: true, ...(nodeName && { node: nodeName }) };
}

/** Undefined when nothing of the kind came in time. */
async function nextStart(
  { kube, at, signal }: Following,
  name: string,
  test: (start: Start) => boolean,
): Promise<Start | undefined> {
  const wanted = (object: KubeObject | undefined) => {
    const start = startOf(object);
    return test(start) ? start : undefined;
  };
  const options = { timeoutMs: TIMEOUTS.moverStart, signal, among: OURS };
  try {
    return await kube.waitFor(GVRS.pods, at.namespace, name, wanted, options);
  } catch (error) {
    if (error instanceof KubeWaitTimeout) return undefined;
    throw error;
  }
}

/** The fault as it is when its time is up; undefined when it has passed. */
async function outlasting(
  following: Following,
  name: string,
  first: StartFault | undefined,
): Promise<StartFault | undefined> {
  let last = first;
  const passed = await nextStart(following, name, ({ fault }) => {
    last = fault;
    return !fault || fault.final === true;
  });
  return passed ? passed.fault : last;
}

/** A folder of the node that is not there; the pod itself says nothing of it, and would wait for ever. */
async function mountFault({ kube, at }: Following, name: string): Promise<StartFault | undefined> {
  const events = await kube.list<KubeObject & { message?: string }>(GVRS.events, {
    namespace: at.namespace,
    fieldSelector: `involvedObject.name=${name},reason=FailedMount`,
  });
  const message = events.find((event) => event.message?.includes('hostPath type check failed'))?.message;
  return message === undefined ? undefined : { code: 'PodVolumeMissing', message };
}

type LastWord = Extract<MoverEvent, { t: 'result' | 'error' }>;

/** Reads the log from its beginning, so that a follower that comes late sees everything. */
async function lastWord(
  { kube, at, signal, onProgress }: Following,
  pod: string,
): Promise<LastWord | undefined> {
  for await (const line of kube.logLines(at.namespace, pod, {
    container: MOVER_CONTAINER,
    follow: true,
    signal,
  })) {
    const event = parseEvent(line);
    if (event?.t === 'progress') onProgress(event);
    if (event?.t === 'result' || event?.t === 'error') return event;
  }
  return undefined;
}

async function terminationWord(
  kube: KubeClient,
  at: VolumeObjects,
  pod: string,
): Promise<LastWord | undefined> {
  const object = await kube.find(GVRS.pods, at.namespace, pod);
  const state = moverState(object?.['status'] as object | undefined);
  if (object && state.state === 'running')
    throw new CaravelError('KubeUnavailable', `the log of mover ${pod} broke off`);
  const event = state.state === 'ended' ? parseEvent(state.message) : undefined;
  return event?.t === 'result' || event?.t === 'error' ? event : undefined;
}

export function parseEvent(line: string): MoverEvent | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const value = JSON.parse(line) as { t?: unknown };
    return typeof value.t === 'string' ? (value as MoverEvent) : undefined;
  } catch {
    return undefined;
  }
}

function moverError({ code, message, retryable }: Extract<MoverEvent, { t: 'error' }>): CaravelError {
  return new CaravelError(isErrorCode(code) ? code : 'MoverFailed', message, { retryable });
}

async function removeDeadPod({ kube, at, signal }: Following, pod: KubeObject): Promise<void> {
  await kube.remove(GVRS.pods, at.namespace, pod.metadata.name);
  await gone(
    kube,
    { gvr: GVRS.pods, namespace: at.namespace, name: pod.metadata.name, ours: true },
    signal,
    TIMEOUTS.moverGone,
  );
}
