import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowance } from '../../../../activities/support/allowance.ts';
import { locationOfContext, storeContext } from '../../../../activities/support/context.ts';
import type { RunContext } from '../../../../activities/support/context.ts';
import type { Deps } from '../../../../activities/support/deps.ts';
import type { RunRef } from '../../../../contracts/run.ts';
import type { ObjectStore } from '../../../../platform/store/types.ts';

const run: RunRef = { type: 'backup', cluster: 'local', namespace: 'velero', name: 'b', uid: 'u' };

function context(location: string, padding = ''): RunContext {
  const resource = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'b' }, spec: {}, padding };
  return {
    resource: resource as unknown as RunContext['resource'],
    location,
    startedAt: '2026-01-02T03:04:05Z',
    cluster: { gitVersion: 'v1', major: '1', minor: '0' },
  };
}

let asked = 0;
let answer: object = { metadata: { name: 'kube-system', uid: 'c-1' } };
const kube = {
  get: async (_gvr: object, _namespace: undefined, name: string) => {
    asked++;
    if (name !== 'kube-system') throw new Error(name);
    return answer;
  },
};
const temporal = { options: { namespace: 'prod' } };

async function stored(owner: RunRef, value: RunContext, deps: object = { kube, temporal }) {
  const puts: [string, unknown][] = [];
  const put = async (key: string, body: unknown) => void puts.push([key, body]);
  const ref = await storeContext(deps as Deps, { put } as unknown as ObjectStore, owner, value);
  return { ref, puts };
}

describe('the context of a run', () => {
  it('is written into its scratch area, after the word whose that is', async () => {
    const { ref, puts } = await stored(run, context('default'));
    expect(puts.map(([key]) => key)).toEqual([
      'backups/b/.caravel/u/owner',
      'backups/b/.caravel/u/context.default.json',
    ]);
    expect(JSON.parse(String(puts[0]?.[1]))).toEqual({
      version: 1,
      workflowId: 'backup/local/velero/b',
      clusterUid: 'c-1',
      temporalNamespace: 'prod',
    });
    expect(ref.key).toBe('backups/b/.caravel/u/context.default.json');
  });

  it('names its location, whatever that and the run are called', async () => {
    const name = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,8}[a-z0-9])?(\.(json|gz|context|a))*$/);
    await fc.assert(
      fc.asyncProperty(name, name, fc.boolean(), async (location, backup, long) => {
        const padding = long ? 'x'.repeat(100_000) : '';
        const { ref } = await stored({ ...run, name: backup }, context(location, padding));
        expect(ref.key.endsWith('.gz')).toBe(long);
        expect(locationOfContext(ref)).toBe(location);
      }),
      { numRuns: 50 },
    );
  });

  it('asks but once what cluster this is, and again only when there was no answer', async () => {
    asked = 0;
    const deps = { kube: { ...kube }, temporal };
    answer = { metadata: { name: 'kube-system' } };
    await expect(stored(run, context('default'), deps)).rejects.toThrow('has no uid');
    answer = { metadata: { name: 'kube-system', uid: 'c-1' } };
    await Promise.all([stored(run, context('default'), deps), stored(run, context('default'), deps)]);
    await stored(run, context('default'), deps);
    expect(asked).toBe(2);
  });

  it('is not any document', () => {
    const other = { key: 'backups/b/.caravel/u/plan.json', sha256: '', bytes: 0 };
    expect(() => locationOfContext(other)).toThrow('is not the context of a run');
  });
});

describe('the time that a spec allows', () => {
  it.each([
    [undefined, 7],
    ['', 7],
    ['0s', 7],
    ['0h0m0s', 7],
    ['1s', 1000],
    ['1h30m', 5_400_000],
  ])('%j is %i ms', (duration, ms) => expect(allowance(duration, 7)).toBe(ms));
});
