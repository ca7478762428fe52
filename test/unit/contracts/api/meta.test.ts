import { describe, expect, it } from 'vitest';
import { readResource, type Backup, type DataUpload } from '../../../../contracts/api/index.ts';
import { parseJson } from '../../../../platform/kube/json.ts';

describe('readResource', () => {
  it('takes nulls away and gives a spec', () => {
    const raw = {
      apiVersion: 'velero.io/v1',
      kind: 'Backup',
      metadata: { name: 'b' },
      status: { phase: 'New', startTimestamp: null, progress: null },
    };
    expect(readResource<Backup>(raw)).toEqual({ ...raw, spec: {}, status: { phase: 'New' } });
    expect(raw.status.startTimestamp).toBeNull();
  });

  it('makes numbers of what the Kubernetes client keeps as text', () => {
    const raw = parseJson<object>(
      '{"kind":"DataUpload","spec":{},"status":{"progress":{"bytesDone":1.0,"totalBytes":9007199254740993}}}',
    );
    expect(readResource<DataUpload>(raw).status?.progress).toEqual({
      bytesDone: 1,
      totalBytes: 9_007_199_254_740_992,
    });
  });
});
