import type { LocationInput, LocationState } from '../../contracts/activities.ts';
import { long, short } from '../support/proxies.ts';

/** Undoes what runs left behind that were terminated from outside; started by the controller and by schedule. */
export async function collectGarbage(input: { cluster: string; namespace: string }) {
  return await long.collectGarbage(input);
}

/** Creates a Kopia repository; a workflow of its own so that its id is the lock against two creators. */
export async function initRepository(input: {
  location: string;
  controlNamespace: string;
  namespace: string;
}): Promise<void> {
  await long.initialiseRepository(input);
}

/** Tests a BackupStorageLocation; started by its Schedule, and by the controller when the resource changes. */
export async function checkLocation(input: LocationInput): Promise<LocationState> {
  return await short.checkLocation(input);
}
