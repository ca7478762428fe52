import type { ClaimFact, Facts, ShardIndex } from '../model.ts';

/** An object that exported ones cannot do without. */
export interface RelatedObject {
  groupResource: string;
  /** Absent = it has none. */
  namespace?: string;
  name: string;
  /** The object that asks for it, for the message when it is missing. */
  of: string;
  /** A missing one is worth a warning; CRDs are asked for by guess. */
  expected: boolean;
  /** Filters do not keep it out. */
  must?: boolean;
}

export const BINDINGS = 'clusterrolebindings.rbac.authorization.k8s.io';
const ROLES = 'clusterroles.rbac.authorization.k8s.io';
const CRDS = 'customresourcedefinitions.apiextensions.k8s.io';

/** What objects with these facts ask for by name, those included that were exported themselves. */
export function relatedTo(facts: Facts): RelatedObject[] {
  return [
    ...facts.claims.filter(({ volume }) => volume).map(volumeOf),
    ...facts.pods.flatMap(({ namespace, name, volumes }) =>
      volumes
        // The claim of an ephemeral volume is made with the pod.
        .filter(({ claim, source }) => claim && source.type !== 'ephemeral')
        .map(({ claim = '' }) => claimOf(namespace, claim, `pod ${namespace}/${name}`)),
    ),
    ...facts.priorityClasses.map((name) => cluster('priorityclasses.scheduling.k8s.io', name, 'a pod')),
    // The group of a custom resource has a dot.
    ...facts.groupResources
      .filter((name) => name.split('.').length > 2)
      .map((name) => ({ ...cluster(CRDS, name, name), expected: false })),
    ...facts.classSecrets.map((key) => {
      const [namespace = '', name = ''] = key.split('/');
      const of = 'a snapshot class';
      return { groupResource: 'secrets', namespace, name, of, expected: true, must: true };
    }),
  ];
}

const cluster = (groupResource: string, name: string, of: string): RelatedObject => ({
  groupResource,
  name,
  of,
  expected: true,
});

const volumeOf = ({ namespace, name, volume = '' }: ClaimFact) =>
  cluster('persistentvolumes', volume, `claim ${namespace}/${name}`);

const claimOf = (namespace: string, name: string, of: string): RelatedObject => ({
  groupResource: 'persistentvolumeclaims',
  namespace,
  name,
  of,
  expected: true,
});

/** Namespaces in which something was exported; a label selector may have left out their own objects. */
export function namespacesOf(shards: readonly Pick<ShardIndex, 'names'>[]): RelatedObject[] {
  const names = shards.flatMap((shard) => Object.values(shard.names).flat());
  const namespaces = names.filter((name) => name.includes('/')).map((name) => name.split('/', 1)[0] ?? '');
  return [...new Set(namespaces)].sort().map((name) => cluster('namespaces', name, 'the objects in it'));
}

/** What of a ClusterRoleBinding matters here. */
export interface Binding {
  metadata: { name: string };
  subjects?: { kind?: string; namespace?: string; name?: string }[] | null;
  roleRef?: { kind?: string; name?: string };
}

/** The bindings that give rights to these accounts (`<ns>/<name>`), and the roles that they give. */
export function rightsOf(accounts: readonly string[], bindings: readonly Binding[]): RelatedObject[] {
  const wanted = new Set(accounts);
  return bindings.flatMap(({ metadata: { name }, subjects, roleRef }) => {
    const account = (subjects ?? []).find(
      (subject) => subject.kind === 'ServiceAccount' && wanted.has(`${subject.namespace}/${subject.name}`),
    );
    if (!account) return [];
    const of = `service account ${account.namespace}/${account.name}`;
    const binding = cluster(BINDINGS, name, of);
    return roleRef?.kind === 'ClusterRole' && roleRef.name
      ? [binding, cluster(ROLES, roleRef.name, of)]
      : [binding];
  });
}

/** What of a pod or claim matters when it is looked for by somebody else's wish. */
interface Candidate {
  metadata: { name: string; labels?: Record<string, string>; deletionTimestamp?: string };
  spec?: { nodeName?: string; volumes?: { persistentVolumeClaim?: { claimName?: string } }[] };
  status?: { phase?: string };
}

const bound = ({ phase, volume }: ClaimFact) => phase === 'Bound' && Boolean(volume);

/** Running pods that mount one of these claims of their namespace: what they wrote may not be on the volume yet. */
export function podsMounting(claims: readonly ClaimFact[], pods: readonly Candidate[]): RelatedObject[] {
  const wanted = new Map(claims.filter(bound).map((claim) => [claim.name, claim]));
  return pods.filter(runs).flatMap(({ metadata: { name }, spec }) => {
    const mounted = (spec?.volumes ?? []).map((volume) => volume.persistentVolumeClaim?.claimName ?? '');
    const claim = wanted.get(mounted.find((each) => wanted.has(each)) ?? '');
    if (!claim) return [];
    const { namespace } = claim;
    return [
      { groupResource: 'pods', namespace, name, of: `claim ${namespace}/${claim.name}`, expected: false },
    ];
  });
}

const runs = ({ metadata, spec, status }: Candidate) =>
  !metadata.deletionTimestamp && Boolean(spec?.nodeName) && status?.phase === 'Running';

/** Claims of the namespace whose snapshots belong together with those of these: the label has the same value. */
export function groupMembers(
  claims: readonly ClaimFact[],
  labelKey: string,
  others: readonly Candidate[],
): RelatedObject[] {
  const groups = new Map(
    claims.filter(bound).flatMap((claim) => {
      const group = claim.labels[labelKey];
      return group ? [[group, claim] as const] : [];
    }),
  );
  return others.flatMap(({ metadata: { name, labels } }) => {
    const claim = groups.get(labels?.[labelKey] ?? '');
    return claim ? [claimOf(claim.namespace, name, `claim ${claim.namespace}/${claim.name}`)] : [];
  });
}

/** Claims with a volume, whose pods and group members a selector may have left out. */
export function claimsByNamespace(claims: readonly ClaimFact[]): Map<string, ClaimFact[]> {
  return Map.groupBy(claims.filter(bound), ({ namespace }) => namespace);
}
