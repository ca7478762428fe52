import { describe, expect, it } from 'vitest';
import { differences } from '../../../scripts/demo/application.ts';
import { report } from '../../../scripts/demo/report.ts';
import { FACTS_ANNOTATION } from '../../../contracts/ids.ts';

describe('comparison of the demonstration', () => {
  it('finds what changed, what is missing and what is new', () => {
    const before = new Map([
      ['same', 'a'],
      ['changed', 'b'],
      ['lost', 'c'],
    ]);
    const after = new Map([
      ['same', 'a'],
      ['changed', 'x'],
      ['new', 'd'],
    ]);
    expect(differences(before, after)).toEqual([
      'changed: was b, is x',
      'lost: was c, is missing',
      'new: was not there, is d',
    ]);
  });

  it('is content with equal things in another order', () => {
    const pairs: [string, string][] = [
      ['a', '1'],
      ['b', '2'],
    ];
    expect(differences(new Map(pairs), new Map(pairs.toReversed()))).toEqual([]);
  });
});

const run = (name: string, facts: object) => ({
  apiVersion: 'velero.io/v1',
  kind: 'Backup',
  metadata: { name, annotations: { [FACTS_ANNOTATION]: JSON.stringify(facts) } },
  status: { startTimestamp: '2026-01-01T00:00:00Z', completionTimestamp: '2026-01-01T00:00:12Z' },
});

describe('report of the demonstration', () => {
  it('shows stages and volumes of both runs, without the inner stages of movers', () => {
    const volume = {
      claim: 'shop/data',
      bytes: 1024,
      sent: 512,
      stagesMs: { transfer: 2000, 'mover.kopia': 1500 },
    };
    const hooks = [{ pods: 'shop/database-0', attempted: 1, failed: 0 }];
    const backup = run('b', { stagesMs: { adopt: 100 }, hooks, volumes: [volume] });
    const text = report([{ title: 'backup', ms: 13_000 }], backup, run('r', {}));
    expect(text.split('\n')).toEqual([
      'STEP       TIME',
      'backup   13.0 s',
      '',
      'STAGE                          TIME   BYTES',
      'backup b                     12.0 s   1.0 KiB',
      '  adopt                       0.1 s',
      '  hooks of shop/database-0            1 run, 0 failed',
      '  volume shop/data            2.0 s   1.0 KiB, 512 B sent',
      '    transfer                  2.0 s',
      'restore r                    12.0 s',
    ]);
  });
});
