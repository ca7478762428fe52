import { describe, expect, it } from 'vitest';
import { moverPod } from '../../../../core/volume/mover-pod.ts';
import type { MoverData, MoverPodInput } from '../../../../core/volume/mover-pod.ts';
import { readNodeAgent } from '../../../../core/volume/node-agent.ts';

interface Pod {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: {
    priorityClassName?: string;
    volumes: { name: string; persistentVolumeClaim?: object }[];
    containers: {
      resources?: object;
      securityContext: object;
      volumeMounts: { name: string; readOnly?: boolean }[];
    }[];
  };
}

/** The pod of a file system's backup under these settings of the node-agent. */
function podOf(document: object, data: MoverData = { claim: 'c' }) {
  const input = {
    name: 'm-1',
    namespace: 'velero',
    labels: { own: 'label' },
    annotations: { own: 'annotation' },
    image: 'i',
    imagePullPolicy: 'Never',
    serviceAccount: 's',
    data,
    secret: 'k',
    spec: { direction: 'backup', volumeMode: 'Filesystem' } as MoverPodInput['spec'],
    graceSeconds: 60,
    placement: {},
    settings: readNodeAgent(document).settings,
  };
  const { metadata, spec } = moverPod(input) as Pod;
  const [container] = spec.containers;
  return {
    metadata,
    spec,
    container: container!,
    mount: container!.volumeMounts.find(({ name }) => name === 'data'),
  };
}

describe('a mover under the settings of the node-agent', () => {
  it('has resources, a priority, labels and annotations, and its own marks first', () => {
    const { metadata, spec, container } = podOf({
      podResources: { cpuRequest: '100m', memoryLimit: '1Gi' },
      priorityClassName: 'low',
      podLabels: { team: 'x', own: 'taken' },
      podAnnotations: { note: 'y', own: 'taken' },
    });
    expect(container.resources).toEqual({ requests: { cpu: '100m' }, limits: { memory: '1Gi' } });
    expect(spec.priorityClassName).toBe('low');
    expect(metadata.labels).toEqual({ team: 'x', own: 'label' });
    expect(metadata.annotations).toEqual({ note: 'y', own: 'annotation' });
  });

  it('has none of them when they are not set', () => {
    const { spec, container } = podOf({ podResources: { cpuLimit: '0' } });
    expect(container).not.toHaveProperty('resources');
    expect(spec).not.toHaveProperty('priorityClassName');
  });

  it('reads a read-only claim without writing, and unconfined when its files cannot be relabelled', () => {
    const { spec, container, mount } = podOf({}, { claim: 'c', readOnly: true, noRelabeling: true });
    expect(spec.volumes).toContainEqual({
      name: 'data',
      persistentVolumeClaim: { claimName: 'c', readOnly: true },
    });
    expect(mount).toMatchObject({ readOnly: true });
    expect(container.securityContext).toMatchObject({ seLinuxOptions: { type: 'spc_t' } });
  });

  it('is confined, and may write, otherwise', () => {
    const { spec, container, mount } = podOf({});
    expect(spec.volumes).toContainEqual({ name: 'data', persistentVolumeClaim: { claimName: 'c' } });
    expect(mount).not.toHaveProperty('readOnly');
    expect(container.securityContext).not.toHaveProperty('seLinuxOptions');
  });

  it('is privileged beside a running pod when that is asked for, and never elsewhere', () => {
    const settings = { privilegedFsBackup: true };
    expect(podOf(settings, { hostPath: '/x' }).container.securityContext).toEqual({
      privileged: true,
      readOnlyRootFilesystem: true,
    });
    expect(podOf(settings).container.securityContext).not.toHaveProperty('privileged');
  });
});
