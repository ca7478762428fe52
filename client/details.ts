import type { RunType } from '../contracts/run.ts';
import type { BackupOperation, RestoreOperation } from '../core/format/item-operations.ts';
import { parseList, parseObject } from '../core/format/json.ts';
import type { ResourceList } from '../core/format/resource-list.ts';
import { parseResults, type Results } from '../core/format/results.ts';
import type { BackupVolumeInfo, RestoreVolumeInfo } from '../core/format/volume-info.ts';
import { FILE_KINDS, type RunFiles } from './files.ts';

/** What the files of a run say beyond its resource; absent where there is no such file (yet). */
export interface RunDetails {
  results?: Results;
  volumes?: (BackupVolumeInfo | RestoreVolumeInfo)[];
  operations?: (BackupOperation | RestoreOperation)[];
  resources?: ResourceList;
}

export async function readDetails(files: RunFiles, type: RunType, name: string): Promise<RunDetails> {
  const kinds = FILE_KINDS[type];
  const read = async <T>(kind: keyof typeof kinds, parse: (text: string, file: string) => T) => {
    const text = await files.readText({ kind: kinds[kind], name });
    return text === undefined ? undefined : parse(text, kinds[kind]);
  };
  const [results, volumes, operations, resources] = await Promise.all([
    read('results', parseResults),
    read('volumes', (text, file) => parseList<BackupVolumeInfo>(text, file)),
    read('operations', (text, file) => parseList<BackupOperation>(text, file)),
    read('resources', (text, file) => parseObject<ResourceList>(text, file) as ResourceList),
  ]);
  return {
    ...(results && { results }),
    ...(volumes && { volumes }),
    ...(operations && { operations }),
    ...(resources && { resources }),
  };
}
