import { beforeEach, describe, expect, it, vi } from 'vitest';
import { createBook, findBook } from '../../../../activities/hooks/book.ts';
import { runPostHooks, runPreHooks } from '../../../../activities/hooks/run.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { RunRef } from '../../../../contracts/run.ts';
import type { GroupHooks, Hook } from '../../../../core/hooks/hook.ts';
import type { HookRecord } from '../../../../core/hooks/record.ts';
import { KubeError, noAnswer } from '../../../../platform/kube/errors.ts';
import type { ExecResult, KubeObject } from '../../../../platform/kube/types.ts';

const run: RunRef = { type: 'backup', cluster: 'c', namespace: 'velero', name: 'b', uid: 'u-1' };
const ref = { run, group: 0 };

const conflict = () => new KubeError({ code: 409, reason: 'Conflict', message: 'changed', request: 'test' });
const refused = (code: number, message: string) =>
  new KubeError({ code, reason: '', message, request: 'test' });
const lost = () => noAnswer('Disconnected', 'test', 'the connection broke');

interface Secret extends KubeObject {
  data: Record<string, string>;
}

/** One Secret with versions, and pods whose commands do as told. */
class FakeKube {
  secret: Secret | undefined;
  pods: Record<string, object | undefined> = {};
  /** What is run, as `<pod>/<container> <command>`. */
  readonly ran: string[] = [];
  /** Outcomes of the next commands; then all succeed. */
  execs: (ExecResult | Error | (() => Promise<ExecResult>))[] = [];
  /** Called before a patch; may change the Secret, or throw. */
  beforePatch: (() => void) | undefined;
  /** Thrown after a patch was done: the answer is lost. */
  afterPatch: (() => void) | undefined;
  /** Thrown by the next reads of pods. */
  failures: Error[] = [];
  #version = 1;

  async ensure(_gvr: object, _namespace: string, object: Secret) {
    this.secret ??= { ...object, metadata: { ...object.metadata, uid: 's-1', resourceVersion: '1' } };
    return { object: this.secret, created: true };
  }

  async find(gvr: { resource: string }, _namespace: string, name: string) {
    if (gvr.resource === 'secrets') return this.secret && structuredClone(this.secret);
    const failure = this.failures.shift();
    if (failure) throw failure;
    return this.pods[name];
  }

  async get() {
    if (!this.secret) throw refused(404, 'not found');
    return structuredClone(this.secret);
  }

  async patch(_gvr: object, _namespace: string, _name: string, patch: Secret) {
    const before = this.beforePatch;
    this.beforePatch = undefined;
    before?.();
    const secret = this.secret!;
    if (patch.metadata.resourceVersion !== secret.metadata.resourceVersion) throw conflict();
    this.write(patch.data);
    const after = this.afterPatch;
    this.afterPatch = undefined;
    after?.();
    return structuredClone(this.secret);
  }

