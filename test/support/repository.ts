import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PASSWORD_SECRET } from '../../activities/volume/repository.ts';
import { openKopia } from '../../platform/kopia/kopia.ts';
import type { Kopia } from '../../platform/kopia/kopia.ts';
import type { SnapshotManifest } from '../../platform/kopia/output.ts';
import { deleteSnapshots } from '../../platform/kopia/snapshots.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { findKopia } from './kopia-lab.ts';
import type { World } from './world.ts';

/** What Kopia itself says of the repository of an application's namespace. */
export const snapshotsIn = (world: World, namespace: string): Promise<SnapshotManifest[]> =>
  withKopia(world, namespace, async (kopia) => {
    const list = await kopia.run(['snapshot', 'list', '--all', '--json', '--no-retention']);
    return JSON.parse(list) as SnapshotManifest[];
  });

export const deleteSnapshotsIn = (
  world: World,
  namespace: string,
  snapshots: SnapshotManifest[],
): Promise<void> =>
  withKopia(world, namespace, (kopia) =>
    deleteSnapshots(
      kopia,
      snapshots.map(({ id }) => id),
    ),
  );

/** The kopia program on the repository of an application's namespace. */
export async function withKopia<T>(
  world: World,
  namespace: string,
  work: (kopia: Kopia) => Promise<T>,
): Promise<T> {
  const { env } = world;
  const dir = mkdtempSync(join(tmpdir(), 'caravel-look-'));
  try {
    const kopia = openKopia({
      spec: {
        ...{ bucket: env.S3_BUCKET, prefix: `${world.name}/kopia/${namespace}/`, region: env.S3_REGION },
        ...{ endpoint: new URL(env.S3_ENDPOINT).host, tls: false, skipTlsVerify: false },
      },
      credentials: {
        accessKeyId: env.S3_ACCESS_KEY_ID,
        secretAccessKey: env.S3_SECRET_ACCESS_KEY,
        password: await repositoryPassword(world),
      },
      ...{ kopiaPath: findKopia(), dir },
    });
    return await work(kopia);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

export async function repositoryPassword({ kube, name }: World): Promise<string> {
  const secret = await kube.get<{ data: Record<string, string> }>(GVRS.secrets, name, PASSWORD_SECRET.name);
  return Buffer.from(secret.data[PASSWORD_SECRET.key] ?? '', 'base64').toString('utf8');
}

/** Made again, as somebody does who restores the wrong one. */
export async function setRepositoryPassword({ kube, name }: World, password: string): Promise<void> {
  await kube.remove(GVRS.secrets, name, PASSWORD_SECRET.name);
  await kube.create(GVRS.secrets, name, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: PASSWORD_SECRET.name },
    stringData: { [PASSWORD_SECRET.key]: password },
  });
}
