/**
 * Seconds that the slow test files take, with three lanes on two cores. Only their order counts: one of these begun last
 * would leave the other lanes idle. What a run printed as `took` is what to write here.
 */
export const SECONDS: Record<string, number> = {
  'test/e2e/file-system-backup.test.ts': 270,
  'test/e2e/kill.test.ts': 260,
  'test/e2e/permanent-errors.test.ts': 240,
  'test/e2e/hooks-kill.test.ts': 240,
  'test/e2e/velero-restores.test.ts': 230,
  'test/integration/mover-faults.test.ts': 200,
  'test/e2e/hooks.test.ts': 200,
  'test/e2e/existing-cluster.test.ts': 190,
  'test/e2e/velero-pod-volumes.test.ts': 150,
  'test/e2e/hooks-database.test.ts': 130,
  'test/e2e/outage.test.ts': 120,
  'test/e2e/group-snapshots.test.ts': 110,
  'test/integration/backup-hard-objects.test.ts': 110,
  'test/e2e/kill-restore.test.ts': 110,
  'test/e2e/velero-peer.test.ts': 100,
  'test/e2e/kept-snapshots.test.ts': 90,
  'test/integration/quiesce.test.ts': 90,
  'test/integration/mover-block.test.ts': 80,
  'test/e2e/velero-cli.test.ts': 80,
  'test/e2e/round-trip.test.ts': 70,
  'test/e2e/node-agent.test.ts': 70,
  'test/e2e/large-backup.test.ts': 60,
  'test/integration/backup-spec.test.ts': 60,
  'test/integration/mover-live.test.ts': 60,
  'test/integration/mover.test.ts': 60,
  'test/integration/backup-trouble.test.ts': 60,
};
