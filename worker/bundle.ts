import { readdirSync, statSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** The workflow bundle: made with the image, and in a working tree whenever it is older than what it is made of. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE_PATH = join(ROOT, '.cache/workflow-bundle.js');
/** Folders whose code workflows may use; package.json has the exact versions of the packages. */
const SOURCES = ['workflows', 'core', 'contracts'];

export async function buildBundle(path = BUNDLE_PATH): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'workflows/index.ts'),
    logger: new DefaultLogger('WARN'),
  });
  await mkdir(dirname(path), { recursive: true });
  // Several workers may start at once; none reads half a file.
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, code);
  await rename(unfinished, path);
  return path;
}

/** Path of a bundle of today's code. */
export async function currentBundle(): Promise<string> {
  const made = statSync(BUNDLE_PATH, { throwIfNoEntry: false })?.mtimeMs;
  return made !== undefined && made >= lastChange() ? BUNDLE_PATH : await buildBundle();
}

function lastChange(): number {
  const inside = SOURCES.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  );
  // A folder changes when a file in it is removed.
  const paths = ['package.json', ...SOURCES, ...inside];
  return Math.max(...paths.map((path) => statSync(join(ROOT, path)).mtimeMs));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildBundle();
