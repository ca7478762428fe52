import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { doorActivities } from '../../../../activities/run/door.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { DoorInput, Opened } from '../../../../contracts/activities.ts';
import type { RunType } from '../../../../contracts/run.ts';
import type { KubeObject } from '../../../../platform/kube/types.ts';

const existing: KubeObject = {
  apiVersion: 'velero.io/v1',
  kind: 'Backup',
  metadata: { name: 'there', namespace: 'velero', uid: 'u-old' },
};

function cluster(deployments: object[] = []) {
  const made: object[] = [];
  const kube = {
    find: async (_gvr: object, _namespace: string, name: string) => (name === 'there' ? existing : undefined),
    list: async ({ resource }: { resource: string }) => (resource === 'deployments' ? deployments : []),
    ensure: async (_gvr: object, namespace: string, object: KubeObject) => {
      made.push(object);
      const found = object.metadata.name === 'there';
      return {
        object: found ? existing : { ...object, metadata: { ...object.metadata, namespace, uid: 'u-new' } },
      };
    },
  };
  const config = { cluster: 'local', namespace: 'velero', taskQueue: 'caravel' };
  const { openDoor } = doorActivities({ kube, config } as unknown as Deps);
  const open = async (input: unknown, type: RunType = 'backup'): Promise<Opened> => {
    const environment = new MockActivityEnvironment({}, { logger: quiet });
    return await environment.run<[{ type: RunType; input: DoorInput }], Opened, typeof openDoor>(openDoor, {
      type,
      input: input as DoorInput,
    });
  };
  return { made, open };
}

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };
const document = (more: object = {}) => ({
  apiVersion: 'velero.io/v1',
  kind: 'Backup',
  metadata: { name: 'b' },
  spec: { ttl: '1h' },
  ...more,
});

describe('a door', () => {
  it('takes a resource that exists as it is', async () => {
    const { made, open } = cluster();
    expect(await open({ namespace: 'velero', name: 'there', uid: 'u-1' })).toEqual({
      run: { type: 'backup', cluster: 'local', namespace: 'velero', name: 'there', uid: 'u-1' },
      workflowId: 'backup/local/velero/there',
    });
    expect(made).toEqual([]);
  });

  it.each([
    ['a resource', { namespace: 'velero', name: 'there', uid: 'u-old' }],
    ['the name of one', { namespace: 'velero', name: 'there' }],
    ['a document', document()],
  ])('begins nothing beside a Velero, for %s', async (_, input) => {
    const containers = [{ command: ['/velero'], args: ['server'] }];
    const velero = { metadata: { name: 'velero' }, spec: { template: { spec: { containers } } } };
    const { made, open } = cluster([velero]);
    await expect(open(input)).rejects.toMatchObject({ type: 'VeleroRunning' });
    expect(made).toEqual([]);
  });

  it('finds the uid of a resource by its name', async () => {
    const { open } = cluster();
    expect((await open({ namespace: 'velero', name: 'there' })).run.uid).toBe('u-old');
  });

  it('makes the resource of a document, in its own namespace or in the one of this Caravel', async () => {
    const { made, open } = cluster();
    expect((await open(document())).run).toMatchObject({ namespace: 'velero', name: 'b', uid: 'u-new' });
    const elsewhere = document({ metadata: { name: 'b', namespace: 'other' } });
    expect((await open(elsewhere)).run.namespace).toBe('other');
    expect(made).toEqual([document({ metadata: { name: 'b', namespace: 'velero' } }), elsewhere]);
  });

  it('that is opened twice with one document leads to one run', async () => {
    const { open } = cluster();
    const there = document({ metadata: { name: 'there' } });
    expect(await open(there)).toEqual(await open(there));
    expect((await open(there)).run.uid).toBe('u-old');
  });

  it.each<[string, unknown, RunType, string]>([
    ['nothing', undefined, 'backup', 'the input must be a Backup as JSON'],
    ['a text', 'b', 'restore', 'the input must be a Restore as JSON'],
    ['null', null, 'backup', 'the input must be a Backup as JSON'],
    [
      'no name',
      { namespace: 'velero' },
      'backup',
      'the input needs "namespace" and "name", or a whole resource',
    ],
    ['another kind', document(), 'restore', 'kind: must be Restore for the workflow restore, not "Backup"'],
    ['another API', document({ apiVersion: 'v1' }), 'backup', 'apiVersion: must be velero.io/v1, not "v1"'],
    [
      'a document without metadata',
      document({ metadata: undefined }),
      'backup',
      'metadata.name: must be given',
    ],
    [
      'an unknown resource',
      { namespace: 'velero', name: 'gone' },
      'backup',
      'Backup velero/gone does not exist',
    ],
  ])('refuses %s, and makes nothing', async (_name, input, type, message) => {
    const { made, open } = cluster();
    await expect(open(input, type)).rejects.toMatchObject({
      type: 'InvalidInput',
      message,
      nonRetryable: true,
    });
    expect(made).toEqual([]);
  });
});
