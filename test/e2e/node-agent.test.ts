import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LABELS } from '../../contracts/ids.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { createApplication, describeVolume, makeVolumeTree, podRuns } from '../support/application.ts';
import { leftovers } from '../support/leftovers.ts';
import { until } from '../support/processes.ts';
import { apply, createWorld, ended, removeNamespace, runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** Movers and their claims under the settings of Velero's node-agent. */

const APP = 'e2e-agent-app';
const COPY = 'e2e-agent-copy';
const PRIORITIES = { group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses' };
const PRIORITY = 'e2e-agent-low';
let world: World;

beforeAll(async () => {
  world = await createWorld('e2e-agent');
  await removeNamespace(world.kube, COPY);
  await createApplication(world, APP, { data: {} });
  await makeVolumeTree(world, APP, 'data');
  await world.kube.ensure(PRIORITIES, undefined, {
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name: PRIORITY },
    value: 100,
  });
  await world.startWorker();
});

afterAll(async () => {
  await world?.kube.remove(PRIORITIES, undefined, PRIORITY);
  await world?.stop([APP, COPY]);
});

async function configure(settings: object): Promise<void> {
  await world.kube.remove(GVRS.configmaps, world.name, 'node-agent-config');
  await world.kube.create(GVRS.configmaps, world.name, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'node-agent-config' },
    data: { 'node-agent-config.json': JSON.stringify(settings) },
  });
}

interface Mover extends KubeObject {
  spec: {
    priorityClassName: string;
    volumes: object[];
    containers: { resources: object }[];
  };
}

const mover = async (uid = '') =>
  await until(async () => {
    const labelSelector = `${LABELS.runUid}=${uid},${LABELS.component}=mover`;
    return (await world.kube.list<Mover>(GVRS.pods, { namespace: world.name, labelSelector }))[0];
  }, 'there is a mover');

const SETTINGS = {
  loadConcurrency: { globalConfig: 2 },
  loadAffinity: [
    { nodeSelector: { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'Exists' }] } },
  ],
  podResources: { cpuRequest: '50m', memoryRequest: '64Mi', memoryLimit: '2Gi' },
  priorityClassName: PRIORITY,
  podLabels: { team: 'storage' },
  podAnnotations: { 'example.com/note': 'mover' },
};

describe("under the node-agent's settings", () => {
  test('a volume is read from a read-only claim by a mover as it is asked for, and comes back whole', async () => {
    await configure({
      ...SETTINGS,
      backupPVC: {
        'caravel-csi': { readOnly: true, spcNoRelabeling: true, annotations: { 'example.com/a': 'b' } },
      },
    });
    const { metadata } = await apply(world, 'Backup', 'read-only', { includedNamespaces: [APP] });
    const pod = await mover(metadata.uid);
    const claim = await world.kube.get<KubeObject & { spec: { accessModes: string[] } }>(
      GVRS.persistentvolumeclaims,
      world.name,
      pod.metadata.labels?.[LABELS.volume] ?? '',
    );
    expect(claim.spec.accessModes).toEqual(['ReadOnlyMany']);
    expect(claim.metadata.annotations).toMatchObject({ 'example.com/a': 'b' });
    expect(pod.metadata.labels).toMatchObject({ team: 'storage' });
    expect(pod.metadata.annotations).toMatchObject({ 'example.com/note': 'mover' });
    expect(pod.spec).toMatchObject({ priorityClassName: PRIORITY });
    expect(pod.spec.containers[0]?.resources).toEqual({
      requests: { cpu: '50m', memory: '64Mi' },
      limits: { memory: '2Gi' },
    });
    expect(pod.spec.volumes).toContainEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: claim.metadata.name, readOnly: true },
    });
    expect((await ended(world, 'Backup', 'read-only')).status).toMatchObject({ phase: 'Completed' });
    expect(await leftovers(world)).toEqual([]);

    const restore = await runToEnd(world, 'Restore', 'read-only', {
      backupName: 'read-only',
      namespaceMapping: { [APP]: COPY },
    });
    expect(restore.status).toMatchObject({ phase: 'Completed' });
    await podRuns(world, COPY, 'data');
    expect(await describeVolume(world, COPY, 'data')).toEqual(await describeVolume(world, APP, 'data'));
  });

  test('a volume is read from a claim of another class when that is asked for', async () => {
    await configure({ backupPVC: { 'caravel-csi': { storageClass: 'caravel-csi-wffc' } } });
    const { metadata } = await apply(world, 'Backup', 'other-class', { includedNamespaces: [APP] });
    const pod = await mover(metadata.uid);
    const claim = await world.kube.get<KubeObject & { spec: { storageClassName: string } }>(
      GVRS.persistentvolumeclaims,
      world.name,
      pod.metadata.labels?.[LABELS.volume] ?? '',
    );
    expect(claim.spec.storageClassName).toBe('caravel-csi-wffc');
    expect((await ended(world, 'Backup', 'other-class')).status).toMatchObject({ phase: 'Completed' });
  });

  test('a mover that no node may run is an error in the words of the scheduler', async () => {
    await configure({ loadAffinity: [{ nodeSelector: { matchLabels: { 'example.com/none': 'here' } } }] });
    const backup = await runToEnd(world, 'Backup', 'nowhere', { includedNamespaces: [APP] });
    expect(backup.status?.phase).toBe('PartiallyFailed');
    expect(await leftovers(world)).toEqual([]);
  });

  test('faulty ones end backup and restore before they begin', async () => {
    await configure({ loadConcurrency: { globalConfig: 0 } });
    const fault = 'loadConcurrency.globalConfig: must be a whole number of at least 1';
    const backup = await runToEnd(world, 'Backup', 'faulty', { includedNamespaces: [APP] });
    expect(backup.status).toMatchObject({ phase: 'FailedValidation' });
    expect(backup.status?.validationErrors?.join()).toContain(fault);
    const restore = await runToEnd(world, 'Restore', 'faulty', { backupName: 'read-only' });
    expect(restore.status).toMatchObject({ phase: 'FailedValidation' });
    expect(restore.status?.validationErrors?.join()).toContain(fault);
  });
});
