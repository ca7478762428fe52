import type { LocationInput, LocationState } from '../../contracts/activities.ts';
import { GVR } from '../../contracts/api/gvr.ts';
import type { BackupStorageLocation } from '../../contracts/api/location.ts';
import { readResource } from '../../contracts/api/meta.ts';
import { CaravelError, messageOf } from '../../core/errors/catalog.ts';
import { isNotFound } from '../../platform/kube/errors.ts';
import { now } from '../run/status.ts';
import type { Deps } from '../support/deps.ts';
import { inTime } from '../support/in-time.ts';
import { openLocation, testStore } from '../support/location.ts';
import { repeatCheck } from './location-schedule.ts';
import { showRepositories } from '../volume/backup-repository.ts';
import type { TestedStore } from '../volume/backup-repository.ts';

/** Tests a location and writes the answer into its status, where users, Velero's CLI and OADP look for it. */
export async function checkLocation(deps: Deps, input: LocationInput): Promise<LocationState> {
  const { namespace, location: name, changed = false } = input;
  const at = { controlNamespace: namespace, location: name, changed };
  if (!(await deps.kube.find(GVR.backupStorageLocations, namespace, name))) {
    await repeatCheck(deps, namespace, name, undefined);
    await showRepositories(deps, at, { fault: `BackupStorageLocation "${name}" does not exist` });
    return { phase: 'Gone' };
  }
  await settleDefault(deps, namespace);
  const tested = await test(deps, namespace, name);
  const state = stateOf(tested);
  await writeStatus(deps, namespace, name, state);
  await showRepositories(deps, at, tested);
  return state;
}

const stateOf = (tested: TestedStore): LocationState =>
  'fault' in tested ? { phase: 'Unavailable', message: tested.fault } : { phase: 'Available' };

async function writeStatus(
  { kube }: Deps,
  namespace: string,
  name: string,
  { phase, message = null }: { phase: string; message?: string | null },
): Promise<void> {
  const status = { phase, message, lastValidationTime: now() };
  try {
    await kube.patch(GVR.backupStorageLocations, namespace, name, { status });
  } catch (error) {
    // Deleted meanwhile.
    if (!isNotFound(error)) throw error;
  }
}

/** Also for an outage: the next test tells its end. */
async function test(deps: Deps, namespace: string, name: string): Promise<TestedStore> {
  try {
    const { store } = await openLocation(deps, namespace, name);
    await inTime(testStore(store));
    return { store };
  } catch (error) {
    // The API server's outages are not the location's.
    if (!(error instanceof CaravelError) || error.code.startsWith('Kube')) throw error;
    return { fault: `BackupStorageLocation "${name}" is unavailable: ${error.code}: ${messageOf(error)}` };
  }
}

/** At most one location is the default: of several the newest stays. The one called `default` is it when none is. */
async function settleDefault({ kube }: Deps, namespace: string): Promise<void> {
  const raw = await kube.list(GVR.backupStorageLocations, { namespace });
  const locations = raw.map((location) => readResource<BackupStorageLocation>(location));
  const mark = (name: string, value: boolean) =>
    kube.patch(GVR.backupStorageLocations, namespace, name, { spec: { default: value } });
  const created = ({ metadata }: BackupStorageLocation) => Date.parse(metadata.creationTimestamp ?? '') || 0;
  const marked = locations
    .filter(({ spec }) => spec.default === true)
    .sort((a, b) => created(b) - created(a));
  for (const { metadata } of marked.slice(1)) await mark(metadata.name, false);
  const fallback = locations.find(({ metadata }) => metadata.name === 'default');
  // An explicit false is the user's word.
  if (marked.length === 0 && fallback?.spec.default === undefined && fallback) await mark('default', true);
}
