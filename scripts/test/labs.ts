import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { labEnv } from '../../lab/env.ts';
import { identify, isAlive } from '../../lab/host/process-identity.ts';
import type { ProcessIdentity } from '../../lab/host/process-identity.ts';
import { labsDir } from '../../lab/layout.ts';
import { prefixed, print, run } from './program.ts';
import { add, failure, lastLines, nothing } from './report.ts';
import type { Outcome } from './report.ts';

/** The labs of a run: brought up when they are not there, and those that the run started taken down again. */

export interface LabOfRun {
  name: string;
  /** Started by this run, or left behind by one that was killed. */
  ours: boolean;
  /** The environment of its tests, or why there is none; never rejected, because it is awaited late. */
  up: Promise<{ env: NodeJS.ProcessEnv } | { failed: Outcome }>;
}

export interface LabSettings {
  keep: boolean;
  proof: boolean;
}

/** Begins to bring labs up. One after the other: what the first one builds the others only load. */
export function startLabs(names: readonly string[], { proof }: LabSettings): LabOfRun[] {
  let before: Promise<unknown> = Promise.resolve();
  return names.map((name) => {
    const ours = claim(name);
    const up = before.then(() => bringUp(name, proof));
    before = up;
    return { name, ours, up };
  });
}

/** Says who started the lab, so that one that outlives its killed run is taken down by the next. */
const marker = (name: string): string => join(labsDir, name, 'started-by-tests');

function claim(name: string): boolean {
  const starter = starterOf(name);
  // Someone's own, or of a run that still goes on.
  if (starter ? isAlive(starter) : existsSync(join(labsDir, name, 'env.json'))) return false;
  try {
    mkdirSync(join(labsDir, name), { recursive: true });
    writeFileSync(marker(name), JSON.stringify(identify(process.pid)));
    return true;
  } catch {
    // Not root: `lab up` will say so.
    return false;
  }
}

function starterOf(name: string): ProcessIdentity | undefined {
  try {
    return JSON.parse(readFileSync(marker(name), 'utf8')) as ProcessIdentity;
  } catch {
    return undefined;
  }
}

const lab = (name: string, ...args: string[]) => ['lab/main.ts', ...args, '--name', name];

const SAID_LINES = 20;

/** With stock Velero and the Caravel of this tree in it. */
async function bringUp(name: string, proof: boolean): LabOfRun['up'] {
  const show = prefixed(name, print);
  const failed = (said: string) => ({
    failed: failure(`the lab ${name} did not come up`, lastLines(said, SAID_LINES)),
  });
  for (const args of [lab(name, 'up', '--with', 'velero'), lab(name, 'deploy')]) {
    const { code, output } = await run('node', args, { show });
    if (code !== 0) return failed(output);
  }
  try {
    const { LAB_PATH, ...env } = labEnv(name);
    const path = `${LAB_PATH}:${process.env['PATH']}`;
    return {
      env: { ...process.env, ...env, LAB_PATH, PATH: path, ...(proof && { CARAVEL_PROOF: '1' }) },
    };
  } catch (error) {
    return failed(String(error));
  }
}

/** Takes down what the run started, also what came up only in part; or leaves it to whoever asked for that. */
export async function leaveLabs(labs: readonly LabOfRun[], { keep }: LabSettings): Promise<Outcome> {
  const total = nothing();
  for (const { name } of labs.filter(({ ours }) => ours)) {
    if (keep) rmSync(marker(name), { force: true });
    else add(total, await takeDown(name));
  }
  return total;
}

async function takeDown(name: string): Promise<Outcome> {
  const { code, output } = await run('node', lab(name, 'down'), { show: print, cleansUp: true });
  if (code !== 0) return failure(`the lab ${name} was not taken down`, lastLines(output, SAID_LINES));
  forgetFolder(name);
  return nothing();
}

/** `lab down` leaves that of a lab which did not even begin; it holds nothing but the marker. */
function forgetFolder(name: string): void {
  rmSync(marker(name), { force: true });
  try {
    rmdirSync(join(labsDir, name));
  } catch {
    // Gone, or someone has begun to bring it up meanwhile.
  }
}
