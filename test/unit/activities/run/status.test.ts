import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { runActivities } from '../../../../activities/run/index.ts';
import { isTerminal, patchRun, readRunObject } from '../../../../activities/run/status.ts';
import type { RunObject } from '../../../../activities/run/status.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { Ending } from '../../../../contracts/activities.ts';
import { CATALOG } from '../../../../core/errors/catalog.ts';
import type { RunRef, RunResult } from '../../../../contracts/run.ts';
import { KubeError } from '../../../../platform/kube/errors.ts';
import type { KubeClient } from '../../../../platform/kube/types.ts';

const run: RunRef = { type: 'backup', cluster: 'local', namespace: 'velero', name: 'b', uid: 'u-1' };
const refuse = (code: number, reason: string) =>
  new KubeError({ code, reason, message: reason, request: 'PATCH backups/b' });

/** One Backup in a cluster, whose resource version changes with every write. */
class OneBackup {
  object: RunObject | undefined;
  readonly patches: Record<string, unknown>[] = [];
  /** Done by somebody else right before the next patches arrive. */
  meanwhile: (() => void)[] = [];

  constructor(status: RunObject['status'] = { phase: 'InProgress' }, uid = 'u-1') {
    const metadata = { name: 'b', namespace: 'velero', uid, resourceVersion: '1' };
    this.object = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, status };
  }

  get client(): KubeClient {
    return this as unknown as KubeClient;
  }

  async find(): Promise<RunObject | undefined> {
    return this.object;
  }

  async patch(_gvr: object, _namespace: string, _name: string, patch: RunObject): Promise<RunObject> {
    this.meanwhile.shift()?.();
    if (!this.object) throw refuse(404, 'NotFound');
    if (patch.metadata.uid !== this.object.metadata.uid) throw refuse(409, 'Conflict');
    if (patch.metadata.resourceVersion !== this.object.metadata.resourceVersion)
      throw refuse(409, 'Conflict');
    this.patches.push(patch);
    this.write(patch.status);
    return this.object;
  }

  write(status: RunObject['status']): void {
    const { metadata, ...rest } = this.object!;
    const resourceVersion = String(Number(metadata.resourceVersion) + 1);
    this.object = {
      ...rest,
      metadata: { ...metadata, resourceVersion },
      status: { ...rest.status, ...status },
    };
  }
}

const progress = () => ({ status: { phase: 'InProgress', seen: true } });

describe('the resource of a run', () => {
  it('is read only as long as it is the same', async () => {
    const backup = new OneBackup();
    expect(await readRunObject(backup.client, run)).toBe(backup.object);
    await expect(readRunObject(new OneBackup({}, 'u-2').client, run)).rejects.toMatchObject({
      code: 'ResourceGone',
      message: 'backup b was deleted and made again',
      retryable: false,
    });
    backup.object = undefined;
    await expect(readRunObject(backup.client, run)).rejects.toMatchObject({
      message: 'backup b was deleted',
    });
  });

  it.each(['Completed', 'PartiallyFailed', 'Failed', 'FailedValidation'])(
    'is left alone once it is %s',
    async (phase) => {
      const backup = new OneBackup({ phase });
      expect(isTerminal(phase)).toBe(true);
      expect((await patchRun(backup.client, run, progress)).status).toEqual({ phase });
      expect(backup.patches).toEqual([]);
    },
  );

  it.each([undefined, '', 'New', 'InProgress', 'WaitingForPluginOperations'])(
    'goes on while it is %j',
    (phase) => expect(isTerminal(phase)).toBe(false),
  );

  it('is written with its uid and version, so that no change of another is lost', async () => {
    const backup = new OneBackup();
    await patchRun(backup.client, run, () => ({ metadata: { labels: { a: 'b' } }, ...progress() }));
    expect(backup.patches).toEqual([
      { metadata: { labels: { a: 'b' }, uid: 'u-1', resourceVersion: '1' }, ...progress() },
    ]);
  });

  it('is looked at again when somebody else wrote meanwhile', async () => {
    const backup = new OneBackup();
    backup.meanwhile = [() => backup.write({ note: 1 }), () => backup.write({ note: 2 })];
    const seen: unknown[] = [];
    const patched = await patchRun(backup.client, run, (current) => {
      seen.push(current.status?.['note']);
      return progress();
    });
    expect(seen).toEqual([undefined, 1, 2]);
    expect(patched.status).toEqual({ phase: 'InProgress', note: 2, seen: true });
  });

  it('keeps the end that somebody else wrote meanwhile', async () => {
    const backup = new OneBackup();
    backup.meanwhile = [() => backup.write({ phase: 'Failed' })];
    expect((await patchRun(backup.client, run, progress)).status).toEqual({ phase: 'Failed' });
    expect(backup.patches).toEqual([]);
  });

  it('that was made again meanwhile is not touched', async () => {
    const backup = new OneBackup();
    backup.meanwhile = [() => (backup.object = new OneBackup({ phase: 'New' }, 'u-2').object)];
    await expect(patchRun(backup.client, run, progress)).rejects.toMatchObject({ code: 'ResourceGone' });
    expect(backup.object?.status).toEqual({ phase: 'New' });
  });
});

describe('the end of a run', () => {
  const end = async (backup: OneBackup, phase: 'Failed' | 'Canceled', code: string) => {
    const { endRun } = runActivities({ kube: backup.client } as Deps);
    const ending = { run, phase, code, reason: 'why', stages: { plan: 5 } };
    return await new MockActivityEnvironment().run<[Ending], RunResult, typeof endRun>(endRun, ending);
  };

  it('that failed has code, cause and hint in the resource and in the result', async () => {
    const backup = new OneBackup();
    const result = await end(backup, 'Failed', 'StoreAccessDenied');
    const reason = `StoreAccessDenied: why (hint: ${CATALOG.StoreAccessDenied.hint})`;
    expect(result).toMatchObject({ phase: 'Failed', errors: 1, reason });
    expect(backup.patches).toMatchObject([
      {
        metadata: {
          annotations: {
            'caravel.dev/facts': JSON.stringify({ stagesMs: { plan: 5 }, code: 'StoreAccessDenied' }),
          },
        },
        status: { phase: 'Failed', failureReason: reason, errors: 1 },
      },
    ]);
  });

  it('that was cancelled says so', async () => {
    expect((await end(new OneBackup(), 'Canceled', 'Canceled')).reason).toBe('Canceled: why');
  });

  it('needs no resource any more', async () => {
    const backup = new OneBackup();
    backup.object = undefined;
    expect((await end(backup, 'Canceled', 'Canceled')).phase).toBe('Failed');
    expect((await end(new OneBackup({}, 'u-2'), 'Canceled', 'Canceled')).phase).toBe('Failed');
  });
});
