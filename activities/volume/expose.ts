import type { VolumeRef } from '../../contracts/activities.ts';
import {
  LABELS,
  moverSecretName,
  runLabels,
  runWorkflowId,
  volumeObjectName,
  WORKFLOW_ANNOTATION,
} from '../../contracts/ids.ts';
import type { RunRef } from '../../contracts/run.ts';
import type { VolumeCut, VolumePlan } from '../../core/model.ts';
import { backupClaimFor } from '../../core/volume/mover-settings.ts';
import { NO_SETTINGS } from '../../core/volume/node-agent.ts';
import type { BackupClaim } from '../../core/volume/node-agent.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { Deps } from '../support/deps.ts';
import { recoveryPlan, volumePlan } from '../support/context.ts';
import type { RunContext } from '../support/context.ts';
import type { Location } from '../support/location.ts';
import { downloadFor, MOVEMENT_GVR } from './movement.ts';
import { movementCredentials } from './repository.ts';

/** Labels and annotations of everything made for a volume: garbage collection starts from them. */
export const volumeMarks = (run: RunRef, name: string, component: string) => ({
  labels: { ...runLabels(run, component), [LABELS.volume]: name },
  annotations: { [WORKFLOW_ANNOTATION]: runWorkflowId(run) },
});

export async function ensureCredentials(
  deps: Deps,
  run: RunRef,
  name: string,
  location: Location,
): Promise<void> {
  await deps.kube.ensure(GVRS.secrets, run.namespace, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: moverSecretName(name),
      namespace: run.namespace,
      ...volumeMarks(run, name, 'credentials'),
    },
    type: 'Opaque',
    stringData: await movementCredentials(deps, run.namespace, location),
  });
}

interface ClaimSpec {
  accessModes: string[];
  storageClass: string;
  volumeMode: string;
  bytes: number;
  annotations: Record<string, string>;
  dataSource: object;
}

async function ensureClaim(deps: Deps, run: RunRef, name: string, spec: ClaimSpec): Promise<void> {
  const { labels, annotations } = volumeMarks(run, name, 'claim');
  await deps.kube.ensure(GVRS.persistentvolumeclaims, run.namespace, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: run.namespace,
      labels,
      annotations: { ...spec.annotations, ...annotations },
    },
    spec: {
      accessModes: spec.accessModes,
      ...(spec.storageClass && { storageClassName: spec.storageClass }),
      volumeMode: spec.volumeMode,
      resources: { requests: { storage: String(spec.bytes) } },
      dataSource: spec.dataSource,
    },
  });
}

/** How the temporary claim is to be made, by the node-agent's settings for the class of the volume. */
export const backupClaim = ({ nodeAgent }: RunContext, { storageClass }: VolumePlan): BackupClaim =>
  backupClaimFor(nodeAgent ?? NO_SETTINGS, storageClass);

/** The temporary claim on the snapshot's copy. Provisioning goes on while the mover's pod is being scheduled. */
export async function exposeSnapshot(deps: Deps, ref: VolumeRef & { cut: VolumeCut }): Promise<void> {
  const { volume, context, location } = await volumePlan(deps, ref);
  const name = volumeObjectName(ref.run, volume.namespace, volume.claim);
  const { readOnly, storageClass, annotations } = backupClaim(context, volume);
  const claim = ensureClaim(deps, ref.run, name, {
    // Read-only, some drivers give the snapshot itself instead of a copy.
    accessModes: [readOnly ? 'ReadOnlyMany' : 'ReadWriteOnce'],
    storageClass: storageClass || volume.storageClass,
    annotations,
    volumeMode: volume.volumeMode,
    bytes: Math.max(ref.cut.restoreSize, volume.requestedBytes),
    dataSource: { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name },
  });
  await Promise.all([ensureCredentials(deps, ref.run, name, location), claim]);
}

interface TargetSpec {
  accessModes?: string[];
  storageClassName?: string;
  volumeMode?: string;
  resources?: { requests?: { storage?: string } };
}

/** The claim that is filled in the control namespace, as large and of the class of the target. */
export async function exposeRecovery(deps: Deps, ref: VolumeRef): Promise<void> {
  const { volume, context, location } = await recoveryPlan(deps, ref);
  const name = volumeObjectName(ref.run, volume.namespace, volume.claim);
  const target = volume.manifest['spec'] as TargetSpec;
  const download = downloadFor(ref.run, context.resource, context.location, volume);
  await deps.kube.ensure(MOVEMENT_GVR.restore, ref.run.namespace, download);
  const claim = deps.kube.ensure(GVRS.persistentvolumeclaims, ref.run.namespace, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: ref.run.namespace, ...volumeMarks(ref.run, name, 'claim') },
    spec: {
      accessModes: target.accessModes ?? ['ReadWriteOnce'],
      ...(volume.storageClass && { storageClassName: volume.storageClass }),
      volumeMode: volume.volumeMode,
      resources: target.resources,
    },
  });
  await Promise.all([ensureCredentials(deps, ref.run, name, location), claim]);
}
