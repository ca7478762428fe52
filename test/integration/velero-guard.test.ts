import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { until } from '../support/processes.ts';
import { apply, createWorld, ended } from '../support/world.ts';
import type { World, WorkerProcess } from '../support/world.ts';

/** A worker and a Velero never work in one namespace. */

let world: World;
let worker: WorkerProcess;

beforeAll(async () => {
  world = await createWorld('guard-control');
});

afterAll(async () => {
  await world.stop();
});

const template = (...args: string[]) => ({
  metadata: { labels: { component: 'velero' } },
  spec: {
    // Never started: no node has this image.
    containers: [
      { name: 'velero', image: 'localhost/none:1', imagePullPolicy: 'Never', command: ['/velero'], args },
    ],
  },
});
const selector = { matchLabels: { component: 'velero' } };

const refusal = async (): Promise<string> => {
  await expect(world.startWorker()).rejects.toThrow('ended with 1');
  return readFileSync(world.workers.at(-1)?.log ?? '', 'utf8');
};

test('beside a Velero server a worker does not start, and says what to do', async () => {
  await world.kube.create(GVRS.deployments, world.name, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'velero' },
    spec: { replicas: 1, selector, template: template('server', '--uploader-type=kopia') },
  });
  const log = await refusal();
  expect(log).toContain(`VeleroRunning: Deployment velero of Velero run in namespace ${world.name}`);
  expect(log).toContain('docs/how-to/switch-from-oadp.md');
});

test('beside a node agent that outlived its server it does not start either', async () => {
  await world.kube.patch(GVRS.deployments, world.name, 'velero', { spec: { replicas: 0 } });
  await world.kube.create(GVRS.daemonsets, world.name, {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'node-agent' },
    spec: { selector, template: template('node-agent', 'server') },
  });
  expect(await refusal()).toContain('DaemonSet node-agent');
});

test('with Velero scaled to nothing it starts; other Deployments are no matter', async () => {
  await world.kube.remove(GVRS.daemonsets, world.name, 'node-agent');
  await world.kube.create(GVRS.deployments, world.name, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'velero-ui' },
    spec: { replicas: 1, selector: { matchLabels: { component: 'velero' } }, template: template('version') },
  });
  worker = await world.startWorker();
});

test('beside one that is started later nothing new begins, and what waits begins when it is gone', async () => {
  const scale = async (replicas: number) =>
    await world.kube.patch(GVRS.deployments, world.name, 'velero', { spec: { replicas } });
  await scale(1);
  const spec = { includedNamespaces: ['no-such-namespace'] };
  await apply(world, 'Backup', 'later', spec);
  await until(
    () => (readFileSync(worker.log, 'utf8').includes('run not started') ? true : undefined),
    'the controller says why it does not start the run',
  );
  const door = world.temporal.workflow.execute('backup', {
    workflowId: `door-${world.name}`,
    taskQueue: world.name,
    args: [
      {
        apiVersion: 'velero.io/v1',
        kind: 'Backup',
        metadata: { name: 'door', namespace: world.name },
        spec,
      },
    ],
  });
  await expect(door).rejects.toMatchObject({ cause: { cause: { type: 'VeleroRunning' } } });
  expect(await world.kube.find(GVR.backups, world.name, 'door')).toBeUndefined();
  expect((await world.kube.get<Backup>(GVR.backups, world.name, 'later')).status?.phase).toBeUndefined();
  await scale(0);
  await ended(world, 'Backup', 'later');
});
