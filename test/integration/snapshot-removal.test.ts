import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { removeSnapshot } from '../../activities/volume/clean-up.ts';
import { labEnv } from '../../lab/env.ts';
import { createKubeClient } from '../../platform/kube/client.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { lab } from '../support/lab-command.ts';
import { namespaceObject, removeNamespace } from '../support/world.ts';

/** Removal of a snapshot while the storage still makes it, with the real snapshot controllers. */

const NAMESPACE = 'snapshot-removal';
const ROUNDS = 12;
const env = labEnv();
const kube = createKubeClient({ kubeconfigPath: env.KUBECONFIG });

const fault = (...args: string[]) => lab({ env }, 'fault', ...args);

beforeAll(async () => {
  await removeNamespace(kube, NAMESPACE);
  await kube.create(GVRS.namespaces, undefined, namespaceObject(NAMESPACE));
  await kube.create(GVRS.persistentvolumeclaims, NAMESPACE, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: 'data' },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'caravel-csi',
      resources: { requests: { storage: '64Mi' } },
    },
  });
});

afterAll(async () => {
  await fault('clear');
  await removeNamespace(kube, NAMESPACE);
  await kube.close();
});

/** One snapshot that the storage is busy with; returns the name of its content. */
async function beginSnapshot(name: string): Promise<string> {
  const { metadata } = await kube.create<KubeObject>(GVRS.volumesnapshots, NAMESPACE, {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: { name },
    spec: { volumeSnapshotClassName: 'caravel-csi', source: { persistentVolumeClaimName: 'data' } },
  });
  const content = `snapcontent-${metadata.uid}`;
  const exists = (found: unknown) => (found ? true : undefined);
  await kube.waitFor(GVRS.volumesnapshotcontents, undefined, content, exists, { timeoutMs: 30_000 });
  return content;
}

/** Left alone, the sidecar overlooks about one deletion in five, for up to 15 minutes. */
test('is over soon after the storage is done, whenever it comes', { timeout: 600_000 }, async () => {
  const signal = AbortSignal.timeout(590_000);
  for (let round = 0; round < ROUNDS; round++) {
    await fault('set', '{"call":"CreateSnapshot","delayMs":120000}');
    const content = await beginSnapshot(`busy-${round}`);
    await delay(40 * round);
    const removing = removeSnapshot(kube, NAMESPACE, `busy-${round}`, 'Delete', signal);
    await delay(60 * round);
    await fault('clear');
    const cleared = Date.now();
    await removing;
    expect(await kube.find(GVRS.volumesnapshotcontents, undefined, content)).toBeUndefined();
    expect(Date.now() - cleared).toBeLessThan(60_000);
  }
});
