import { describe, expect, it } from 'vitest';
import { parseBackup, renderBackup } from '../../../../core/format/backup-file.ts';
import {
  backupOperation,
  renderOperations,
  restoreOperation,
} from '../../../../core/format/item-operations.ts';
import { parseList } from '../../../../core/format/json.ts';
import {
  backupKeys,
  downloadKey,
  kopiaMarkKey,
  restoreKeys,
  segmentKey,
} from '../../../../core/format/keys.ts';
import { addToList, renderResourceList } from '../../../../core/format/resource-list.ts';
import type { ResourceList } from '../../../../core/format/resource-list.ts';
import {
  countResult,
  parseResults,
  renderResults,
  resultsOf,
  resultText,
} from '../../../../core/format/results.ts';
import {
  movedVolume,
  parseVolumeInfos,
  recoveredVolume,
  renderVolumeInfos,
  skippedVolume,
} from '../../../../core/format/volume-info.ts';
import { problem } from '../../../../core/problems.ts';

describe('keys', () => {
  it('are those of the bucket layout', () => {
    expect(Object.values(backupKeys('b'))).toEqual([
      'backups/b/',
      'backups/b/velero-backup.json',
      'backups/b/b.tar.gz',
      'backups/b/b-logs.gz',
      'backups/b/b-results.gz',
      'backups/b/b-resource-list.json.gz',
      'backups/b/b-volumeinfo.json.gz',
      'backups/b/b-itemoperations.json.gz',
      'backups/b/b-podvolumebackups.json.gz',
      'backups/b/b-volumesnapshots.json.gz',
      'backups/b/b-csi-volumesnapshots.json.gz',
      'backups/b/b-csi-volumesnapshotcontents.json.gz',
      'backups/b/b-csi-volumesnapshotclasses.json.gz',
    ]);
    expect(Object.values(restoreKeys('r'))).toEqual([
      'restores/r/',
      'restores/r/restore-r-logs.gz',
      'restores/r/restore-r-results.gz',
      'restores/r/restore-r-resource-list.json.gz',
      'restores/r/restore-r-itemoperations.json.gz',
      'restores/r/r-volumeinfo.json.gz',
    ]);
    expect(kopiaMarkKey('shop')).toBe('kopia/shop/udmrepo.Repository');
    expect(segmentKey('backups/b/.caravel/u/', '3', 12)).toBe(
      'backups/b/.caravel/u/segments/3/000012.ndjson.gz',
    );
  });

  it('are found for each kind of download', () => {
    expect(downloadKey('BackupResults', 'b')).toBe('backups/b/b-results.gz');
    expect(downloadKey('RestoreVolumeInfo', 'r')).toBe('restores/r/r-volumeinfo.json.gz');
    expect(downloadKey('constructor', 'r')).toBeUndefined();
  });
});

describe('results', () => {
  it('have the text and the place that Velero gives them; errors have code and hint', () => {
    const item = { resource: 'pods', name: 'web-0' };
    expect(resultText({ ...item, message: 'm', error: 'e' })).toBe(
      ' resource: /pods name: /web-0 message: /m error: /e',
    );
    const results = resultsOf([
      problem('error', 's', 'SnapshotMissing', 'lost', { namespace: 'shop', ...item }),
      { ...problem('error', 's', 'Internal', 'the run itself'), hint: 'try this' },
      problem('warning', 's', 'Internal', 'a volume', {
        namespace: '',
        resource: 'persistentvolumes',
        name: 'pv-7',
      }),
      problem('warning', 's', 'Internal', 'odd', { namespace: 'constructor' }),
    ]);
    expect(renderResults(results)).toBe(
      '{"errors":{"namespaces":{"shop":[" resource: /pods name: /web-0 message: /lost error: /SnapshotMissing: ' +
        'The Kopia snapshot of this volume is no longer in the repository."]},' +
        '"velero":[" message: /the run itself error: /Internal: try this"]},' +
        '"warnings":{"cluster":[" resource: /persistentvolumes name: /pv-7 message: /a volume"],' +
        '"namespaces":{"constructor":[" message: /odd"]}}}\n',
    );
    expect([countResult(results.errors), countResult(results.warnings)]).toEqual([2, 2]);
  });

  it('are empty as Velero writes and reads them', () => {
    expect(renderResults(resultsOf([]))).toBe('{"errors":{},"warnings":{}}\n');
    expect(parseResults('null')).toEqual({ errors: {}, warnings: {} });
    expect(() => parseResults('[]')).toThrow(expect.objectContaining({ code: 'StoreCorrupt' }));
  });
});

