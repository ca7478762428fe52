import { defineConfig } from 'vitest/config';

// Forks, never threads: Temporal's native bridge does not survive worker threads being torn down.
const tier = (name: string, extra: object = {}) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], pool: 'forks' as const, ...extra },
});

export default defineConfig({
  test: {
    projects: [
      // Property tests on a machine that also runs a cluster.
      tier('unit', { testTimeout: 60_000 }),
      tier('replay', { testTimeout: 60_000, globalSetup: 'test/support/workflow-bundle.ts' }),
      // Real parts: one file at a time, so that two tests never fight for the same two cores.
      tier('integration', { testTimeout: 300_000, hookTimeout: 300_000, fileParallelism: false }),
      tier('e2e', { testTimeout: 900_000, hookTimeout: 900_000, fileParallelism: false }),
    ],
  },
});
