import { expect, it } from 'vitest';
import { backupLog } from '../../../../core/backup/log.ts';
import type { VolumeOutcome, VolumePlan } from '../../../../core/model.ts';
import { problem } from '../../../../core/problems.ts';

const plan = {
  namespace: 'shop',
  claim: 'data',
  method: 'data-mover',
  reason: 'CSI snapshot of class only',
} as VolumePlan;

const outcome = {
  ok: true,
  bytes: 10,
  files: 2,
  bytesMoved: 3,
  snapshotId: 'k1',
  completedAt: '2026-01-01T00:00:12.345Z',
} as VolumeOutcome;

const log = (more: object = {}) =>
  backupLog({
    backup: 'velero/one',
    startedAt: '2026-01-01T00:00:00Z',
    stages: { adopt: 1_000, plan: 500, exportResources: 4_500, planVolumes: 1_000, protectVolumes: 8_000 },
    kinds: [['v1/Pod', 2]],
    notes: [{ resource: 'pods', namespace: 'shop', name: 'x', message: 'it has a label' }],
    volumes: [
      { plan, outcome, operationId: 'du-1' },
      {
        plan: { ...plan, claim: 'cache', method: 'skip', reason: 'volume policy 1 says skip' },
        operationId: '',
      },
    ],
    problems: [
      problem('warning', 'plan', 'InvalidInput', 'namespace none does not exist'),
      problem('error', 'protectVolume', 'MoverLost', 'gone', {
        namespace: 'shop',
        resource: 'pvc',
        name: 'a',
      }),
    ],
    hookLines: () => ['time="2026-01-01T00:00:08Z" level=info msg=frozen backup=velero/one'],
    now: '2026-01-01T00:00:20Z',
    ...more,
  })
    .trimEnd()
    .split('\n');

it('has a line for all that happened, in the order and with the time in which it did', () => {
  expect(
    log().map((line) => line.replace(/^time="2026-01-01T00:00:(\d\d)Z" level=(\w+) msg=/, '$1 $2 ')),
  ).toEqual([
    '00 info "backup started" backup=velero/one',
    '01 info "stage adopt took 1000 ms" backup=velero/one',
    '01 info "stage plan took 500 ms" backup=velero/one',
    expect.stringMatching(/^01 warning "namespace none does not exist" backup=velero\/one code=InvalidInput/),
    '06 info "stage exportResources took 4500 ms" backup=velero/one',
    expect.stringMatching(/^06 info "Excluding item because it has a label" .*name=x namespace=shop/),
    '07 info "stage planVolumes took 1000 ms" backup=velero/one',
    '07 info "volume of claim shop/data: data-mover, CSI snapshot of class only" backup=velero/one',
    '07 info "volume of claim shop/cache: skip, volume policy 1 says skip" backup=velero/one',
    '08 info frozen backup=velero/one',
    '12 info "volume of claim shop/data: 10 bytes in 2 files, 3 sent, snapshot k1" backup=velero/one',
    '15 info "stage protectVolumes took 8000 ms" backup=velero/one',
    expect.stringMatching(/^15 error gone backup=velero\/one code=MoverLost/),
    '20 info "backed up 2 of v1/Pod" backup=velero/one',
  ]);
});

it('is one line for each, whatever somebody put into a message', () => {
  const hostile = problem('error', 'plan', 'Internal', 'a\ntime="1999-01-01T00:00:00Z" level=info msg=b');
  expect(log({ problems: [hostile] })).toHaveLength(13);
});
