import { WorkflowNotFoundError } from '@temporalio/client';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { collectGarbage } from '../../../../activities/engine/collect-garbage.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { Location } from '../../../../activities/support/location.ts';
import { LABELS, WORKFLOW_ANNOTATION } from '../../../../contracts/ids.ts';
import { CaravelError } from '../../../../core/errors/catalog.ts';
import type { KubeObject } from '../../../../platform/kube/types.ts';
import { MemoryStore } from '../../../support/memory-store.ts';

/** Scratch in a bucket that this cluster may share with others. */

const CLUSTER = '11111111-aaaa';
const SCOPE = { cluster: 'local', namespace: 'openshift-adp' };
const RUN = 'backup/local/openshift-adp/nightly';
const DAY = 86_400_000;

const locations = new Map<string, { accessMode?: string; bucket: MemoryStore }>();
const open = async (_deps: Deps, _namespace: string, name: string) =>
  ({ store: locations.get(name)!.bucket.store }) as Location;
vi.mock('../../../../activities/support/location.ts', async (original) => ({
  ...(await original<object>()),
  repositoryOf: (_location: Location, namespace: string) => ({ namespace }),
  openLocation: (deps: Deps, namespace: string, name: string) => open(deps, namespace, name),
}));

vi.mock('../../../../activities/volume/repository.ts', () => ({ movementCredentials: async () => ({}) }));
vi.mock('../../../../platform/kopia/repository.ts', () => ({
  deleteIncompleteSnapshots: async ({ spec }: { spec: { namespace: string } }) =>
    void repositories.push(spec.namespace),
}));

let bucket: MemoryStore;
let workflows: Record<string, { status: string; uid?: string }>;
let warnings: string[];
let pods: KubeObject[];
let repositories: string[];

beforeEach(() => {
  pods = [];
  repositories = [];
  bucket = new MemoryStore();
  workflows = {};
  warnings = [];
  locations.clear();
  locations.set('default', { bucket });
});

const ago = (ms: number) => new Date(Date.now() - ms).toISOString();
const area = (name: string, uid: string, top = 'backups') => `${top}/${name}/.caravel/${uid}/`;
const ownedBy = (workflowId: string, clusterUid = CLUSTER, temporalNamespace = 'default') =>
  JSON.stringify({ version: 1, workflowId, clusterUid, temporalNamespace });

function fakeDeps(): Deps {
  const getHandle = (id: string) => ({
    describe: async () => {
      const found = workflows[id];
      if (!found) throw new WorkflowNotFoundError('not found', id, undefined);
      return { status: { name: found.status }, memo: found.uid === undefined ? {} : { uid: found.uid } };
    },
  });
  const listed = () =>
    [...locations].map(([name, { accessMode }]) => ({ metadata: { name }, spec: { accessMode } }));
  const kube = {
    list: async ({ resource }: { resource: string }) => {
      if (resource === 'pods') return pods;
      return resource === 'backupstoragelocations' ? listed() : [];
    },
    remove: async () => {
      throw new Error('the node does not answer');
    },
    get: async (_gvr: object, _namespace: undefined, name: string) => ({ metadata: { name, uid: CLUSTER } }),
  };
  const log = { warn: (message: string, fields: object) => void warnings.push(JSON.stringify(fields)) };
  const temporal = { options: { namespace: 'default' }, workflow: { getHandle } };
  return { kube, temporal, log, config: {} } as unknown as Deps;
}

async function left(): Promise<string[]> {
  await collectGarbage(fakeDeps(), SCOPE, new AbortController().signal);
  return bucket.keys();
}

