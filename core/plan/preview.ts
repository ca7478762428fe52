import type { BackupSpec } from '../../contracts/api/backup.ts';
import type { BackupPreview, PlannedVolume } from '../../contracts/preview.ts';
import type { GroupHooks } from '../hooks/hook.ts';
import type { BackupPlan, ShardIndex, VolumePlan, VolumePlans } from '../model.ts';
import { countProblems, phaseOf } from '../problems.ts';

/** What planning came to, as an answer that is small enough for a workflow's result. */
export interface PreviewMaterial {
  spec: BackupSpec;
  location: string;
  plan: BackupPlan;
  shards: readonly ShardIndex[];
  volumes: VolumePlans;
  hooks: readonly GroupHooks[];
  /** Bytes of the last transfer, by the uid of the claim. */
  lastBytes: ReadonlyMap<string, number>;
}

const METHODS_WITH_DATA = ['data-mover', 'fs-backup', 'csi-snapshot'];

export function previewOf(material: PreviewMaterial): BackupPreview {
  const { spec, location, plan, shards, volumes, hooks, lastBytes } = material;
  const problems = [...plan.problems, ...shards.flatMap((shard) => shard.problems), ...volumes.problems];
  const counts = countProblems(problems);
  const planned = volumes.volumes.map((volume) => plannedVolume(volume, lastBytes));
  return {
    ...emptyPreview(spec, location),
    expectedPhase: phaseOf(counts),
    namespaces: plan.namespaces,
    items: shards.reduce((sum, shard) => sum + shard.items, 0),
    resources: countNames(shards),
    methods: totals(planned),
    volumes: planned,
    hooks: hooks.flatMap(({ pods }) =>
      pods.map(({ namespace, name, pre, post }) => ({
        namespace,
        pod: name,
        pre: pre.length,
        post: post.length,
      })),
    ),
    counts,
    problems,
  };
}

/** Of a spec that cannot be carried out, so that nothing was looked at. */
export const rejectedPreview = (
  spec: BackupSpec,
  location: string,
  validationErrors: string[],
): BackupPreview => ({
  ...emptyPreview(spec, location),
  expectedPhase: 'FailedValidation',
  validationErrors,
});

const emptyPreview = (spec: BackupSpec, location: string): BackupPreview => ({
  expectedPhase: 'Completed',
  validationErrors: [],
  spec,
  location,
  namespaces: [],
  items: 0,
  resources: {},
  methods: {},
  volumes: [],
  hooks: [],
  counts: { errors: 0, warnings: 0 },
  problems: [],
  omitted: {},
});

function plannedVolume(plan: VolumePlan, lastBytes: ReadonlyMap<string, number>): PlannedVolume {
  const { namespace, claim, volume, pod, podVolume = '', method, reason } = plan;
  const last = lastBytes.get(plan.claimUid);
  const name = claim || (pod ? `${pod.name}/${podVolume}` : volume);
  const bytes = METHODS_WITH_DATA.includes(method) ? (last ?? plan.requestedBytes) : 0;
  const bytesFrom = last === undefined ? 'capacity' : 'lastBackup';
  return { namespace, volume: name, method, reason, bytes, bytesFrom };
}

function totals(volumes: readonly PlannedVolume[]): BackupPreview['methods'] {
  const methods: BackupPreview['methods'] = {};
  for (const { method, bytes } of volumes) {
    const total = (methods[method] ??= { volumes: 0, bytes: 0 });
    total.volumes += 1;
    total.bytes += bytes;
  }
  return methods;
}

function countNames(shards: readonly ShardIndex[]): Record<string, number> {
  const counts = new Map<string, Set<string>>();
  for (const { names } of shards) {
    for (const [kind, list] of Object.entries(names)) {
      const known = counts.get(kind) ?? new Set();
      list.forEach((name) => known.add(name));
      counts.set(kind, known);
    }
  }
  const kinds = [...counts.keys()].sort();
  return Object.fromEntries(kinds.map((kind) => [kind, counts.get(kind)!.size]));
}

/** Lists that may be long, the least telling first. */
const LONG_LISTS = ['namespaces', 'hooks', 'volumes', 'problems'] as const;

/** The same answer in at most so many bytes: the longest list is halved until it fits. What is cut is counted. */
export function boundedPreview(preview: BackupPreview, maxBytes: number): BackupPreview {
  const bounded = { ...preview, omitted: { ...preview.omitted } };
  const size = (value: unknown) => new TextEncoder().encode(JSON.stringify(value)).length;
  while (size(bounded) > maxBytes) {
    const sizes = LONG_LISTS.map((list) => ({ list, bytes: size(bounded[list]) }));
    const { list } = sizes.reduce((longest, each) => (each.bytes > longest.bytes ? each : longest));
    const kept = Math.floor(bounded[list].length / 2);
    // Nothing is left that could be cut: the spec itself is that long.
    if (bounded[list].length === 0) return bounded;
    bounded.omitted[list] = preview[list].length - kept;
    Object.assign(bounded, { [list]: bounded[list].slice(0, kept) });
  }
  return bounded;
}
