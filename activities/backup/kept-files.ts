import {
  keptClaim,
  keptVolumes,
  SNAPSHOT_GROUP,
  storedContent,
  storedSnapshot,
} from '../../core/backup/kept-snapshot.ts';
import type { ReportedVolume } from '../../core/backup/report.ts';
import { backupKeys } from '../../core/format/keys.ts';
import { renderDocument } from '../../core/format/json.ts';
import type { KeptSnapshot, ShardIndex } from '../../core/model.ts';
import { itemOf, objectOf, withObject } from '../../platform/archive/item.ts';
import type { ArchiveItem } from '../../platform/archive/item.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { putGzip } from '../../platform/store/gzip-file.ts';
import type { ObjectStore } from '../../platform/store/types.ts';

const CLASS_KIND = `${SNAPSHOT_GROUP}/v1/VolumeSnapshotClass`;

/** The objects of kept snapshots as they are stored. */
interface Stored {
  snapshots: KubeObject[];
  contents: KubeObject[];
  classes: KubeObject[];
}

/** What a backup holds of snapshots that stay in the storage: their objects, and the claims that name them. */
export class KeptFiles {
  readonly items: ArchiveItem[];
  readonly names: Record<string, string[]>;
  readonly #backup: string;
  readonly #stored: Stored;
  readonly #byClaim: ReadonlyMap<string, KeptSnapshot>;

  constructor(backup: string, volumes: readonly ReportedVolume[], shards: readonly ShardIndex[]) {
    const kept = keptVolumes(volumes);
    const classes = new Map(
      kept.flatMap(({ kept: { class: object } }) => {
        const found = object as KubeObject | undefined;
        return found ? [[found.metadata.name, found] as const] : [];
      }),
    );
    this.#backup = backup;
    this.#byClaim = new Map(kept.map(({ plan, kept: one }) => [`${plan.namespace}/${plan.claim}`, one]));
    this.#stored = {
      snapshots: kept.map(
        ({ plan, kept: one }) => storedSnapshot(one, plan.claimLabels, backup) as KubeObject,
      ),
      contents: kept.map(({ kept: one }) => storedContent(one, backup) as KubeObject),
      classes: [...classes.values()],
    };
    const exported = new Set(shards.flatMap(({ names }) => names[CLASS_KIND] ?? []));
    const { snapshots, contents } = this.#stored;
    const others = this.#stored.classes.filter(({ metadata }) => !exported.has(metadata.name));
    this.items = [
      ...snapshots.map((object) => item('volumesnapshots', object)),
      ...contents.map((object) => item('volumesnapshotcontents', object)),
      ...others.map((object) => item('volumesnapshotclasses', object)),
    ];
    this.names = namesOf([...snapshots, ...contents, ...others]);
  }

  /** The claim as it is stored, when its snapshot is kept. */
  edited(stored: ArchiveItem): ArchiveItem | undefined {
    const kept = this.#byClaim.get(`${stored.namespace ?? ''}/${stored.name}`);
    return kept && withObject(stored, keptClaim(objectOf(stored), this.#backup, kept) as object);
  }

  /** Lists that Velero up to 1.16 restores by. */
  async write(store: ObjectStore): Promise<void> {
    if (this.#byClaim.size === 0) return;
    const keys = backupKeys(this.#backup);
    const { snapshots, contents, classes } = this.#stored;
    await Promise.all([
      putGzip(store, keys.csiVolumeSnapshots, renderDocument(snapshots)),
      putGzip(store, keys.csiVolumeSnapshotContents, renderDocument(contents)),
      putGzip(store, keys.csiVolumeSnapshotClasses, renderDocument(classes)),
    ]);
  }
}

const item = (resource: string, object: KubeObject): ArchiveItem => {
  const { name, namespace } = object.metadata;
  const id = { groupResource: `${resource}.${SNAPSHOT_GROUP}`, version: 'v1', name };
  return itemOf({ ...id, ...(namespace !== undefined && { namespace }) }, object);
};

function namesOf(objects: readonly KubeObject[]): Record<string, string[]> {
  const byKind = Map.groupBy(objects, ({ apiVersion, kind }) => `${apiVersion}/${kind}`);
  const nameOf = ({ metadata: { namespace, name } }: KubeObject) =>
    namespace ? `${namespace}/${name}` : name;
  return Object.fromEntries([...byKind].map(([kind, members]) => [kind, members.map(nameOf)]));
}
