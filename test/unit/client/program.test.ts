import { describe, expect, it } from 'vitest';
import { CaravelClient } from '../../../client/caravel-client.ts';
import type { Terminal } from '../../../client/cli.ts';
import { expandBooleans, run } from '../../../client/program.ts';
import type { TemporalDoor } from '../../../client/temporal.ts';
import { GVR, type Backup } from '../../../contracts/api/index.ts';
import type { BackupPreview, PreviewInput } from '../../../contracts/preview.ts';
import type { RunInput } from '../../../contracts/run.ts';
import { KubeError } from '../../../platform/kube/errors.ts';
import type { KubeObject } from '../../../platform/kube/types.ts';
import { MemoryKube } from '../../support/memory-kube.ts';

const NAMESPACE = 'openshift-adp';

const emptyPreview: BackupPreview = {
  expectedPhase: 'Completed',
  validationErrors: [],
  spec: {},
  location: 'default',
  namespaces: ['shop'],
  items: 3,
  resources: { 'v1/Pod': 2, 'v1/PersistentVolumeClaim': 1 },
  methods: { 'data-mover': { volumes: 1, bytes: 2048 } },
  volumes: [
    {
      namespace: 'shop',
      volume: 'data',
      method: 'data-mover',
      reason: 'CSI snapshot',
      bytes: 2048,
      bytesFrom: 'capacity',
    },
  ],
  hooks: [],
  counts: { errors: 0, warnings: 0 },
  problems: [],
  omitted: {},
};

class Harness {
  readonly kube = new MemoryKube();
  readonly starts: { type: string; run: RunInput }[] = [];
  readonly previews: PreviewInput[] = [];
  preview = emptyPreview;
  out = '';
  err = '';
  interrupt: () => void = () => undefined;
  temporal = true;

  readonly #terminal: Terminal = {
    out: (text) => void (this.out += text),
    err: (text) => void (this.err += text),
    screen: undefined,
    colors: false,
    now: () => Date.parse('2026-01-01T00:00:10Z'),
    onInterrupt: (handler) => {
      this.interrupt = handler;
      return () => undefined;
    },
  };

  readonly #door: TemporalDoor = {
    start: async (type, started) => {
      this.starts.push({ type, run: started });
      return { workflowId: `${type}/local/${started.namespace}/${started.name}` };
    },
    preview: async (input) => {
      this.previews.push(input);
      return this.preview;
    },
    serverVersion: async () => '1.31.2',
    workers: async () => 2,
    close: async () => undefined,
  };

  run(...args: string[]) {
    return run(args, this.#terminal, ({ namespace = NAMESPACE }) => {
      const config = { cluster: 'local', namespace, taskQueue: 'caravel', logLevel: 'info' as const };
      const temporal = async () => (this.temporal ? this.#door : { reason: 'refused' });
      return new CaravelClient({ kube: this.kube.client, config, temporal });
    });
  }

  backup(name = 'b'): KubeObject {
    return this.kube.objects.get(`backups/${NAMESPACE}/${name}`)!;
  }

  /** Writes a status as the worker would, once the backup exists and is waited for. */
  async report(status: Backup['status'], name = 'b'): Promise<void> {
    while (!this.backup(name)) await new Promise((resolve) => setTimeout(resolve, 1));
    this.kube.put(GVR.backups, { ...this.backup(name), status });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }

  upload(claim: string, status: object): void {
    this.kube.put(GVR.dataUploads, {
      apiVersion: 'velero.io/v2alpha1',
      kind: 'DataUpload',
      metadata: { name: `b-${claim}`, namespace: NAMESPACE, labels: { 'velero.io/backup-name': 'b' } },
      spec: { sourceNamespace: 'app', sourcePVC: claim },
      status,
    });
  }
}

