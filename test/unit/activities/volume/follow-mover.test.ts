import { describe, expect, it } from 'vitest';
import { followMover, parseEvent } from '../../../../activities/volume/follow-mover.ts';
import type { Following } from '../../../../activities/volume/follow-mover.ts';
import { LABELS } from '../../../../contracts/ids.ts';
import type { MoverEvent, TransferResult } from '../../../../contracts/mover.ts';
import { KubeWaitTimeout } from '../../../../platform/kube/errors.ts';
import type { KubeClient, KubeObject } from '../../../../platform/kube/types.ts';

const result: TransferResult = {
  snapshotId: 'k1',
  bytesTotal: 10,
  bytesUploaded: 5,
  files: 1,
  dirs: 1,
  symlinks: 0,
  notKept: {},
  stagesMs: {},
};
const line = (event: MoverEvent) => JSON.stringify(event);
const RESULT = line({ t: 'result', result });

const running = { phase: 'Running', containerStatuses: [{ state: { running: {} } }] };
const ended = (message?: string) => ({
  phase: 'Failed',
  containerStatuses: [{ state: { terminated: { exitCode: 1, ...(message !== undefined && { message }) } } }],
});

const pod = (attempt: number, status: object, more: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name: `v-${attempt}`,
    namespace: 'velero',
    labels: { [LABELS.attempt]: String(attempt) },
    ...more,
  },
  status,
});

/** Pods of one volume in a cluster that does as the test says. */
class Pods {
  readonly pods = new Map<string, KubeObject>();
  readonly calls: string[] = [];
  /** The state that a pod takes when it is created, and after its log has ended. */
  born: object = running;
  dies: object | undefined = ended();
  /** What it becomes after somebody has seen the state it was born with. */
  mended: object | undefined;
  log: string[] = [RESULT];
  events: KubeObject[] = [];

  constructor(...pods: KubeObject[]) {
    for (const each of pods) this.pods.set(each.metadata.name, each);
  }

  get client(): KubeClient {
    return this as unknown as KubeClient;
  }

  async list({ resource }: { resource: string }): Promise<KubeObject[]> {
    return resource === 'events' ? this.events : [...this.pods.values()];
  }

  async find(_gvr: object, _namespace: string, name: string): Promise<KubeObject | undefined> {
    return this.pods.get(name);
  }

  async ensure(_gvr: object, _namespace: string, object: KubeObject): Promise<{ object: KubeObject }> {
    this.calls.push(`create ${object.metadata.name}`);
    const made = { ...object, status: this.born };
    this.pods.set(object.metadata.name, made);
    return { object: made };
  }

  async remove(_gvr: object, _namespace: string, name: string): Promise<boolean> {
    this.calls.push(`remove ${name}`);
    return this.pods.delete(name);
  }

  async patch({ resource }: { resource: string }, namespace: string, name: string): Promise<void> {
    this.calls.push(`touch ${resource} ${namespace}/${name}`);
  }

  /** A dying pod is gone once somebody waits for that. */
  async waitFor<R>(
    _gvr: object,
    _namespace: string,
    name: string,
    test: (object: KubeObject | undefined) => R | undefined,
  ): Promise<R> {
    const object = this.pods.get(name);
    if (object?.metadata.deletionTimestamp) {
      this.calls.push(`gone ${name}`);
      this.pods.delete(name);
    }
    const answer = test(this.pods.get(name));
    if (object && this.mended) this.pods.set(name, { ...object, status: this.mended });
    if (answer === undefined) throw new KubeWaitTimeout('pod', 1, object);
    return answer;
  }

  async *logLines(_namespace: string, name: string): AsyncGenerator<string> {
    this.calls.push(`log ${name}`);
    yield* this.log;
    const object = this.pods.get(name);
    if (object && this.dies) this.pods.set(name, { ...object, status: this.dies });
  }
}

function follow(pods: Pods, more: Partial<Following> = {}) {
  const started: number[] = [];
  const progress: number[] = [];
  const transfer = followMover({
    kube: pods.client,
    at: { namespace: 'velero', name: 'v' },
    signal: new AbortController().signal,
    firstAttempt: 1,
    podFor: (attempt) => pod(attempt, {}),
    onStart: async (attempt) => void started.push(attempt),
    onProgress: ({ bytesDone }) => void progress.push(bytesDone),
    ...more,
  });
  return { transfer, started, progress };
}