describe('scratch of this cluster', () => {
  it('goes when its run is over, also when Temporal does not know it any more', async () => {
    workflows['backup/local/openshift-adp/b'] = { status: 'TERMINATED' };
    bucket.add(`${area('a', 'u-1')}owner`, ownedBy('backup/local/openshift-adp/a'));
    bucket.add(`${area('a', 'u-1')}plan`);
    bucket.add(`${area('b', 'u-2')}owner`, ownedBy('backup/local/openshift-adp/b'));
    bucket.add(`${area('r', 'u-3', 'restores')}owner`, ownedBy('restore/local/openshift-adp/r'));
    bucket.add('backups/a/velero-backup.json');
    expect(await left()).toEqual(['backups/a/velero-backup.json']);
  });

  it('stays while its run goes on', async () => {
    workflows[RUN] = { status: 'RUNNING', uid: 'u-1' };
    bucket.add(`${area('nightly', 'u-1')}owner`, ownedBy(RUN));
    expect(await left()).toHaveLength(1);
  });

  it('goes while another run of the same name goes on, whose own stays', async () => {
    workflows[RUN] = { status: 'RUNNING', uid: 'new' };
    bucket.add(`${area('nightly', 'old')}owner`, ownedBy(RUN));
    bucket.add(`${area('nightly', 'old')}plan`);
    bucket.add(`${area('nightly', 'new')}owner`, ownedBy(RUN));
    expect(await left()).toEqual([`${area('nightly', 'new')}owner`]);
  });

  it('stays as long as a run has not said which one it is, and with a running preview', async () => {
    workflows[RUN] = { status: 'RUNNING' };
    const preview = 'previewBackup/local/openshift-adp/u-2';
    workflows[preview] = { status: 'RUNNING' };
    bucket.add(`${area('nightly', 'u-1')}owner`, ownedBy(RUN));
    bucket.add(`${area('plan-u-2', 'u-2')}owner`, ownedBy(preview));
    expect(await left()).toHaveLength(2);
    delete workflows[preview];
    expect(await left()).toEqual([`${area('nightly', 'u-1')}owner`]);
  });
});

describe('the repositories that a lost run used', () => {
  const owner = `${area('nightly', 'u-1')}owner`;
  const mark = (namespace: string) => `${area('nightly', 'u-1')}repositories/${namespace}`;

  it('are rid of what broke off, and what is no name of a namespace is no mark', async () => {
    bucket.add(owner, ownedBy(RUN));
    for (const namespace of ['shop', '../evil', 'a/b', '', '\u0001', 'UPPER']) bucket.add(mark(namespace));
    expect(await left()).toEqual([]);
    expect(repositories).toEqual(['shop']);
  });

  it('stay known while a mover of the run cannot be removed', async () => {
    bucket.add(owner, ownedBy(RUN));
    bucket.add(mark('shop'));
    pods = [
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: {
          name: 'mover',
          labels: { [LABELS.runUid]: 'u-1', [LABELS.volume]: 'v', [LABELS.component]: 'mover' },
          annotations: { [WORKFLOW_ANNOTATION]: RUN },
        },
      },
    ];
    expect(await left()).toEqual([owner, mark('shop')]);
  });
});

describe('scratch of others', () => {
  it.each([
    ['a cluster of the same name', ownedBy(RUN, '22222222-bbbb')],
    ['the same cluster, seen by another Temporal', ownedBy(RUN, CLUSTER, 'other')],
    ['another control namespace', ownedBy('backup/local/velero/nightly')],
    ['a cluster of another name', ownedBy('backup/other/openshift-adp/nightly')],
  ])('stays: %s', async (_, owner) => {
    bucket.add(`${area('nightly', 'u-1')}owner`, owner, ago(400 * DAY));
    bucket.add(`${area('nightly', 'u-1')}plan`, '', ago(400 * DAY));
    expect(await left()).toHaveLength(2);
  });
});

