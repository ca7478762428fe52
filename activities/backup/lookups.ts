import { LIMITS } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { isSelecting } from '../../core/backup/items.ts';
import {
  BINDINGS,
  claimsByNamespace,
  groupMembers,
  podsMounting,
  rightsOf,
} from '../../core/backup/related.ts';
import type { Binding, RelatedObject } from '../../core/backup/related.ts';
import { groupResource } from '../../core/model.ts';
import type { ClaimFact, Facts, ResourceRef } from '../../core/model.ts';
import type { ResourceFilter } from '../../core/plan/resource-filter.ts';
import { toCaravelError } from '../../platform/kube/errors.ts';
import type { KubeObject, ListOptions } from '../../platform/kube/types.ts';
import { inLanes } from '../support/lanes.ts';
import { readProblem } from './exporting.ts';
import type { Exporting } from './exporting.ts';

/** Related objects that do not stand by name in the one that needs them, but have to be looked for. */
export class Lookups {
  readonly #exporting: Exporting;
  readonly #filter: ResourceFilter;
  readonly #types: ReadonlyMap<string, ResourceRef>;
  readonly #selecting: boolean;
  #bindings: Promise<Binding[]> | undefined;

  constructor(exporting: Exporting, filter: ResourceFilter, types: ReadonlyMap<string, ResourceRef>) {
    this.#exporting = exporting;
    this.#filter = filter;
    this.#types = types;
    this.#selecting = isSelecting(exporting.spec);
  }

  async of(facts: Facts): Promise<RelatedObject[]> {
    return [...(await this.#rights(facts)), ...(await this.#companions(facts))];
  }

  async #rights({ serviceAccounts }: Facts): Promise<RelatedObject[]> {
    if (serviceAccounts.length === 0 || this.#listedWhole(BINDINGS)) return [];
    this.#bindings ??= this.#list<Binding>(BINDINGS);
    return rightsOf(serviceAccounts, await this.#bindings);
  }

  #listedWhole(type: string): boolean {
    const resource = this.#types.get(type);
    return !resource || (!this.#selecting && this.#filter.lists(resource));
  }

  /** What only a label selector can have left out. */
  async #companions(facts: Facts): Promise<RelatedObject[]> {
    if (!this.#selecting) return [];
    const found: RelatedObject[] = [];
    await inLanes(
      claimsByNamespace(facts.claims),
      LIMITS.readParallel,
      ([namespace, claims]) => this.#companionsIn(namespace, claims),
      (companions) => void found.push(...companions),
    );
    return found;
  }

  async #companionsIn(namespace: string, claims: ClaimFact[]): Promise<RelatedObject[]> {
    const pods = await this.#list('pods', { namespace });
    const key = this.#exporting.spec.volumeGroupSnapshotLabelKey;
    if (!key || !claims.some(({ labels }) => labels[key])) return podsMounting(claims, pods);
    const others = await this.#list('persistentvolumeclaims', { namespace, labelSelector: key });
    return [...podsMounting(claims, pods), ...groupMembers(claims, key, others)];
  }

  /** What cannot be listed is a problem of the backup, and nothing comes along. */
  async #list<T = KubeObject>(type: string, options: ListOptions = {}): Promise<T[]> {
    const resource = this.#types.get(type);
    if (!resource) return [];
    const { deps, signal, collector } = this.#exporting;
    try {
      return await deps.kube.list<T>(resource, { ...options, signal });
    } catch (error) {
      const known = toCaravelError(error);
      if (!(known instanceof CaravelError) || known.retryable) throw known;
      const item = {
        resource: groupResource(resource),
        ...(options.namespace && { namespace: options.namespace }),
      };
      collector.problems.push(readProblem(known, 'Error listing items', item, 'exportRelated'));
      return [];
    }
  }
}