describe('backup create', () => {
  it('creates the resource and starts the canonical run', async () => {
    const cli = new Harness();
    const code = await cli.run(
      ...[
        'backup',
        'create',
        'b',
        '--include-namespaces',
        'a,b',
        '--exclude-resources',
        'events',
        '--ttl',
        '24h',
      ],
      ...['-l', 'app=x', '--storage-location', 'west', '--labels', 'team=db'],
    );
    expect(code).toBe(0);
    expect(cli.backup()).toMatchObject({
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: { name: 'b', labels: { team: 'db' } },
      spec: {
        includedNamespaces: ['a', 'b'],
        excludedResources: ['events'],
        labelSelector: { matchLabels: { app: 'x' } },
        ttl: '24h0m0s',
        storageLocation: 'west',
        snapshotMoveData: true,
      },
    });
    expect(cli.starts).toEqual([{ type: 'backup', run: { namespace: NAMESPACE, name: 'b', uid: 'uid-1' } }]);
    expect(cli.err).toContain('workflow backup/local/openshift-adp/b');
    expect(cli.kube.closed).toBe(true);
  });

  it('leaves the start to the controller without Temporal', async () => {
    const cli = new Harness();
    cli.temporal = false;
    expect(await cli.run('backup', 'create', 'b')).toBe(0);
    expect(cli.err).toContain('the controller starts it');
    expect(cli.backup()['spec']).toEqual({ snapshotMoveData: true });
  });

  it('prints the resource only, with --dry-run and nothing created', async () => {
    const cli = new Harness();
    expect(
      await cli.run('backup', 'create', 'b', '--snapshot-move-data=false', '--dry-run', '-o', 'json'),
    ).toBe(0);
    expect(JSON.parse(cli.out)).toMatchObject({ kind: 'Backup', spec: { snapshotMoveData: false } });
    expect(cli.kube.objects.size).toBe(0);
  });

  it.each([
    [['backup', 'create'], "missing required argument 'name'"],
    [['backup', 'create', 'B'], '"B" is not a name'],
    [['backup', 'create', 'b', '--ttl', '3d'], "option '--ttl <duration>'"],
    [['backup', 'create', 'b', '-l', 'a in b'], "option '-l, --selector <selector>'"],
    [
      ['backup', 'create', 'b', '-l', 'a=1', '--or-selector', 'b=1'],
      '--selector and --or-selector exclude each other',
    ],
    [['backup', 'create', 'b', '--include-namespaces', 'a', '--exclude-namespaces', 'a'], 'both name "a"'],
    [['backup', 'create', 'b', '--include-resources', '*,pods'], '--include-resources: "*" stands for all'],
    [['backup', 'create', 'b', '--nope'], "unknown option '--nope'"],
    [['backup', 'create', 'b', '-o', 'xml'], '"xml" is no output: write table, json, yaml'],
    [['restore', 'create'], '--from-backup or --from-schedule'],
    [['restore', 'create', 'r', '--from-backup', 'b', '--namespace-mappings', 'a'], 'write old:new'],
    [['restore', 'create', 'r', '--from-backup', 'missing'], '--from-backup: there is no backup "missing"'],
    [['backup', 'get', 'missing'], 'there is no backup "missing" in namespace "openshift-adp"'],
  ])('%j is a usage error', async (args, message) => {
    const cli = new Harness();
    expect(await cli.run(...args)).toBe(3);
    expect(cli.err).toContain(message);
    expect(cli.out).toBe('');
    expect(cli.kube.objects.size).toBe(0);
  });

  it('says that the name is taken', async () => {
    const cli = new Harness();
    await cli.run('backup', 'create', 'b');
    expect(await cli.run('backup', 'create', 'b')).toBe(3);
    expect(cli.err).toContain(
      'error: backup "b" already exists in namespace "openshift-adp". Choose another name.',
    );
  });

  it('tells an unreachable cluster from a refusal', async () => {
    const cli = new Harness();
    cli.kube.failure = new KubeError({
      code: 0,
      reason: 'Unreachable',
      message: 'connect ECONNREFUSED',
      request: '',
    });
    expect(await cli.run('backup', 'get')).toBe(4);
    expect(cli.err).toContain('cannot reach the cluster: connect ECONNREFUSED. Check --kubeconfig');
    cli.kube.failure = new KubeError({ code: 403, reason: 'Forbidden', message: 'no right', request: '' });
    expect(await cli.run('backup', 'get')).toBe(1);
  });
});

