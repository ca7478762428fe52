import { sleep } from '@temporalio/activity';
import { ITEM_RETRY } from '../../contracts/settings.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import { groupResource, GVRS } from '../../platform/kube/gvr.ts';
import type { Gvr, KubeClient } from '../../platform/kube/types.ts';

type Test = (gvr: Gvr) => boolean;

const nameOf = (gvr: Gvr) => `${groupResource(gvr)}/${gvr.version}`;

/** The types that the cluster serves at this moment; read once for many objects, and again when one is missing. */
export class ServedTypes {
  readonly #kube: KubeClient;
  #serves: Promise<Test> | undefined;
  readonly #missing = new Map<string, Promise<boolean>>();

  constructor(kube: KubeClient) {
    this.#kube = kube;
  }

  /** Throws KubeInvalid for a type that is not served. */
  async require(gvr: Gvr): Promise<void> {
    this.#serves ??= this.#read();
    if ((await this.#serves)(gvr)) return;
    const name = nameOf(gvr);
    const appears = this.#missing.get(name) ?? this.#awaited(gvr);
    this.#missing.set(name, appears);
    if (await appears) return;
    throw new CaravelError(
      'KubeInvalid',
      `the cluster does not serve ${groupResource(gvr)} in version ${gvr.version}; install its CustomResourceDefinition or restore it too`,
    );
  }

  async #read(): Promise<Test> {
    const { resources, failures } = await this.#kube.discover();
    const names = new Set(resources.map(nameOf));
    // Of a group that cannot be read nothing is known; its objects show for themselves.
    const broken = new Set(failures.map(({ group }) => group));
    return (gvr) => names.has(nameOf(gvr)) || broken.has(gvr.group);
  }

  /** A definition made by this restore shows in the discovery a moment after it is established. */
  async #awaited(gvr: Gvr): Promise<boolean> {
    const definition = await this.#kube.find(GVRS.customresourcedefinitions, undefined, groupResource(gvr));
    if (!definition) return false;
    for (let attempt = 0; attempt < ITEM_RETRY.attempts; attempt++) {
      await sleep(ITEM_RETRY.initialIntervalMs * 2 ** attempt);
      if ((await this.#read())(gvr)) return true;
    }
    return false;
  }
}
