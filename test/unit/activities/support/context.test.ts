import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { allowance } from '../../../../activities/support/allowance.ts';
import { locationOfContext, storeContext } from '../../../../activities/support/context.ts';
import type { RunContext } from '../../../../activities/support/context.ts';
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

async function stored(owner: RunRef, value: RunContext) {
  const puts: [string, unknown][] = [];
  const put = async (key: string, body: unknown) => void puts.push([key, body]);
  const ref = await storeContext({ put } as unknown as ObjectStore, owner, value);
  return { ref, puts };
}

describe('the context of a run', () => {
  it('is written into its scratch area, after the id of the workflow that it belongs to', async () => {
    const { ref, puts } = await stored(run, context('default'));
    expect(puts.map(([key]) => key)).toEqual([
      'backups/b/.caravel/u/owner',
      'backups/b/.caravel/u/context.default.json',
    ]);
    expect(puts[0]?.[1]).toBe('backup/local/velero/b');
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
