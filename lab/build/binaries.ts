import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { run } from '../host/command.ts';
import { withLock } from '../host/lock.ts';
import { checkGo } from '../host/requirements.ts';
import { showProgress } from './progress.ts';
import { type Recipe, recipes } from './recipes.ts';

export const cacheDir = process.env.CARAVEL_LAB_CACHE ?? join(homedir(), '.cache/caravel-lab');
const goDir = join(import.meta.dirname, '../go');

/** Where each group's programs and assets lie. */
export class Binaries {
  private readonly dirs: Map<string, string>;

  constructor(dirs: Map<string, string>) {
    this.dirs = dirs;
  }

  program(group: string, name: string): string {
    return join(this.dir(group), name);
  }

  asset(group: string, ...path: string[]): string {
    return join(this.dir(group), 'assets', ...path);
  }

  /** All folders with programs, for PATH; those of optional groups when they were built. */
  folders(): string[] {
    return [...new Set(this.dirs.values())].filter((dir) => existsSync(dir));
  }

  private dir(group: string): string {
    const dir = this.dirs.get(group);
    if (!dir) throw new Error(`no build group ${group}`);
    return dir;
  }
}

export function locateBinaries(): Binaries {
  return new Binaries(new Map(recipes.map((recipe) => [recipe.group, outputDir(recipe)])));
}

/** Builds what the cache does not hold yet, of the optional groups only these. */
export async function buildBinaries(say: (line: string) => void, extras: string[]): Promise<Binaries> {
  if (missingOf(extras).length > 0) {
    await checkGo();
    // One builder at a time: two would only share the same cores, and would build the same things.
    const waiting = (): void => say('another lab is building the same programs: waiting for it');
    await withLock(join(cacheDir, 'build.lock'), waiting, () => buildMissing(extras));
  }
  return locateBinaries();
}

const missingOf = (extras: string[]): Recipe[] =>
  recipes
    .filter(({ group, optional }) => !optional || extras.includes(group))
    .filter((recipe) => !existsSync(outputDir(recipe)));

async function buildMissing(extras: string[]): Promise<void> {
  const missing = missingOf(extras);
  let secondsAhead = missing.reduce((sum, recipe) => sum + recipe.typicalSeconds, 0);
  for (const [index, recipe] of missing.entries()) {
    const names = recipe.packages.map((path) => basename(path)).join(', ');
    await showProgress(
      { title: `building ${names} (${index + 1} of ${missing.length})`, ...recipe, secondsAhead },
      () => build(recipe),
    );
    secondsAhead -= recipe.typicalSeconds;
  }
}

async function build(recipe: Recipe): Promise<void> {
  const target = outputDir(recipe);
  const scratch = `${target}.partial`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(join(scratch, 'assets'), { recursive: true });
  const cwd = join(goDir, recipe.group);
  const env = { ...process.env, CGO_ENABLED: '0' };
  const args = [
    'build',
    '-mod=readonly',
    '-trimpath',
    ...recipe.flags,
    '-o',
    `${scratch}/`,
    ...recipe.packages,
  ];
  await run('go', args, { cwd, env });
  for (const asset of recipe.assets) {
    const dir = (await run('go', ['list', '-m', '-f', '{{.Dir}}', asset.module], { cwd, env })).trim();
    const into = join(scratch, 'assets', asset.into);
    mkdirSync(into, { recursive: true });
    const source = join(dir, asset.folder);
    for (const file of readdirSync(source).filter((name) => asset.file.test(name))) {
      copyFileSync(join(source, file), join(into, file));
      utimesSync(join(into, file), new Date(), new Date());
    }
  }
  renameSync(scratch, target);
}

/** The folder of a group: a given one that is complete, else the one of the cache. */
function outputDir(recipe: Recipe): string {
  const given = process.env.CARAVEL_LAB_BIN;
  if (given && isComplete(given, recipe)) return resolve(given);
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(goDir, recipe.group, file)));
  hash.update(JSON.stringify([recipe.packages, recipe.flags, recipe.assets, process.arch]));
  return join(cacheDir, 'bin', `${recipe.group}-${hash.digest('hex').slice(0, 12)}`);
}

function isComplete(dir: string, recipe: Recipe): boolean {
  const programs = recipe.packages.map((path) => basename(path));
  const assets = recipe.assets.map((asset) => join('assets', asset.into));
  return [...programs, ...assets].every((path) => existsSync(join(dir, path)));
}
