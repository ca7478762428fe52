import type { Backup } from '../../contracts/api/backup.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import { readResource } from '../../contracts/api/meta.ts';
import type { RestoreSpec } from '../../contracts/api/restore.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { parseBackup } from '../../core/format/backup-file.ts';
import { backupKeys } from '../../core/format/keys.ts';
import type { Deps } from '../support/deps.ts';
import { inTime } from '../support/in-time.ts';
import { openLocation } from '../support/location.ts';
import type { Location } from '../support/location.ts';

/** The backup that a Restore means, and where it is; or everything that is wrong with it. */
export type FoundBackup =
  | { name: string; schedule?: string; backup: Backup; location: Location; errors?: undefined }
  | { errors: string[] };

const SCHEDULE_LABEL = 'velero.io/schedule-name';

const wrong = (...errors: string[]): FoundBackup => ({ errors });

/** Errors that waiting cannot mend are the user's to know; outages are waited out by the caller's retry. */
async function told<T>(work: Promise<T>): Promise<T | { fault: string }> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof CaravelError) || error.retryable) throw error;
    const message = messageOf(error);
    // That the input is wrong is what validation errors say anyway.
    return { fault: error.code === 'InvalidInput' ? message : `${error.code}: ${message}` };
  }
}

const isFault = (value: object | undefined): value is { fault: string } =>
  value !== undefined && 'fault' in value;

export async function findBackup(deps: Deps, namespace: string, spec: RestoreSpec): Promise<FoundBackup> {
  if (spec.backupName) return await findByName(deps, namespace, spec.backupName);
  if (!spec.scheduleName) return wrong();
  const newest = await newestOfSchedule(deps, namespace, spec.scheduleName);
  return typeof newest === 'string' ? await findByName(deps, namespace, newest) : newest;
}

async function newestOfSchedule(
  deps: Deps,
  namespace: string,
  schedule: string,
): Promise<string | FoundBackup> {
  const all = (await deps.kube.list(GVR.backups, { namespace })).map((raw) => readResource<Backup>(raw));
  const mine = all.filter(({ metadata }) => metadata.labels?.[SCHEDULE_LABEL] === schedule);
  const field = `(spec.scheduleName: ${schedule})`;
  if (mine.length === 0) return wrong(`No backups found for schedule ${field}`);
  const started = ({ status }: Backup) => Date.parse(status?.startTimestamp ?? '') || 0;
  const completed = mine
    .filter(({ status }) => status?.phase === 'Completed')
    .sort((a, b) => started(b) - started(a));
  return completed[0]?.metadata.name ?? wrong(`No completed backups found for schedule ${field}`);
}

async function findByName(deps: Deps, namespace: string, name: string): Promise<FoundBackup> {
  if (!isName(name)) return wrong(`spec.backupName: "${name}" is not a name`);
  const raw = await deps.kube.find(GVR.backups, namespace, name);
  const resource = raw && readResource<Backup>(raw);
  const location = await locationOf(deps, namespace, name, resource);
  if (isFault(location)) return wrong(location.fault);
  const backup = await told(asked(location, readStored(location, name)));
  if (backup && isFault(backup)) return wrong(`spec.backupName: ${backup.fault}`);
  const fault = backupFault(`${namespace}/${name}`, resource, backup, locationName(location));
  if (!backup || fault !== undefined) return wrong(fault ?? '');
  return { name, backup, location, ...scheduleOf(resource ?? backup) };
}

/** It becomes part of keys in the bucket and of a path in the API. */
const isName = (name: string) => !name.includes('/') && name !== '.' && name !== '..';

function scheduleOf({ metadata }: Backup): { schedule?: string } {
  const schedule = metadata.labels?.[SCHEDULE_LABEL];
  return schedule === undefined ? {} : { schedule };
}

const RESTORABLE = ['Completed', 'PartiallyFailed'];

/** Why a backup cannot be restored; what is stored in the bucket counts, not what its resource says. */
function backupFault(
  name: string,
  resource: Backup | undefined,
  stored: Backup | undefined,
  location: string,
): string | undefined {
  const shown = resource?.status?.phase;
  if (shown === 'Deleting') return `spec.backupName: backup ${name} is being deleted`;
  if (!stored) {
    const why = shown ? ` (its phase is ${shown})` : '';
    return `Error retrieving backup: can't find backup ${name}: velero-backup.json is not in location ${location}${why}`;
  }
  const phase = stored.status?.phase ?? 'unknown';
  if (RESTORABLE.includes(phase)) return undefined;
  return `spec.backupName: backup ${name} is ${phase}; only Completed and PartiallyFailed ones can be restored`;
}

