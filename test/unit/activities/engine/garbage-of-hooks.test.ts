import { describe, expect, it } from 'vitest';
import { collectGarbage } from '../../../../activities/engine/collect-garbage.ts';
import { createBook } from '../../../../activities/hooks/book.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { RunRef } from '../../../../contracts/run.ts';
import type { KubeObject } from '../../../../platform/kube/types.ts';

const run: RunRef = { type: 'backup', cluster: 'c', namespace: 'velero', name: 'b', uid: 'u-1' };
const RUN = 'backup/c/velero/b';
const RELEASE = 'unquiesce/u-1/3';

/** The Secret with the hooks of a group, and workflows of which some run. */
async function collected(running: string[], uid?: string): Promise<boolean> {
  const secrets = new Map<string, KubeObject>();
  const kube = {
    ensure: async (_gvr: object, _namespace: string, object: KubeObject) =>
      secrets.set(object.metadata.name, { ...object, kind: 'Secret' }),
    list: async ({ resource }: { resource: string }) => (resource === 'secrets' ? [...secrets.values()] : []),
    remove: async (_gvr: object, _namespace: string, name: string) => secrets.delete(name),
    find: async () => undefined,
  } as unknown as Deps['kube'];
  const getHandle = (id: string) => ({
    describe: async () => ({
      status: { name: running.includes(id) ? 'RUNNING' : 'TERMINATED' },
      ...(id === RUN && { memo: { uid } }),
    }),
  });
  const temporal = { workflow: { getHandle } } as unknown as Deps['temporal'];
  await createBook(kube, { run, group: 3 }, { group: 3, pods: [] });
  const scope = { cluster: 'c', namespace: 'velero' };
  await collectGarbage({ kube, temporal } as Deps, scope, new AbortController().signal);
  return secrets.size === 0;
}

describe('what is written down of hooks', () => {
  it.each([
    ['is kept while the run lives', [RUN], false],
    ['is kept while the application of a lost run is being released', [RELEASE], false],
    ['is garbage when neither is so', [], true],
  ])('%s', async (_, running, garbage) => {
    expect(await collected(running)).toBe(garbage);
  });

  it('is garbage when another run of the same name goes on', async () => {
    expect(await collected([RUN], 'u-2')).toBe(true);
    expect(await collected([RUN], 'u-1')).toBe(false);
    expect(await collected([RUN, RELEASE], 'u-2')).toBe(false);
  });
});
