import { execFile } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';

/** The workflow bundle: made with the image, and in a working tree whenever it is older than what it is made of. */

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUNDLE_PATH = join(ROOT, '.cache/workflow-bundle.js');
/** Folders whose code workflows may use; package.json has the exact versions of the packages. */
const SOURCES = ['workflows', 'core', 'contracts'];
/** File and line of a stack trace, without columns and sources: every worker holds the map in memory, several times. */
const SOURCE_MAP = 'inline-nosources-cheap-module-source-map';

export async function buildBundle(path = BUNDLE_PATH): Promise<string> {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(ROOT, 'workflows/index.ts'),
    logger: new DefaultLogger('WARN'),
    webpackConfigHook: (config) => ({ ...config, devtool: SOURCE_MAP }),
  });
  await mkdir(dirname(path), { recursive: true });
  // Several workers may start at once; none reads half a file.
  const unfinished = `${path}.${process.pid}`;
  await writeFile(unfinished, code);
  await rename(unfinished, path);
  return path;
}

/** Path of a bundle of today's code. A process of its own makes it: the bundler takes memory that a worker would keep. */
export async function currentBundle(): Promise<string> {
  const made = statSync(BUNDLE_PATH, { throwIfNoEntry: false })?.mtimeMs;
  if (made === undefined || made < lastChange())
    await promisify(execFile)(process.execPath, [fileURLToPath(import.meta.url)]);
  return BUNDLE_PATH;
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
