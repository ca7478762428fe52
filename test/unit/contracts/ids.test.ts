import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  controllerWorkflowId,
  dataMoverSource,
  LABELS,
  limiterWorkflowId,
  moverPodName,
  moverSecretName,
  operationId,
  repositoryWorkflowId,
  runLabels,
  runWorkflowId,
  scratchPrefix,
  shortHash,
  sourceSnapshotName,
  validName,
  volumeObjectName,
  volumeWorkflowId,
} from '../../../contracts/ids.ts';
import type { RunRef } from '../../../contracts/run.ts';

/** Kubernetes' own rules. */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

const part = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$/);
/** Names of custom resources and claims: parts joined by dots, up to 253 characters. */
const objectName = fc
  .oneof(
    part,
    fc.array(part, { minLength: 1, maxLength: 9 }).map((parts) => parts.join('.')),
  )
  .filter((name) => name.length <= 253);
const namespace = part;
const uid = fc.uuid();
const run: fc.Arbitrary<RunRef> = fc.record({
  type: fc.constantFrom('backup', 'restore'),
  cluster: part,
  namespace,
  name: objectName,
  uid,
});
const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`;
const fixed: RunRef = { type: 'backup', cluster: 'local', namespace: 'velero', name: 'nightly', uid: 'u-1' };

describe('names of objects', () => {
  const objectNames = (owner: RunRef, ns: string, claim: string, attempt: number) => {
    const volume = volumeObjectName(owner, ns, claim);
    return {
      volume,
      pod: moverPodName(volume, attempt),
      secret: moverSecretName(volume),
      snapshot: sourceSnapshotName(owner, ns, claim),
    };
  };

  it('are DNS labels for any run, namespace and claim', () => {
    fc.assert(
      fc.property(run, namespace, objectName, fc.integer({ min: 1, max: 99_999 }), (...given) => {
        for (const name of Object.values(objectNames(...given))) {
          expect(name).toMatch(DNS_LABEL);
          expect(name.length).toBeLessThanOrEqual(63);
        }
      }),
    );
  });

  it.each([longest, `${'a.'.repeat(126)}a`, 'a.b', 'a', `${'x'.repeat(33)}.${'y'.repeat(20)}`])(
    'are DNS labels for %s',
    (name) => {
      const { volume, pod, secret } = objectNames({ ...fixed, name }, 'n'.repeat(63), longest, 99_999);
      expect(volume.length).toBeLessThanOrEqual(57);
      for (const each of [volume, pod, secret]) expect(each).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
    },
  );

  it('begin with the name of the run, which people recognise', () => {
    expect(volumeObjectName(fixed, 'shop', 'data')).toMatch(/^nightly-[0-9a-f]{16}$/);
    expect(sourceSnapshotName(fixed, 'shop', 'data')).toMatch(/^caravel-[0-9a-f]{20}$/);
  });

  it('are the same each time, and others for any other run, namespace or claim', () => {
    fc.assert(
      fc.property(run, run, namespace, namespace, objectName, objectName, (r1, r2, n1, n2, c1, c2) => {
        const one = [r1.uid, n1, c1].join('|');
        const two = [r2.uid, n2, c2].join('|');
        for (const nameOf of [volumeObjectName, sourceSnapshotName]) {
          expect(nameOf(r1, n1, c1)).toBe(nameOf({ ...r1 }, n1, c1));
          if (one !== two) expect(nameOf(r1, n1, c1)).not.toBe(nameOf({ ...r2, name: r1.name }, n2, c2));
        }
      }),
    );
  });

  it('do not run into each other where namespace and claim meet', () => {
    expect(volumeObjectName(fixed, 'a', 'b-c')).not.toBe(volumeObjectName(fixed, 'a-b', 'c'));
    expect(shortHash(16, 'a', 'bc')).not.toBe(shortHash(16, 'ab', 'c'));
  });
});

describe('a shortened name', () => {
  const limit = fc.integer({ min: 10, max: 63 });

  it('is unchanged up to the limit, and never longer', () => {
    fc.assert(
      fc.property(objectName, limit, (name, max) => {
        const short = validName(name, max);
        expect(short.length).toBe(Math.min(name.length, max));
        if (name.length <= max) expect(short).toBe(name);
      }),
    );
  });

  it('tells long names apart that begin alike', () => {
    fc.assert(
      fc.property(objectName, objectName, limit, (one, two, max) => {
        const [a, b] = [longest.slice(0, 180) + one, longest.slice(0, 180) + two];
        if (one !== two) expect(validName(a, max)).not.toBe(validName(b, max));
      }),
    );
  });

  it("is Velero's", () => {
    const long = 'this-is-a-very-long-name-for-a-backup-that-velero-must-shorten-somehow';
    expect(validName(long)).toBe('this-is-a-very-long-name-for-a-backup-that-velero-must-she9afe3');
  });
});

describe('labels', () => {
  it('of a run are valid for any name', () => {
    fc.assert(
      fc.property(run, (owner) => {
        const labels = runLabels(owner, 'mover');
        for (const [key, value] of Object.entries(labels)) {
          expect(value).toMatch(LABEL_VALUE);
          expect(value.length).toBeLessThanOrEqual(63);
          expect(key.split('/').at(-1)?.length).toBeLessThanOrEqual(63);
        }
        expect(labels[LABELS.runUid]).toBe(owner.uid);
      }),
    );
  });

  it('of an operation fit, and belong to one claim of one run', () => {
    fc.assert(
      fc.property(uid, uid, uid, (one, two, claim) => {
        expect(operationId('backup', one, claim)).toMatch(LABEL_VALUE);
        expect(operationId('backup', one, claim).length).toBeLessThanOrEqual(63);
        if (one !== two)
          expect(operationId('backup', one, claim)).not.toBe(operationId('backup', two, claim));
      }),
    );
    expect(operationId('backup', 'u', 'c')).toBe('du-u.c');
    expect(operationId('restore', 'u', 'c')).toBe('dd-u.c');
  });

  it('have keys of their own', () => {
    const keys = Object.values(LABELS);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('workflow ids', () => {
  it('of a run depend on what it is for, not on its uid', () => {
    expect(runWorkflowId(fixed)).toBe('backup/local/velero/nightly');
    const again: RunRef = { ...fixed, uid: 'u-2' };
    expect(runWorkflowId(again)).toBe(runWorkflowId(fixed));
  });

  it('stay below what Temporal takes', () => {
    const name = 'n'.repeat(63);
    const widest: RunRef = { type: 'restore', cluster: name, namespace: name, name: longest, uid: 'u' };
    const ids = [
      runWorkflowId(widest),
      volumeWorkflowId(widest, 99_999),
      controllerWorkflowId(name, name),
      limiterWorkflowId(name),
      repositoryWorkflowId(name, longest, name),
    ];
    for (const id of ids) expect(id.length).toBeLessThanOrEqual(1000);
    expect(runWorkflowId(widest).split('/').at(-1)).toHaveLength(200);
  });

  it('tell any two runs apart', () => {
    fc.assert(
      fc.property(run, run, (one, two) => {
        const same = (['type', 'cluster', 'namespace', 'name'] as const).every(
          (key) => one[key] === two[key],
        );
        expect(runWorkflowId(one) === runWorkflowId(two)).toBe(same);
      }),
    );
  });

  it('of a volume are of its run and its number', () => {
    expect(volumeWorkflowId(fixed, 3)).toBe('protectVolume/u-1/3');
    expect(volumeWorkflowId({ ...fixed, type: 'restore' }, 3)).toBe('recoverVolume/u-1/3');
  });
});

describe('places in the bucket', () => {
  it('of scratch are below the run itself, for each uid another', () => {
    expect(scratchPrefix(fixed)).toBe('backups/nightly/.caravel/u-1/');
    expect(scratchPrefix({ ...fixed, type: 'restore' })).toBe('restores/nightly/.caravel/u-1/');
  });

  it("of a volume's snapshots are Velero's", () => {
    expect(dataMoverSource('shop', 'data')).toBe(
      'default@default:snapshot-data-upload-download/kopia/shop/data',
    );
  });
});
