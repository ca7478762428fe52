import type { ClaimFact } from '../model.ts';

/** A VolumeSnapshotClass or VolumeGroupSnapshotClass. */
export interface SnapshotClass {
  name: string;
  driver: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

const CLASS_KEY = 'velero.io/csi-volumesnapshot-class';
const DEFAULT_CLASS_KEY = 'snapshot.storage.kubernetes.io/is-default-class';
const DEFAULT_GROUP_CLASS_KEY = 'groupsnapshot.storage.kubernetes.io/is-default-class';
const GROUP_CLASS_OF_CLAIM = 'velero.io/csi-volume-group-snapshot-class';
const GROUP_CLASS_KEY = 'velero.io/csi-volumegroupsnapshot-class';

const same = (one: string, two: string) => one.toLowerCase() === two.toLowerCase();

type Annotated = Pick<ClaimFact, 'annotations'>;
interface Wish {
  annotation: string;
  of: 'claim' | 'backup';
  name: string;
}

/** The classes that annotations name for the driver, the claim's before the backup's. */
function wishes(
  keys: { claim: string; backup: string },
  claim: Annotated,
  backup: Record<string, string>,
): Wish[] {
  const found = [
    { annotation: keys.claim, of: 'claim' as const, name: claim.annotations[keys.claim] },
    { annotation: keys.backup, of: 'backup' as const, name: backup[keys.backup] },
  ];
  return found.flatMap(({ name, ...wish }) => (name === undefined ? [] : [{ ...wish, name }]));
}

export interface ClassChoice {
  /** Absent: none, or several without a mark. */
  chosen?: SnapshotClass;
  /** Annotations that name no class of the driver; the other rules decide then. */
  faults: string[];
}

/** Velero's five rules, first match wins. */
export function chooseSnapshotClass(
  driver: string,
  claim: Annotated,
  backupAnnotations: Record<string, string>,
  classes: readonly SnapshotClass[],
): ClassChoice {
  const mine = classes.filter((entry) => same(entry.driver, driver));
  const keys = { claim: CLASS_KEY, backup: `${CLASS_KEY}_${driver.toLowerCase()}` };
  const { chosen, faults } = byWish(wishes(keys, claim, backupAnnotations), mine, driver);
  const found =
    chosen ??
    mine.find((entry) => Object.hasOwn(entry.labels, CLASS_KEY)) ??
    mine.find((entry) => Object.hasOwn(entry.annotations, DEFAULT_CLASS_KEY)) ??
    (mine.length === 1 ? mine[0] : undefined);
  return { ...(found && { chosen: found }), faults };
}

/** The class of a group: by annotation, the one that is labelled, or the cluster's default for the driver. */
export function chooseGroupClass(
  driver: string,
  claims: readonly Annotated[],
  backupAnnotations: Record<string, string>,
  classes: readonly SnapshotClass[],
): ClassChoice {
  const mine = classes.filter((entry) => same(entry.driver, driver));
  const keys = { claim: GROUP_CLASS_OF_CLAIM, backup: `${GROUP_CLASS_KEY}_${driver.toLowerCase()}` };
  const asked = claims.flatMap((claim) => wishes(keys, claim, {}));
  const { chosen, faults } = byWish(
    [...asked, ...wishes(keys, { annotations: {} }, backupAnnotations)],
    mine,
    driver,
  );
  const labelled = mine.filter((entry) => entry.labels[GROUP_CLASS_KEY] === 'true');
  const found =
    chosen ??
    (labelled.length === 1 ? labelled[0] : undefined) ??
    mine.find((entry) => entry.annotations[DEFAULT_GROUP_CLASS_KEY] === 'true');
  return { ...(found && { chosen: found }), faults };
}

function byWish(asked: readonly Wish[], mine: readonly SnapshotClass[], driver: string): ClassChoice {
  const faults: string[] = [];
  for (const { annotation, of, name } of asked) {
    const chosen = mine.find((entry) => same(entry.name, name));
    if (chosen) return { chosen, faults };
    faults.push(`annotation ${annotation} of the ${of}: driver ${driver} has no class "${name}"`);
  }
  return { faults };
}
