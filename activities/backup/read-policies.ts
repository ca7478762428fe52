import type { BackupSpec } from '../../contracts/api/backup.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { OLD_FILTERS_WITH_POLICY } from '../../core/volume-policy/filters.ts';
import { readPolicies } from '../../core/volume-policy/policies.ts';
import type { ResourcePolicies } from '../../core/volume-policy/policies.ts';
import { usesOldFilters } from '../../core/plan/resource-filter.ts';
import { documentOf } from '../../platform/config/documents.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';

interface ReadPolicies {
  policies?: ResourcePolicies;
  errors: string[];
}

/** The policies that `spec.resourcePolicy` names, as they are now; an unusable ConfigMap is an error of the spec. */
export async function resourcePolicies(
  kube: KubeClient,
  namespace: string,
  spec: BackupSpec,
): Promise<ReadPolicies> {
  const { kind = '', name = '' } = spec.resourcePolicy ?? {};
  if (!spec.resourcePolicy) return { errors: [] };
  if (kind.toLowerCase() !== 'configmap')
    return { errors: [`spec.resourcePolicy.kind: "${kind}" is not supported, only "configmap"`] };
  const at = `${namespace}/${name}`;
  const found = await attempt(() => configMapOf(kube, namespace, name));
  if ('error' in found)
    return { errors: [`fail to get ResourcePolicies ${at} ConfigMap with error ${found.error}`] };
  const document = await attempt(() => documentOf(found.value, at));
  if ('error' in document)
    return {
      errors: [`fail to read the ResourcePolicies from ConfigMap ${at} with error ${document.error}`],
    };
  const { policies, faults } = readPolicies(document.value);
  const validating = `fail to validate ResourcePolicies in ConfigMap ${at} with error `;
  return {
    policies,
    errors: [...faults.map((fault) => validating + fault), ...filterErrors(spec, policies)],
  };
}

type ConfigMap = KubeObject & { data?: Record<string, string> };

async function configMapOf(kube: KubeClient, namespace: string, name: string): Promise<ConfigMap> {
  const found = await kube.find<ConfigMap>(GVRS.configmaps, namespace, name);
  if (!found) throw new CaravelError('ObjectGone', 'it does not exist');
  return found;
}

/** What waiting may help against is thrown on. */
async function attempt<T>(work: () => T | Promise<T>): Promise<{ value: T } | { error: string }> {
  try {
    return { value: await work() };
  } catch (error) {
    const known = toCaravelError(error);
    if (!(known instanceof CaravelError) || known.retryable) throw known;
    return { error: known.message };
  }
}

function filterErrors(spec: BackupSpec, { includeExcludePolicy }: ResourcePolicies): string[] {
  const filters = Object.values(includeExcludePolicy).some((names) => names.length > 0);
  return filters && usesOldFilters(spec) ? [OLD_FILTERS_WITH_POLICY] : [];
}