describe('backup create --wait', () => {
  it.each([
    ['Completed', 0],
    ['PartiallyFailed', 2],
    ['Failed', 1],
    ['FailedValidation', 1],
  ] as const)('%s ends with %d', async (phase, code) => {
    const cli = new Harness();
    const end = cli.run('backup', 'create', 'b', '--wait');
    await cli.report({ phase: 'InProgress', progress: { totalItems: 3 } });
    cli.upload('data', { phase: 'InProgress', progress: { totalBytes: 100, bytesDone: 50 } });
    await cli.report({ phase, progress: { totalItems: 3, itemsBackedUp: 3 }, failureReason: 'StoreDown: x' });
    expect(await end).toBe(code);
    expect(cli.err).toContain('volume app/data: InProgress 50 B of 100 B (50%)');
    expect(cli.out).toMatch(new RegExp(`^backup b ${phase} after .*: 3 items, 1 volume \\(50 B\\)`));
    expect(cli.out).toContain('- StoreDown: x');
  });

  it('prints nothing but JSON with --output json', async () => {
    const cli = new Harness();
    const end = cli.run('backup', 'create', 'b', '--wait', '-o', 'json');
    await cli.report({ phase: 'Completed' });
    expect(await end).toBe(0);
    expect(cli.err).toBe('');
    expect(JSON.parse(cli.out)).toMatchObject({ kind: 'Backup', status: { phase: 'Completed' } });
  });

  it('leaves the run going at Ctrl-C and says so', async () => {
    const cli = new Harness();
    const end = cli.run('backup', 'create', 'b', '--wait');
    await cli.report({ phase: 'InProgress' });
    cli.interrupt();
    expect(await end).toBe(130);
    expect(cli.err).toContain('backup b goes on in the cluster; see it with: caravel backup describe b');
  });

  it('does not take a new backup of the same name for its own', async () => {
    const cli = new Harness();
    const end = cli.run('backup', 'create', 'b', '--wait');
    await cli.report({ phase: 'InProgress' });
    const object = cli.backup();
    cli.kube.put(GVR.backups, { ...object, metadata: { ...object.metadata, uid: 'other' } });
    expect(await end).toBe(1);
    expect(cli.err).toContain('was deleted and made again');
  });

  it('ends when the backup is deleted', async () => {
    const cli = new Harness();
    const end = cli.run('backup', 'create', 'b', '--wait');
    await cli.report({ phase: 'InProgress' });
    cli.kube.drop(GVR.backups, NAMESPACE, 'b');
    expect(await end).toBe(1);
    expect(cli.err).toContain('backup "b" was deleted while it was waited for');
  });
});

