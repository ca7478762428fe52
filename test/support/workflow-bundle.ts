import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { buildBundle } from '../../worker/bundle.ts';

/** Bundles the workflows of this tree once for all tests of the project. */

declare module 'vitest' {
  interface ProvidedContext {
    workflowBundle: string;
  }
}

export default async function setup(project: TestProject): Promise<void> {
  const path = join(import.meta.dirname, '../../.cache/tested-workflow-bundle.js');
  project.provide('workflowBundle', await buildBundle(path));
}
