import type { RestoreActivities } from '../../contracts/activities.ts';
import type { Restore } from '../../contracts/api/restore.ts';
import type { RunRef } from '../../contracts/run.ts';
import type { RestorePlan, VolumeOutcome } from '../../core/model.ts';
import type { TransformSettings } from '../../core/transform/transform.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import { getDoc } from '../../platform/store/documents.ts';
import type { ObjectStore } from '../../platform/store/types.ts';
import type { RunContext } from '../support/context.ts';
import { ServedTypes } from './served.ts';
import { transformSettings } from './settings.ts';

/** What the creation of every object of a chunk needs. */
export interface ApplyContext {
  kube: KubeClient;
  signal: AbortSignal;
  run: RunRef;
  plan: RestorePlan;
  settings: TransformSettings;
  /** spec.existingResourcePolicy. */
  policy: string;
  startedAt: string;
  outcomes: ReadonlyMap<number, VolumeOutcome>;
  served: ServedTypes;
  /** Namespaces that take in several ones of the backup. */
  merged: ReadonlySet<string>;
  /** Names of the ServiceAccounts of a namespace. */
  accounts(namespace: string): Promise<string[]>;
}

type Input = Parameters<RestoreActivities['applyChunk']>[0];

export async function applyContext(
  kube: KubeClient,
  store: ObjectStore,
  context: RunContext<Restore>,
  { run, plan: planRef, outcomes }: Input,
  signal: AbortSignal,
): Promise<ApplyContext> {
  const plan = await getDoc<RestorePlan>(store, planRef);
  const ended = await Promise.all(outcomes.map((ref) => getDoc<VolumeOutcome>(store, ref)));
  return {
    kube,
    signal,
    run,
    plan,
    settings: transformSettings(run, context, plan.changes),
    policy: context.resource.spec.existingResourcePolicy ?? '',
    startedAt: context.startedAt,
    outcomes: new Map(ended.map((outcome) => [outcome.index, outcome])),
    served: new ServedTypes(kube),
    merged: mergedTargets(plan.namespaces),
    accounts: accountsIn(kube),
  };
}

function mergedTargets(namespaces: RestorePlan['namespaces']): Set<string> {
  const targets = namespaces.map(({ target }) => target);
  return new Set(targets.filter((target, at) => targets.indexOf(target) !== at));
}

function accountsIn(kube: KubeClient): ApplyContext['accounts'] {
  const known = new Map<string, Promise<string[]>>();
  const read = async (namespace: string) => {
    const accounts = await kube.list<KubeObject>(GVRS.serviceaccounts, { namespace });
    return accounts.map(({ metadata }) => metadata.name);
  };
  return (namespace) => {
    const names = known.get(namespace) ?? read(namespace);
    known.set(namespace, names);
    return names;
  };
}