describe('a mover', () => {
  it('is created, told of, followed, and brings its result', async () => {
    const pods = new Pods();
    pods.log = [
      line({ t: 'started', pid: 1, attempt: 1 }),
      'a line of something else',
      line({ t: 'progress', bytesDone: 3, bytesTotal: 10, filesDone: 0 }),
      line({ t: 'checkpoint', bytesDone: 3 }),
      '{"t":"progress"',
      line({ t: 'progress', bytesDone: 9, bytesTotal: 10, filesDone: 1 }),
      RESULT,
    ];
    const { transfer, started, progress } = follow(pods);
    expect(await transfer).toEqual(result);
    expect({ started, progress }).toEqual({ started: [1], progress: [3, 9] });
    expect(pods.calls).toEqual(['create v-1', 'log v-1']);
  });

  it('that an earlier attempt created is found, whatever its number', async () => {
    const pods = new Pods(pod(4, running));
    const { transfer, started } = follow(pods, { firstAttempt: 2 });
    expect(await transfer).toEqual(result);
    expect(started).toEqual([4]);
    expect(pods.calls).toEqual(['log v-4']);
  });

  it('is shown with the node that it runs on', async () => {
    const nodes: unknown[] = [];
    const placed = { ...pod(1, running), spec: { nodeName: 'node-7' } };
    await follow(new Pods(placed), { onStart: async (_attempt, node) => void nodes.push(node) }).transfer;
    expect(nodes).toEqual(['node-7']);
  });

  it('that has ended meanwhile still brings its result', async () => {
    const pods = new Pods(pod(1, ended(RESULT)));
    expect(await follow(pods).transfer).toEqual(result);
    expect(pods.calls).toEqual(['log v-1']);
  });

  it('is told by its termination message when the log does not have the end', async () => {
    const pods = new Pods();
    pods.log = [];
    pods.dies = ended(RESULT);
    expect(await follow(pods).transfer).toEqual(result);
  });

  it('waits until the one before it is gone, and has the next number', async () => {
    const pods = new Pods(
      pod(1, running, { deletionTimestamp: 'now' }),
      pod(2, running, { deletionTimestamp: 'now' }),
    );
    const { transfer, started } = follow(pods);
    await transfer;
    expect(started).toEqual([3]);
    expect(pods.calls).toEqual(['gone v-1', 'gone v-2', 'create v-3', 'log v-3']);
  });

  it('has at least the number that is asked for', async () => {
    const { transfer, started } = follow(new Pods(), { firstAttempt: 5 });
    await transfer;
    expect(started).toEqual([5]);
  });
});

