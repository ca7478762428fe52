import type { BackupActivities } from '../../contracts/activities.ts';
import type { Backup } from '../../contracts/api/backup.ts';
import { FACTS_ANNOTATION } from '../../contracts/ids.ts';
import type { RunResult } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { parseBackup, renderBackup } from '../../core/format/backup-file.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { getDoc } from '../../platform/store/documents.ts';
import { patchRun, readRunObject, stageFacts } from '../run/status.ts';
import { openRun } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';

/**
 * Makes the backup exist: its metadata file is written last of all files, and only then does its resource say how it
 * ended. A process that dies in between finds its own file and goes on with the resource.
 */
export async function sealBackup(
  deps: Deps,
  input: Parameters<BackupActivities['sealBackup']>[0],
): Promise<RunResult> {
  const { store } = await openRun<Backup>(deps, input);
  await readRunObject(deps.kube, input.run);
  const manifest = await getDoc<Backup>(store, input.manifest);
  const key = backupKeys(input.run.name).metadata;
  const stored = await store.head(key);
  if (stored) {
    const { metadata } = parseBackup((await store.get(key)).toString('utf8'), key);
    if (metadata.uid !== input.run.uid) {
      throw new CaravelError('BackupExists', `${key} was written by another backup of the same name`);
    }
  } else {
    await store.put(key, renderBackup(manifest));
  }
  const facts = {
    ...(JSON.parse(manifest.metadata.annotations?.[FACTS_ANNOTATION] ?? '{}') as object),
    ...stageFacts(input.stages),
  };
  await patchRun(deps.kube, input.run, () => ({
    metadata: { annotations: { [FACTS_ANNOTATION]: JSON.stringify(facts) } },
    status: manifest.status ?? {},
  }));
  return input.result;
}
