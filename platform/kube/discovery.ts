import { messageOf } from '../../core/errors/catalog.ts';
import { KubeError } from './errors.ts';
import type { Transport } from './transport.ts';
import type { ApiResource, Discovery } from './types.ts';

/**
 * What the API serves, from two requests where the server can aggregate (1.26+), else from one a group version.
 * Groups that cannot be read are reported beside the others. Subresources are left out.
 *
 * Preferred: for each resource of a group the group's preferred version if that serves it, otherwise the first listed
 * version that does. Velero backs up the preferred ones.
 */
export async function discover(transport: Transport, signal?: AbortSignal): Promise<Discovery> {
  const read: Reader = (path, accept) =>
    transport.json({ path, signal, ...(accept !== undefined && { accept }) });
  const roots = await Promise.all([readRoot(read, '/api'), readRoot(read, '/apis')]);
  return {
    resources: roots.flatMap(({ groups }) => groups.flatMap(markPreferred)),
    failures: roots.flatMap(({ failures }) => failures),
  };
}

type Reader = <T>(path: string, accept?: string) => Promise<T>;
type Failure = Discovery['failures'][number];
type Resource = Omit<ApiResource, 'preferred'>;

/** Versions in the group's order of preference. */
interface Group {
  versions: Resource[][];
}

interface Root {
  groups: Group[];
  failures: Failure[];
}

const AGGREGATED = ['v2', 'v2beta1']
  .map((version) => `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`)
  .join(',');

interface AggregatedList {
  kind: 'APIGroupDiscoveryList';
  items: {
    metadata: { name?: string };
    versions?: { version: string; freshness?: string; resources?: AggregatedResource[] }[];
  }[];
}

interface AggregatedResource {
  resource: string;
  /** Absent when only subresources are served. */
  responseKind?: { kind?: string };
  scope: string;
  singularResource?: string;
  verbs?: string[];
  shortNames?: string[];
}

interface VersionList {
  kind: 'APIVersions';
  versions: string[];
}

interface GroupList {
  kind: 'APIGroupList';
  groups: {
    name: string;
    versions: { version: string }[];
    preferredVersion?: { version: string };
  }[];
}

async function readRoot(read: Reader, path: '/api' | '/apis'): Promise<Root> {
  const answer = await read<AggregatedList | VersionList | GroupList>(path, `${AGGREGATED},application/json`);
  if (answer.kind === 'APIGroupDiscoveryList') return fromAggregated(answer);
  const groups =
    answer.kind === 'APIVersions' ? [{ name: '', versions: answer.versions }] : answer.groups.map(inOrder);
  return readEach(read, path, groups);
}

function fromAggregated({ items }: AggregatedList): Root {
  const failures: Failure[] = [];
  const groups = items.map(({ metadata: { name: group = '' }, versions = [] }) => ({
    versions: versions.map(({ version, freshness, resources = [] }) => {
      // The aggregator keeps the last list of a server that is down; a backup must not take it for the truth.
      const found = resources.flatMap((resource) => aggregatedResource(group, version, resource));
      if (freshness !== 'Stale') return found;
      const message = `${group}/${version}: the API server behind this group does not answer`;
      failures.push({ group, message, resources: found.map((each) => ({ ...each, preferred: true })) });
      return [];
    }),
  }));
  return { groups, failures };
}

function aggregatedResource(group: string, version: string, resource: AggregatedResource): Resource[] {
  const kind = resource.responseKind?.kind;
  if (!kind) return [];
  return [
    {
      group,
      version,
      resource: resource.resource,
      kind,
      namespaced: resource.scope === 'Namespaced',
      verbs: resource.verbs ?? [],
      shortNames: resource.shortNames ?? [],
      singular: resource.singularResource ?? '',
    },
  ];
}

interface VersionedGroup {
  name: string;
  versions: string[];
}

function inOrder({ name, versions, preferredVersion }: GroupList['groups'][number]): VersionedGroup {
  const listed = versions.map(({ version }) => version);
  const preferred = preferredVersion?.version;
  if (preferred === undefined) return { name, versions: listed };
  return { name, versions: [preferred, ...listed.filter((version) => version !== preferred)] };
}

async function readEach(read: Reader, path: string, groups: VersionedGroup[]): Promise<Root> {
  const failures: Failure[] = [];
  const tryRead = async (group: string, version: string): Promise<Resource[]> => {
    try {
      return await readVersion(read, path, group, version);
    } catch (error) {
      if (!(error instanceof KubeError) || error.reason === 'Closed') throw error;
      failures.push({ group, message: `${group}/${version}: ${messageOf(error)}`, resources: [] });
      return [];
    }
  };
  const found = await Promise.all(
    groups.map(async ({ name, versions }) => ({
      versions: await Promise.all(versions.map((version) => tryRead(name, version))),
    })),
  );
  return { groups: found, failures };
}

interface ResourceList {
  resources?: {
    name: string;
    kind: string;
    namespaced: boolean;
    verbs?: string[];
    shortNames?: string[];
    singularName?: string;
  }[];
}

async function readVersion(read: Reader, root: string, group: string, version: string): Promise<Resource[]> {
  const path = group === '' ? `${root}/${version}` : `${root}/${group}/${version}`;
  const { resources = [] } = await read<ResourceList>(path);
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map(({ name, kind, namespaced, verbs = [], shortNames = [], singularName = '' }) => ({
      group,
      version,
      resource: name,
      kind,
      namespaced,
      verbs,
      shortNames,
      singular: singularName,
    }));
}

function markPreferred({ versions }: Group): ApiResource[] {
  const taken = new Set<string>();
  return versions.flatMap((resources) => {
    const marked = resources.map((resource) => ({ ...resource, preferred: !taken.has(resource.resource) }));
    for (const { resource } of resources) taken.add(resource);
    return marked;
  });
}