  write(data: Record<string, string>): void {
    const secret = this.secret!;
    const metadata = { ...secret.metadata, resourceVersion: String(++this.#version) };
    this.secret = { ...secret, metadata, data: { ...secret.data, ...data } };
  }

  async exec(_namespace: string, pod: string, container: string, command: string[]) {
    this.ran.push(`${pod}/${container} ${command.join(' ')}`);
    const next = this.execs.shift() ?? { exitCode: 0, stdout: '', stderr: '' };
    if (next instanceof Error) throw next;
    return typeof next === 'function' ? await next() : next;
  }

  async remove() {
    this.secret = undefined;
    return true;
  }
}

const hook = (command: string, more: Partial<Hook> = {}): Hook => ({
  source: 'annotation',
  name: '',
  index: 0,
  container: '',
  command: [command],
  fails: false,
  timeoutMs: 30_000,
  ...more,
});
const RUNNING = { spec: { containers: [{ name: 'db' }, { name: 'web' }] }, status: { phase: 'Running' } };
const group = (pre: Hook[], post: Hook[] = [hook('thaw')]): GroupHooks => ({
  group: 0,
  pods: [{ namespace: 'shop', name: 'db-0', pre, post }],
});

let kube: FakeKube;
let deps: Deps;
const signal = () => new AbortController().signal;

beforeEach(() => {
  kube = new FakeKube();
  kube.pods['db-0'] = RUNNING;
  deps = { kube } as unknown as Deps;
});

const prepare = async (plan: GroupHooks) => await createBook(deps.kube, ref, plan);
const recordNow = async (): Promise<HookRecord> => (await findBook(deps.kube, ref, signal()))!.record;
const resultOf = async (key: string) => (await recordNow()).runs[key]?.result;

describe('pre-hooks', () => {
  it('run in the first container unless another is named, and keep what they print', async () => {
    await prepare(group([hook('a'), hook('b', { container: 'web' })]));
    kube.execs = [{ exitCode: 0, stdout: 'CHECKPOINT\n', stderr: '' }];
    expect(await runPreHooks(deps, ref, signal())).toEqual({ failedPods: [] });
    expect(kube.ran).toEqual(['db-0/db a', 'db-0/web b']);
    expect(await resultOf('pre/0/0')).toMatchObject({ state: 'done', output: 'CHECKPOINT' });
  });

  it.each<[string, object | undefined, Partial<Hook>, object]>([
    ['the pod is gone', undefined, {}, { state: 'failed', code: 'HookNotRun', message: 'the pod is gone' }],
    [
      'there is no such container',
      RUNNING,
      { container: 'cache' },
      { state: 'failed', code: 'HookNotRun', message: 'no such container: "cache"' },
    ],
    [
      'the container was for the start only',
      { spec: { containers: [], initContainers: [{ name: 'setup' }] }, status: { phase: 'Running' } },
      { container: 'setup' },
      { state: 'failed', code: 'HookNotRun' },
    ],
    ['the pod has ended', { ...RUNNING, status: { phase: 'Succeeded' } }, {}, { state: 'skipped' }],
  ])('are not run when %s', async (_, pod, more, result) => {
    kube.pods['db-0'] = pod;
    await prepare(group([hook('a', more)]));
    await runPreHooks(deps, ref, signal());
    expect(kube.ran).toEqual([]);
    expect(await resultOf('pre/0/0')).toMatchObject(result);
  });

  it('run in an init container that goes on', async () => {
    const initContainers = [{ name: 'proxy', restartPolicy: 'Always' }];
    kube.pods['db-0'] = {
      spec: { containers: [{ name: 'db' }], initContainers },
      status: { phase: 'Running' },
    };
    await prepare(group([hook('a', { container: 'proxy' })]));
    await runPreHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/proxy a']);
  });

  it.each<[string, ExecResult | Error, object]>([
    [
      'an exit code, with the last words',
      { exitCode: 3, stdout: '', stderr: 'a\nlocked\n' },
      { state: 'failed', code: 'HookFailed', message: 'ended with exit code 3: locked' },
    ],
    [
      'its time',
      noAnswer('Timeout', 'x', 'not finished'),
      { state: 'unknown', code: 'HookUnfinished', message: 'timed out after 30s; the command may go on' },
    ],
    ['a lost connection', lost(), { state: 'unknown', code: 'HookUnfinished' }],
    ['a missing right', refused(403, 'pods/exec is forbidden'), { state: 'failed', code: 'HookNotRun' }],
    ['a program that is not there', refused(500, 'exec failed: no such file'), { state: 'failed' }],
  ])('that fail by %s say so, are not run again, and fail their pod', async (_, exec, result) => {
    await prepare(group([hook('a', { fails: true }), hook('b')]));
    kube.execs = [exec];
    expect(await runPreHooks(deps, ref, signal())).toEqual({ failedPods: ['shop/db-0'] });
    expect(kube.ran).toEqual(['db-0/db a']);
    expect(await resultOf('pre/0/0')).toMatchObject(result);
  });

  it('that were certainly not begun are begun again', async () => {
    await prepare(group([hook('a')]));
    kube.failures = [lost()];
    kube.execs = [noAnswer('Unreachable', 'x', 'connection refused')];
    await runPreHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/db a', 'db-0/db a']);
    expect(await resultOf('pre/0/0')).toMatchObject({ state: 'done' });
  });

  it('go on behind the one that was under way when their worker was lost', async () => {
    await prepare(group([hook('a'), hook('b')]));
    const never = () => new Promise<ExecResult>(() => {});
    kube.execs = [never];
    void runPreHooks(deps, ref, signal());
    await vi.waitFor(() => expect(kube.ran).toHaveLength(1));
    await runPreHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/db a', 'db-0/db b']);
    expect(await resultOf('pre/0/0')).toMatchObject({ state: 'unknown' });
  });

  it('of a worker that was replaced, but lives, end where they are', async () => {
    await prepare(group([hook('a'), hook('b')]));
    let end: (result: ExecResult) => void = () => {};
    kube.execs = [() => new Promise((resolve) => (end = resolve))];
    const old = runPreHooks(deps, ref, signal());
    await vi.waitFor(() => expect(kube.ran).toHaveLength(1));
    await runPreHooks(deps, ref, signal());
    end({ exitCode: 0, stdout: '', stderr: '' });
    await old;
    expect(kube.ran).toEqual(['db-0/db a', 'db-0/db b']);
  });

  it('are run once when the answer to the note of their beginning is lost', async () => {
    await prepare(group([hook('a')]));
    kube.afterPatch = () => {
      throw lost();
    };
    await runPreHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/db a']);
    expect(await resultOf('pre/0/0')).toMatchObject({ state: 'done' });
  });

  it('are not begun when somebody releases the application in that moment', async () => {
    await prepare(group([hook('a')]));
    const releasing = { reached: 0, runs: {}, releasing: true };
    kube.beforePatch = () =>
      kube.write({ record: Buffer.from(JSON.stringify(releasing)).toString('base64') });
    await runPreHooks(deps, ref, signal());
    expect(kube.ran).toEqual([]);
  });

  it('of a cancelled run end with the one that was begun, whose end is noted', async () => {
    await prepare(group([hook('a'), hook('b')]));
    const cancel = new AbortController();
    kube.execs = [
      async () => {
        cancel.abort(new Error('cancelled'));
        return { exitCode: 0, stdout: '', stderr: '' };
      },
    ];
    await expect(runPreHooks(deps, ref, cancel.signal)).rejects.toThrow('cancelled');
    expect(kube.ran).toEqual(['db-0/db a']);
    expect(await resultOf('pre/0/0')).toMatchObject({ state: 'done' });
  });
});

describe('post-hooks', () => {
  const quiesced = async (plan: GroupHooks) => {
    await prepare(plan);
    await runPreHooks(deps, ref, signal());
    kube.ran.length = 0;
  };

  it('run once, however often they are asked for', async () => {
    await quiesced(group([hook('freeze')]));
    await runPostHooks(deps, ref, signal());
    await runPostHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/db thaw']);
  });

  it('are not run for an application that nobody quiesced', async () => {
    await prepare(group([hook('freeze')]));
    await runPostHooks(deps, ref, signal());
    expect(kube.ran).toEqual([]);
  });

  it('run for a pod that has no pre-hook, when its turn came', async () => {
    await quiesced(group([]));
    await runPostHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/db thaw']);
  });

  it.each<[string, Error]>([
    ['a lost connection', lost()],
    ['a kubelet that is away', refused(502, 'error dialing backend: connection refused')],
  ])('are run again after %s', async (_, error) => {
    await quiesced(group([hook('freeze')]));
    kube.execs = [error];
    await runPostHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/db thaw', 'db-0/db thaw']);
    expect(await resultOf('post/0/0')).toMatchObject({ state: 'done' });
  });

  it('that fail are not run again: they were run', async () => {
    await quiesced(group([hook('freeze')]));
    kube.execs = [{ exitCode: 1, stdout: '', stderr: 'not frozen' }];
    await runPostHooks(deps, ref, signal());
    expect(kube.ran).toEqual(['db-0/db thaw']);
    expect(await resultOf('post/0/0')).toMatchObject({ state: 'failed', code: 'HookFailed' });
  });

  it('wait for a pre-hook of unknown fate until its time is over', async () => {
    await quiesced(group([hook('freeze', { timeoutMs: 700 })]));
    const { 'pre/0/0': begun } = (await recordNow()).runs;
    const runs = { 'pre/0/0': { ...begun, result: { state: 'unknown', message: '' } } };
    kube.write({ record: Buffer.from(JSON.stringify({ reached: 1, runs })).toString('base64') });
    await runPostHooks(deps, ref, signal());
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(begun!.begunAt) + 700);
    expect(kube.ran).toEqual(['db-0/db thaw']);
  });

  it('cannot be run when what was written down is gone, and that is said', async () => {
    await expect(runPostHooks(deps, ref, signal())).rejects.toMatchObject({ code: 'HookNotRun' });
  });
});