describe('resource lists', () => {
  it('are sorted, and joined without doubles', () => {
    const lists: ResourceList[] = [{}, {}];
    addToList(lists[0]!, { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web-0' });
    addToList(lists[1]!, { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web-0' });
    addToList(lists[1]!, { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'api-6f' });
    addToList(lists[1]!, { apiVersion: 'v1', kind: 'Namespace', name: 'shop' });
    addToList(lists[1]!, { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'shop', name: 'api' });
    expect(renderResourceList(lists)).toBe(
      '{"apps/v1/Deployment":["shop/api"],"v1/Namespace":["shop"],"v1/Pod":["shop/api-6f","shop/web-0"]}\n',
    );
    expect(renderResourceList([])).toBe('{}\n');
  });

  it('say what a restore did', () => {
    const list: ResourceList = {};
    addToList(list, { apiVersion: 'v1', kind: 'Namespace', name: 'shop' }, 'created');
    addToList(list, { apiVersion: 'v1', kind: 'Pod', namespace: 'shop', name: 'web' }, 'failed');
    expect(list).toEqual({ 'v1/Namespace': ['shop(created)'], 'v1/Pod': ['shop/web(failed)'] });
  });
});

describe('item operations', () => {
  const claim = { groupResource: 'persistentvolumeclaims', namespace: 'shop', name: 'db' };

  it('have the capital letters of Velero, and no empty values', () => {
    const operation = backupOperation({
      backup: 'b',
      uid: 'u',
      action: 'velero.io/csi-pvc-backupper',
      item: claim,
      operationId: 'du-u.c',
      postOperationItems: [{ groupResource: 'datauploads.velero.io', namespace: 'velero', name: 'b-x' }],
      status: {
        phase: 'Completed',
        error: '',
        nCompleted: 0,
        nTotal: 5,
        operationUnits: 'Bytes',
        created: 't',
      },
    });
    expect(JSON.parse(renderOperations([operation]))).toEqual([
      {
        spec: {
          backupName: 'b',
          backupUID: 'u',
          backupItemAction: 'velero.io/csi-pvc-backupper',
          resourceIdentifier: {
            Group: '',
            Resource: 'persistentvolumeclaims',
            Namespace: 'shop',
            Name: 'db',
          },
          operationID: 'du-u.c',
          postOperationItems: [
            { Group: 'velero.io', Resource: 'datauploads', Namespace: 'velero', Name: 'b-x' },
          ],
        },
        status: { phase: 'Completed', nTotal: 5, operationUnits: 'Bytes', created: 't' },
      },
    ]);
    expect(renderOperations([])).toBe('[]\n');
  });

  it('of a restore have no further items', () => {
    const input = { restore: 'r', uid: 'u', action: 'a', item: claim, operationId: 'o' };
    expect(restoreOperation({ ...input, status: { phase: 'New' } }).spec).toEqual({
      restoreName: 'r',
      restoreUID: 'u',
      restoreItemAction: 'a',
      operationID: 'o',
      resourceIdentifier: { Group: '', Resource: 'persistentvolumeclaims', Namespace: 'shop', Name: 'db' },
    });
  });
});

describe('volume infos', () => {
  const claim = { namespace: 'shop', name: 'db', volume: 'pv-7' };
  const pvInfo = { reclaimPolicy: 'Delete', labels: null };

  it('of a moved volume have all that stock Velero and its CLI dereference', () => {
    const info = movedVolume({
      claim,
      driver: 'd',
      operationId: 'o',
      snapshotId: 's',
      size: 5,
      incrementalSize: 2,
      phase: 'Completed',
      retainedSnapshot: 'vs',
      startedAt: 't1',
      completedAt: 't2',
      ok: true,
      pvInfo,
    });
    expect(info).toEqual({
      pvcName: 'db',
      pvcNamespace: 'shop',
      pvName: 'pv-7',
      backupMethod: 'CSISnapshot',
      snapshotDataMoved: true,
      preserveLocalSnapshot: false,
      skipped: false,
      startTimestamp: 't1',
      completionTimestamp: 't2',
      result: 'succeeded',
      csiSnapshotInfo: {
        snapshotHandle: 'unknown',
        size: 0,
        driver: 'd',
        vscName: 'unknown',
        operationID: 'unknown',
        ReadyToUse: null,
      },
      snapshotDataMovementInfo: {
        dataMover: 'velero',
        uploaderType: 'kopia',
        retainedSnapshot: 'vs',
        snapshotHandle: 's',
        operationID: 'o',
        size: 5,
        incrementalSize: 2,
        Phase: 'Completed',
      },
      pvInfo,
    });
  });

  it('of a skipped volume give every reason, sorted', () => {
    const info = skippedVolume(claim, { volumeSnapshot: 'none', podvolume: 'opted out' }, pvInfo);
    expect(info).toMatchObject({
      skipped: true,
      skippedReason: 'podvolume: opted out;volumeSnapshot: none;',
      pvInfo,
    });
    expect(info).not.toHaveProperty('backupMethod');
  });

  it('of a restore', () => {
    const info = recoveredVolume({ claim, driver: 'd', operationId: 'o', snapshotId: 's', size: 5 });
    expect(JSON.parse(renderVolumeInfos([info]))).toEqual([
      {
        pvcName: 'db',
        pvcNamespace: 'shop',
        pvName: 'pv-7',
        restoreMethod: 'CSISnapshot',
        snapshotDataMoved: true,
        snapshotDataMovementInfo: {
          dataMover: 'velero',
          uploaderType: 'kopia',
          snapshotHandle: 's',
          operationID: 'o',
          size: 5,
          Phase: '',
        },
      },
    ]);
  });

  it('are read from null, too', () => {
    expect(parseVolumeInfos('null\n')).toEqual([]);
    expect(() => parseList('{}', 'x')).toThrow('x holds no list');
    expect(() => parseList('{', 'x')).toThrow('x is not JSON');
  });
});

describe('velero-backup.json', () => {
  it('begins with the kind, is indented by two, and ends without a line feed', () => {
    expect(renderBackup({ metadata: { name: 'b' }, spec: { ttl: '720h0m0s' } })).toBe(
      '{\n  "kind": "Backup",\n  "apiVersion": "velero.io/v1",\n  "metadata": {\n    "name": "b"\n  },\n' +
        '  "spec": {\n    "ttl": "720h0m0s"\n  },\n  "status": {}\n}',
    );
  });

  it('is read back, and nothing else is', () => {
    const backup = { metadata: { name: 'b', uid: 'u' }, spec: { a: 1 }, status: { phase: 'Completed' } };
    expect(parseBackup(renderBackup(backup))).toMatchObject(backup);
    const others = ['{}', 'null', '[]', 'x', '{"kind":"Backup","apiVersion":"velero.io/v1","metadata":{}}'];
    for (const text of others) {
      expect(() => parseBackup(text)).toThrow(expect.objectContaining({ code: 'StoreCorrupt' }));
    }
  });
});