describe('scratch that does not say whose it is', () => {
  const strange: [string, string | undefined][] = [
    ['none, as after a sweep that broke off', undefined],
    ['the id alone, as earlier versions wrote it', RUN],
    ['empty', ''],
    ['too long', `"${'x'.repeat(100_000)}"`],
    ['no object', '[1, 2]'],
    ['null', 'null'],
    ['a later version', JSON.stringify({ version: 2, workflowId: RUN, clusterUid: CLUSTER })],
    ['without an id', JSON.stringify({ version: 1, clusterUid: CLUSTER, temporalNamespace: 'default' })],
    ['of other types', JSON.stringify({ version: 1, workflowId: {}, clusterUid: 1, temporalNamespace: [] })],
  ];

  it.each(strange)('is left alone for a week, then swept: %s', async (_, owner) => {
    const fill = (lastModified: string) => {
      if (owner !== undefined) bucket.add(`${area('nightly', 'u-1')}owner`, owner, ago(9 * DAY));
      bucket.add(`${area('nightly', 'u-1')}shards/0`, '', ago(9 * DAY));
      bucket.add(`${area('nightly', 'u-1')}volumes`, '', lastModified);
      bucket.add('backups/nightly/velero-backup.json', '', ago(9 * DAY));
      bucket.add('backups/nightly/.caravel/stray', '', ago(9 * DAY));
    };
    fill(ago(6 * DAY));
    expect((await left()).length).toBeGreaterThanOrEqual(4);
    fill(ago(8 * DAY));
    expect(await left()).toEqual(['backups/nightly/.caravel/stray', 'backups/nightly/velero-backup.json']);
  });

  it('is left alone when the store does not tell how old it is', async () => {
    bucket.add(`${area('nightly', 'u-1')}plan`, '', new Date(0).toISOString());
    bucket.add(`${area('nightly', 'u-2')}plan`, '', 'yesterday');
    expect(await left()).toHaveLength(2);
  });

  it('is left alone when its owner cannot be read just now', async () => {
    bucket.add(`${area('nightly', 'u-1')}owner`, '', ago(9 * DAY));
    bucket.failure = {
      prefix: 'backups/nightly/.caravel/u-1/',
      error: new CaravelError('StoreAccessDenied', 'no'),
    };
    expect(await left()).toHaveLength(1);
    expect(warnings.join()).toContain('backups/nightly/.caravel/u-1/');
  });
});

describe('what others put into the bucket', () => {
  it('does not keep the sweep from the rest', async () => {
    const names = ['', '.', '..', '.caravel', 'a\u0000b', 'x y', '%2e%2e', 'x'.repeat(1000), '\u{1F600}'];
    for (const name of names) {
      bucket.add(`backups/${name}/.caravel/u/plan`);
      bucket.add(`backups/strange/.caravel/${name}/plan`);
    }
    bucket.add(`${area('a', 'u-0')}owner`, ownedBy('backup/local/openshift-adp/a'));
    bucket.add(`${area('z', 'u-9')}owner`, ownedBy('backup/local/openshift-adp/z'));
    const before = bucket.keys();
    expect(await left()).toEqual(before.filter((key) => !key.endsWith('/owner')));
  });

  it('nor does an area that cannot be removed', async () => {
    bucket.add(`${area('a', 'u-0')}owner`, ownedBy('backup/local/openshift-adp/a'));
    bucket.add(`${area('z', 'u-9')}owner`, ownedBy('backup/local/openshift-adp/z'));
    const locked = new CaravelError('StoreAccessDenied', 'object lock');
    bucket.removal = { prefix: 'backups/a/', error: locked };
    expect(await left()).toEqual([`${area('a', 'u-0')}owner`]);
  });
});

describe('a location that is ReadOnly', () => {
  it('gets rid of the scratch of restores alone: nothing else is written there', async () => {
    locations.set('default', { bucket, accessMode: 'ReadOnly' });
    bucket.add(`${area('b', 'u-1')}owner`, ownedBy('backup/local/openshift-adp/b'));
    bucket.add(`${area('b', 'u-2')}plan`, '', ago(9 * DAY));
    bucket.add(`${area('r', 'u-3', 'restores')}owner`, ownedBy('restore/local/openshift-adp/r'));
    bucket.add('restores/r/restore-r-logs.gz');
    expect(await left()).toEqual([
      `${area('b', 'u-1')}owner`,
      `${area('b', 'u-2')}plan`,
      'restores/r/restore-r-logs.gz',
    ]);
  });
});