const locationName = ({ resource }: Location) => resource.metadata.name;

async function readStored({ store }: Location, name: string): Promise<Backup | undefined> {
  const key = backupKeys(name).metadata;
  if (!(await store.head(key))) return undefined;
  return readResource<Backup>(parseBackup((await store.get(key)).toString('utf8'), key));
}

/** By the Backup's own word, or else by a look into the buckets, the default one first. */
async function locationOf(
  deps: Deps,
  namespace: string,
  name: string,
  resource: Backup | undefined,
): Promise<Location | { fault: string }> {
  const raw = await deps.kube.list(GVR.backupStorageLocations, { namespace });
  const locations = raw
    .map((location) => readResource<BackupStorageLocation>(location))
    .sort((a, b) => Number(b.spec.default === true) - Number(a.spec.default === true));
  const named = resource?.spec.storageLocation;
  if (named) return await usable(deps, namespace, named);
  const looks = locations.map(({ metadata }) => lookInto(deps, namespace, metadata.name, name));
  // All are asked at once, and heard in their order; nobody hears the rest once it is found.
  for (const look of looks) look.catch(() => undefined);
  for (const look of looks) {
    const { location } = await look;
    if (location) return location;
  }
  return foundNowhere(`${namespace}/${name} (spec.backupName)`, await Promise.all(looks));
}

/** What a look into a location found: the location, when it has the backup; or why it could not be looked into. */
interface Look {
  name: string;
  location?: Location;
  /** Waiting does not mend it. */
  fault?: string;
  outage?: CaravelError;
}

async function lookInto(deps: Deps, namespace: string, name: string, backup: string): Promise<Look> {
  const location = await usable(deps, namespace, name);
  if (isFault(location)) return { name, ...location };
  try {
    const found = await told(asked(location, location.store.head(backupKeys(backup).metadata)));
    if (isFault(found)) return { name, ...found };
    return found ? { name, location } : { name };
  } catch (error) {
    if (error instanceof CaravelError) return { name, outage: error };
    throw error;
  }
}

/** An outage says which location it is of. */
async function asked<T>(location: Location, work: Promise<T>): Promise<T> {
  try {
    return await inTime(work);
  } catch (error) {
    if (!(error instanceof CaravelError) || !error.retryable) throw error;
    const { code, hint } = error;
    const message = `location ${locationName(location)}: ${messageOf(error)}`;
    throw new CaravelError(code, message, { cause: error, retryable: true, hint });
  }
}

/** The end, unless a location that does not answer may have it. */
function foundNowhere(backup: string, looks: Look[]): { fault: string } {
  const faults = looks.flatMap(({ name, fault }) => (fault === undefined ? [] : [`${name}: ${fault}`]));
  const trouble = faults.length > 0 ? `; could not look into ${faults.join('; ')}` : '';
  const outages = looks.flatMap(({ outage }) => outage ?? []);
  const [first] = outages;
  if (!first) {
    const places = looks.map(({ name }) => name).join(', ') || 'none exists';
    return {
      fault: `Error retrieving backup: can't find backup ${backup}: not in any location (${places})${trouble}`,
    };
  }
  const empty = looks.filter(({ fault, outage }) => !outage && fault === undefined).map(({ name }) => name);
  const elsewhere = empty.length > 0 ? `; it is not in ${empty.join(', ')}` : '';
  throw new CaravelError(
    first.code,
    `can't find backup ${backup} yet: ${outages.map(messageOf).join('; ')}${elsewhere}${trouble}`,
    { cause: first, retryable: true, hint: OUTAGE_HINT },
  );
}

const OUTAGE_HINT =
  'The restore goes on when the location answers, or when a BackupStorageLocation that is no more has been deleted.';

async function usable(deps: Deps, namespace: string, name: string): Promise<Location | { fault: string }> {
  const location = await told(openLocation(deps, namespace, name));
  if (isFault(location)) return location;
  const { phase, message } = location.resource.status ?? {};
  if (phase !== 'Unavailable') return location;
  return {
    fault: `The BSL ${name} is unavailable, cannot retrieve the backup${message ? `: ${message}` : ''}`,
  };
}
