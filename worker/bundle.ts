import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode } from '@temporalio/worker';

/** Builds the workflow bundle once, for the image and for the tests. A worker never bundles at run time. */

export const BUNDLE_PATH = fileURLToPath(new URL('../.cache/workflow-bundle.js', import.meta.url));

export async function buildBundle(path = BUNDLE_PATH): Promise<string> {
  const workflowsPath = fileURLToPath(new URL('../workflows/index.ts', import.meta.url));
  const { code } = await bundleWorkflowCode({ workflowsPath });
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, code);
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildBundle();