describe('a mover that fails', () => {
  const failing = async (pods: Pods) => {
    const error: unknown = await follow(pods).transfer.catch((thrown: unknown) => thrown);
    return error as { code?: string; retryable?: boolean; message: string };
  };

  it('is removed, and its error has its own code', async () => {
    const pods = new Pods();
    pods.log = [line({ t: 'error', code: 'RepositoryPassword', message: 'wrong', retryable: false })];
    expect(await failing(pods)).toMatchObject({
      code: 'RepositoryPassword',
      message: 'wrong',
      retryable: false,
    });
    expect(pods.calls).toEqual(['create v-1', 'log v-1', 'remove v-1']);
  });

  it('with a code of the catalogue says itself whether to try again', async () => {
    const pods = new Pods();
    pods.log = [line({ t: 'error', code: 'StoreAccessDenied', message: 'clock', retryable: true })];
    expect(await failing(pods)).toMatchObject({ code: 'StoreAccessDenied', retryable: true });
  });

  it('with an unknown code has simply failed', async () => {
    const pods = new Pods();
    pods.log = [line({ t: 'error', code: 'toString', message: 'odd', retryable: true })];
    expect(await failing(pods)).toMatchObject({ code: 'MoverFailed', message: 'odd' });
  });

  it('without a word is lost, removed, and tried again', async () => {
    const pods = new Pods();
    pods.log = [line({ t: 'started', pid: 1, attempt: 1 })];
    expect(await failing(pods)).toMatchObject({
      code: 'MoverLost',
      retryable: true,
      message: 'mover v-1 ended without a result',
    });
    expect(pods.calls).toEqual(['create v-1', 'log v-1', 'remove v-1']);
  });

  it('by being deleted by somebody else is lost too', async () => {
    const pods = new Pods();
    pods.log = [];
    pods.dies = undefined;
    const { transfer } = follow(pods, { onStart: async () => pods.pods.clear() });
    await expect(transfer).rejects.toMatchObject({ code: 'MoverLost' });
  });

  it('is not: it runs on when only its log breaks off', async () => {
    const pods = new Pods();
    pods.log = [line({ t: 'started', pid: 1, attempt: 1 })];
    pods.dies = undefined;
    expect(await failing(pods)).toMatchObject({ code: 'KubeUnavailable', retryable: true });
    expect(pods.calls).toEqual(['create v-1', 'log v-1']);
  });

  it.each([
    ['MoverImagePull', { state: { waiting: { reason: 'ErrImageNeverPull', message: 'absent' } } }],
    ['MoverImagePull', { state: { waiting: { reason: 'ImagePullBackOff', message: 'denied' } } }],
  ])('to start is removed with %s', async (code, container) => {
    const pods = new Pods();
    pods.born = { phase: 'Pending', containerStatuses: [container] };
    expect(await failing(pods)).toMatchObject({ code, retryable: false });
    expect(pods.calls).toEqual(['create v-1', 'remove v-1']);
  });

  it('to start for a moment only is not', async () => {
    const pods = new Pods();
    pods.born = { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'ErrImagePull' } } }] };
    pods.mended = running;
    expect(await follow(pods).transfer).toEqual(result);
    expect(pods.calls).toEqual(['create v-1', 'log v-1']);
  });

  it("to be scheduled has the scheduler's words", async () => {
    const pods = new Pods();
    const message = '0/1 nodes are available: 1 Insufficient memory.';
    pods.born = { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', message }] };
    expect(await failing(pods)).toMatchObject({ code: 'MoverUnschedulable', retryable: false });
    expect((await failing(pods)).message).toContain(message);
  });

  it('to be let onto its node is removed and not tried again', async () => {
    const pods = new Pods();
    pods.born = { phase: 'Failed', reason: 'OutOfpods', message: 'Node has no room for more pods' };
    const error = await failing(pods);
    expect(error).toMatchObject({ code: 'MoverUnschedulable', retryable: false });
    expect(error.message).toContain('no room for more pods');
    expect(pods.calls).toEqual(['create v-1', 'remove v-1']);
  });

  it('to find its folder on the node has the words of the kubelet', async () => {
    const pods = new Pods();
    pods.born = { phase: 'Pending', containerStatuses: [{ state: { waiting: { reason: 'Creating' } } }] };
    const message = 'MountVolume.SetUp failed: hostPath type check failed: /x is not a directory';
    pods.events = [{ apiVersion: 'v1', kind: 'Event', metadata: { name: 'e' }, message }];
    const error = await failing(pods);
    expect(error).toMatchObject({ code: 'PodVolumeMissing', retryable: false });
    expect(error.message).toContain('/x is not a directory');
  });
});

describe('a line of the log', () => {
  it.each(['', 'text', '{', '{}', '[]', '{"t":1}', '"t"', 'null', '{"level":"info","msg":"kopia"}'])(
    '%j is no event',
    (text) => expect(parseEvent(text)).toBeUndefined(),
  );

  it('of a mover is one', () => expect(parseEvent(RESULT)).toEqual({ t: 'result', result }));
});

it('a mover that nobody schedules for a while has its claim touched, so that the scheduler looks again', async () => {
  const pods = new Pods();
  pods.born = { phase: 'Pending' };
  pods.mended = running;
  expect(await follow(pods).transfer).toMatchObject({ snapshotId: 'k1' });
  expect(pods.calls).toEqual(['create v-1', 'touch persistentvolumeclaims velero/v', 'log v-1']);
});
