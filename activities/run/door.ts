import { WorkflowExecutionAlreadyStartedError } from '@temporalio/client';
import type { DoorActivities, DoorInput } from '../../contracts/activities.ts';
import { runWorkflowId } from '../../contracts/ids.ts';
import type { RunRef, RunResult, RunType } from '../../contracts/run.ts';
import { CaravelError } from '../../core/errors/catalog.ts';
import type { KubeObject } from '../../platform/kube/types.ts';
import { besideVelero } from '../engine/beside-velero.ts';
import { GVR_OF } from './status.ts';
import type { RunObject } from './status.ts';
import type { Deps } from '../support/deps.ts';
import { activity } from '../support/step.ts';

const KINDS = { backup: 'Backup', restore: 'Restore' } as const;

/** What is wrong with a door's input; one sentence that names the field. */
function inputFault(type: RunType, input: DoorInput): string | undefined {
  if (typeof input !== 'object' || input === null) return `the input must be a ${KINDS[type]} as JSON`;
  if (!('kind' in input)) {
    return input.name && input.namespace
      ? undefined
      : 'the input needs "namespace" and "name", or a whole resource';
  }
  if (input.kind !== KINDS[type])
    return `kind: must be ${KINDS[type]} for the workflow ${type}, not "${input.kind}"`;
  if (input.apiVersion !== 'velero.io/v1')
    return `apiVersion: must be velero.io/v1, not "${input.apiVersion}"`;
  return input.metadata?.name ? undefined : 'metadata.name: must be given';
}

export function doorActivities(deps: Deps): DoorActivities {
  const { kube, temporal, config } = deps;

  async function openDoor({ type, input }: { type: RunType; input: DoorInput }) {
    const fault = inputFault(type, input);
    if (fault) throw new CaravelError('InvalidInput', fault);
    const resource = 'kind' in input ? await ensureResource(type, input) : await knownResource(type, input);
    const run: RunRef = { type, cluster: config.cluster, ...resource };
    return { run, workflowId: runWorkflowId(run) };
  }

  async function ensureResource(type: RunType, input: Extract<DoorInput, { kind: string }>) {
    const namespace = input.metadata.namespace ?? config.namespace;
    await refuseBesideVelero(namespace);
    const body = { ...input, metadata: { ...input.metadata, namespace } };
    const { object } = await kube.ensure<KubeObject>(GVR_OF[type], namespace, body);
    return { namespace, name: object.metadata.name, uid: object.metadata.uid ?? '' };
  }

  async function knownResource(type: RunType, input: Extract<DoorInput, { name: string }>) {
    const { namespace, name, uid } = input;
    const found = await kube.find<RunObject>(GVR_OF[type], namespace, name);
    // One that has begun goes on.
    if (found && !found.status?.startTimestamp) await refuseBesideVelero(namespace);
    // Adopting it finds out whether it is still the one.
    if (uid) return { namespace, name, uid };
    if (!found) throw new CaravelError('InvalidInput', `${KINDS[type]} ${namespace}/${name} does not exist`);
    return { namespace, name, uid: found.metadata.uid ?? '' };
  }

  async function refuseBesideVelero(namespace: string): Promise<void> {
    const refused = await besideVelero(kube, namespace);
    if (refused) throw refused;
  }

  async function followRun({ run, workflowId }: { run: RunRef; workflowId: string }): Promise<RunResult> {
    const { namespace, name, uid } = run;
    try {
      await temporal.workflow.start(run.type, {
        workflowId,
        taskQueue: config.taskQueue,
        args: [{ namespace, name, uid }],
        memo: { uid },
      });
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
    return (await temporal.workflow.getHandle(workflowId).result()) as RunResult;
  }

  return { openDoor: activity(openDoor), followRun: activity(followRun) };
}
