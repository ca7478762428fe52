import { randomUUID } from 'node:crypto';
import type { HookGroupRef } from '../../contracts/activities.ts';
import {
  hooksSecretName,
  NEEDED_BY_ANNOTATION,
  runLabels,
  runWorkflowId,
  unquiesceWorkflowId,
  WORKFLOW_ANNOTATION,
} from '../../contracts/ids.ts';
import { TIMEOUTS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { GroupHooks } from '../../core/hooks/hook.ts';
import { newRecord } from '../../core/hooks/record.ts';
import type { HookRecord } from '../../core/hooks/record.ts';
import { pause } from '../../platform/kube/abort.ts';
import { isConflict, KubeError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';

/**
 * Where the hooks of a group are written down: a Secret in the control namespace. While an application is quiesced
 * nothing is asked of the bucket, whose outage would keep it so; and the record outlives the run's scratch area.
 */

interface HooksSecret extends KubeObject {
  data?: { plan?: string; record?: string; writer?: string };
}

const encoded = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const decoded = <T>(text = ''): T => JSON.parse(Buffer.from(text, 'base64').toString('utf8')) as T;

/** Begin-or-continue: what an earlier attempt wrote stays. */
export async function createBook(kube: KubeClient, ref: HookGroupRef, plan: GroupHooks): Promise<void> {
  const { run, group } = ref;
  await kube.ensure(GVRS.secrets, run.namespace, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: hooksSecretName(run, group),
      namespace: run.namespace,
      labels: runLabels(run, 'hooks'),
      annotations: {
        [WORKFLOW_ANNOTATION]: runWorkflowId(run),
        [NEEDED_BY_ANNOTATION]: unquiesceWorkflowId(run, group),
      },
    },
    type: 'Opaque',
    data: { plan: encoded(plan), record: encoded(newRecord()) },
  });
}

export async function removeBook(kube: KubeClient, { run, group }: HookGroupRef): Promise<void> {
  await kube.remove(GVRS.secrets, run.namespace, hooksSecretName(run, group));
}

/** Undefined when there is none (any more). */
export async function findBook(
  kube: KubeClient,
  ref: HookGroupRef,
  signal: AbortSignal,
): Promise<HookBook | undefined> {
  const secret = await kube.find<HooksSecret>(
    GVRS.secrets,
    ref.run.namespace,
    hooksSecretName(ref.run, ref.group),
  );
  return secret && new HookBook(kube, secret, signal);
}

export async function openBook(kube: KubeClient, ref: HookGroupRef, signal: AbortSignal): Promise<HookBook> {
  const book = await findBook(kube, ref, signal);
  if (book) return book;
  const name = `${ref.run.namespace}/${hooksSecretName(ref.run, ref.group)}`;
  throw new CaravelError('HookNotRun', `Secret ${name}, which holds the hooks, was deleted`);
}

export class HookBook {
  readonly plan: GroupHooks;
  readonly #kube: KubeClient;
  readonly #signal: AbortSignal;
  #secret: HooksSecret;

  constructor(kube: KubeClient, secret: HooksSecret, signal: AbortSignal) {
    this.#kube = kube;
    this.#secret = secret;
    this.#signal = signal;
    this.plan = decoded(secret.data?.plan);
  }

  get record(): HookRecord {
    return decoded(this.#secret.data?.record);
  }

  /**
   * Changes the record as it is now, whoever wrote last; `change` may be called again on what another wrote meanwhile.
   * An answer that is lost leaves no doubt: each write is marked.
   */
  async update<T>(change: (record: HookRecord) => T): Promise<T> {
    for (;;) {
      const record = this.record;
      const value = change(record);
      const data = { record: encoded(record), writer: encoded(randomUUID()) };
      if (data.record === this.#secret.data?.record) return value;
      try {
        this.#secret = await this.#patch({ data });
        return value;
      } catch (error) {
        if (!isConflict(error) && !isUnclear(error)) throw error;
        await this.reread();
        if (this.#secret.data?.writer === data.writer) return value;
      }
    }
  }

  /** Waits as long as the API server is away: without it there is nothing that could be done. */
  async reread(): Promise<void> {
    const { name, namespace } = this.#secret.metadata;
    for (;;) {
      this.#signal.throwIfAborted();
      try {
        this.#secret = await this.#kube.get<HooksSecret>(GVRS.secrets, namespace, name);
        return;
      } catch (error) {
        if (!isUnclear(error)) throw error;
        await pause(TIMEOUTS.hookPoll, this.#signal);
      }
    }
  }

  async #patch(patch: { data: object }): Promise<HooksSecret> {
    const { name, namespace, uid, resourceVersion } = this.#secret.metadata;
    const guarded = { ...patch, metadata: { uid, resourceVersion } };
    return await this.#kube.patch<HooksSecret>(GVRS.secrets, namespace, name, guarded, { type: 'merge' });
  }
}

/** No answer, or one from before the server knew: it may or may not have acted. */
const isUnclear = (error: unknown): boolean =>
  error instanceof KubeError && (error.code === 0 || error.code === 429 || error.code >= 500);
