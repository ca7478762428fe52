import type { BackupSpec } from '../../contracts/api/backup.ts';
import type { RunRef } from '../../contracts/run.ts';
import type { RunContext } from '../support/context.ts';
import type { Deps } from '../support/deps.ts';
import { nodeAgentSettings } from '../support/node-agent.ts';
import { resourcePolicies } from './read-policies.ts';

/** What ConfigMaps say about a backup, fixed when it begins. */
export type Settings = Pick<RunContext, 'policies' | 'nodeAgent' | 'unknownSettings'>;

export async function readSettings(
  deps: Deps,
  run: RunRef,
  spec: BackupSpec,
): Promise<Settings & { errors: string[] }> {
  const { policies, errors } = await resourcePolicies(deps.kube, run.namespace, spec);
  const { settings, faults, unknown } = await nodeAgentSettings(deps, run.namespace);
  return {
    ...(policies && { policies }),
    nodeAgent: settings,
    ...(unknown.length > 0 && { unknownSettings: unknown }),
    errors: [...errors, ...faults],
  };
}
