import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  MOVER_CREDENTIALS_PATH,
  MOVER_SPEC_ENV,
  MOVER_TERMINATION_LOG,
  MOVER_VOLUME_PATH,
  MOVER_WORK_PATH,
} from '../contracts/mover.ts';
import type { MoverSpec, RepositoryCredentials } from '../contracts/mover.ts';
import { TIMEOUTS } from '../contracts/settings.ts';
import { CaravelError, messageOf } from '../core/errors/catalog.ts';

/** What the pod gives to the supervisor. */
export interface MoverInputs {
  spec: MoverSpec;
  credentials: RepositoryCredentials;
  paths: MoverPaths;
  stallMs: number;
}

export interface MoverPaths {
  credentials: string;
  volume: string;
  work: string;
  terminationLog: string;
  kopia: string;
}

/** Each place can be moved by the environment, for tests and for images that keep kopia elsewhere. */
export const moverPaths = (env: NodeJS.ProcessEnv): MoverPaths => ({
  credentials: env['CARAVEL_MOVER_CREDENTIALS'] ?? MOVER_CREDENTIALS_PATH,
  volume: env['CARAVEL_MOVER_VOLUME'] ?? MOVER_VOLUME_PATH,
  work: env['CARAVEL_MOVER_WORK'] ?? MOVER_WORK_PATH,
  terminationLog: env['CARAVEL_MOVER_TERMINATION_LOG'] ?? MOVER_TERMINATION_LOG,
  kopia: env['CARAVEL_MOVER_KOPIA'] ?? 'kopia',
});

export function readInputs(env: NodeJS.ProcessEnv): MoverInputs {
  const paths = moverPaths(env);
  const text = env[MOVER_SPEC_ENV];
  if (!text) throw new CaravelError('InvalidInput', `the environment has no ${MOVER_SPEC_ENV}`);
  return {
    spec: checkSpec(parse(text)),
    credentials: readCredentials(paths.credentials),
    paths,
    stallMs: Number(env['CARAVEL_MOVER_STALL_MS']) || TIMEOUTS.moverStall,
  };
}

function parse(text: string): Partial<MoverSpec> {
  try {
    return JSON.parse(text) as Partial<MoverSpec>;
  } catch (error) {
    throw new CaravelError('InvalidInput', `${MOVER_SPEC_ENV} is no JSON: ${messageOf(error)}`);
  }
}

type Check = [problem: string, holds: (spec: Partial<MoverSpec>) => boolean];

const isText = (value: unknown) => typeof value === 'string' && value !== '';

const CHECKS: Check[] = [
  ['version is not 1', ({ version }) => version === 1],
  [
    "direction is neither 'backup' nor 'restore'",
    ({ direction }) => direction === 'backup' || direction === 'restore',
  ],
  [
    "volumeMode is neither 'Filesystem' nor 'Block'",
    ({ volumeMode }) => volumeMode === 'Filesystem' || volumeMode === 'Block',
  ],
  ['runUid is missing', ({ runUid }) => isText(runUid)],
  [
    'repository needs bucket, prefix, endpoint and region',
    ({ repository: r }) =>
      r !== undefined && [r.bucket, r.prefix, r.endpoint, r.region].every((part) => isText(part)),
  ],
  [
    'repository.prefix does not end with a slash',
    ({ repository }) => repository?.prefix.endsWith('/') === true,
  ],
  ['source is not of the form user@host:path', ({ source }) => /^[^@:]+@[^:]+:./.test(source ?? '')],
  ['restore is missing', ({ direction, restore }) => direction === 'backup' || isText(restore?.snapshotId)],
  [
    'restore.snapshotId is no id of a Kopia snapshot',
    ({ restore }) => restore === undefined || /^[0-9a-f]+$/.test(restore.snapshotId),
  ],
  [
    'blockEntry is missing or no absolute path',
    ({ direction, volumeMode, blockEntry }) =>
      direction === 'restore' || volumeMode === 'Filesystem' || blockEntry?.startsWith('/') === true,
  ],
];

function checkSpec(spec: Partial<MoverSpec>): MoverSpec {
  const problems = CHECKS.filter(([, holds]) => !holds(spec)).map(([problem]) => problem);
  if (problems.length > 0) throw new CaravelError('InvalidInput', `mover: ${problems.join('; ')}`);
  return {
    ...(spec as MoverSpec),
    attempt: spec.attempt ?? 1,
    tags: spec.tags ?? {},
    parallel: spec.parallel ?? 0,
  };
}

/** One file per key, as a mounted Secret shows them. */
function readCredentials(folder: string): RepositoryCredentials {
  const read = (name: string) => {
    try {
      return readFileSync(join(folder, name), 'utf8').trim();
    } catch {
      return '';
    }
  };
  const sessionToken = read('sessionToken');
  const password = read('password');
  if (!password)
    throw new CaravelError('InvalidInput', `no repository password in ${join(folder, 'password')}`);
  return {
    accessKeyId: read('accessKeyId'),
    secretAccessKey: read('secretAccessKey'),
    ...(sessionToken && { sessionToken }),
    password,
  };
}