describe('the other commands', () => {
  it('restore create names the restore after its backup', async () => {
    const cli = new Harness();
    await cli.run('backup', 'create', 'b');
    const code = await cli.run('restore', 'create', '--from-backup', 'b', '--namespace-mappings', 'a:x,b:y');
    expect(code).toBe(0);
    expect(cli.kube.objects.get(`restores/${NAMESPACE}/b-20260101000010`)).toMatchObject({
      kind: 'Restore',
      spec: { backupName: 'b', namespaceMapping: { a: 'x', b: 'y' } },
    });
    expect(cli.starts.at(-1)).toMatchObject({ type: 'restore', run: { name: 'b-20260101000010' } });
  });

  it('get and describe show what is there', async () => {
    const cli = new Harness();
    expect(await cli.run('backup', 'get')).toBe(0);
    expect(cli.err).toContain('no backups in namespace');
    await cli.run('backup', 'create', 'b');
    cli.upload('data', { phase: 'Completed', snapshotID: 'k1' });
    cli.out = '';
    await cli.run('backup', 'get');
    expect(cli.out).toMatch(/^NAME .*\nb +New/);
    cli.out = '';
    await cli.run('backup', 'describe', 'b', '-o', 'json');
    expect(JSON.parse(cli.out)).toMatchObject({
      resource: { metadata: { name: 'b' } },
      volumes: [{ namespace: 'app', volume: 'data', phase: 'Completed', snapshotId: 'k1' }],
      facts: {},
    });
  });

  it('version asks the cluster and Temporal', async () => {
    const cli = new Harness();
    expect(await cli.run('version', '-o', 'json')).toBe(0);
    expect(JSON.parse(cli.out)).toMatchObject({ kubernetes: 'v1.34.4', temporal: '1.31.2', workers: 2 });
  });

  it('shows help without being asked wrongly', async () => {
    const cli = new Harness();
    expect(await cli.run('backup', 'create', '--help')).toBe(0);
    expect(cli.out).toContain('--snapshot-move-data');
  });
});

describe('expandBooleans', () => {
  it('lets a boolean flag stand alone', () => {
    expect(expandBooleans(['--snapshot-move-data', 'name'])).toEqual(['--snapshot-move-data=true', 'name']);
    expect(expandBooleans(['--snapshot-move-data', 'false'])).toEqual(['--snapshot-move-data', 'false']);
    expect(expandBooleans(['--restore-volumes=false'])).toEqual(['--restore-volumes=false']);
  });
});

describe('backup plan', () => {
  it('asks for the plan of the spec that its flags make, and creates nothing', async () => {
    const cli = new Harness();
    const args = ['--include-namespaces', 'shop', '--storage-location', 'west', '--annotations', 'a=b'];
    expect(await cli.run('backup', 'plan', 'nightly', ...args)).toBe(0);
    expect(cli.previews).toEqual([
      {
        namespace: NAMESPACE,
        name: 'nightly',
        spec: { includedNamespaces: ['shop'], storageLocation: 'west', snapshotMoveData: true },
        annotations: { a: 'b' },
      },
    ]);
    expect(cli.kube.objects.size).toBe(0);
    expect(cli.out).toMatch(/Would end: +Completed/);
    expect(cli.out).toMatch(/v1\/Pod +2/);
    expect(cli.out).toMatch(/shop +data +data-mover +2\.0 KiB at most +CSI snapshot/);
  });

  it('says with its exit code how the backup would end', async () => {
    const cli = new Harness();
    const item = { resource: 'persistentvolumeclaims', namespace: 'shop', name: 'data' };
    const fault = {
      severity: 'error',
      code: 'SnapshotClassMissing',
      step: 'planVolumes',
      message: 'no class',
    };
    cli.preview = {
      ...emptyPreview,
      expectedPhase: 'PartiallyFailed',
      counts: { errors: 1, warnings: 0 },
      problems: [{ ...fault, ...item } as BackupPreview['problems'][number]],
      omitted: { volumes: 700 },
    };
    expect(await cli.run('backup', 'plan')).toBe(2);
    expect(cli.out).toContain(
      '- error: persistentvolumeclaims shop/data: no class (SnapshotClassMissing). Label one',
    );
    expect(cli.out).toContain('700 more volumes are counted, but not listed');
    cli.preview = { ...emptyPreview, expectedPhase: 'FailedValidation', validationErrors: ['spec.ttl: bad'] };
    expect(await cli.run('backup', 'plan', '-o', 'json')).toBe(3);
  });

  it('needs Temporal, and says how to reach it', async () => {
    const cli = new Harness();
    cli.temporal = false;
    expect(await cli.run('backup', 'plan')).toBe(1);
    expect(cli.err).toMatch(/Temporal cannot be reached: refused\. Set TEMPORAL_ADDRESS/);
  });
});
