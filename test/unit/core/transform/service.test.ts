import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../../../core/transform/manifest.ts';
import { transformService } from '../../../../core/transform/service.ts';

const APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

function service(spec: object, metadata: object = {}, preserve = false): Manifest {
  const object: Manifest = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 's', ...metadata },
    spec: structuredClone(spec),
  };
  transformService(object, preserve);
  return object;
}

const applied = (spec: object) => ({ annotations: { [APPLIED]: JSON.stringify({ spec }) } });
const owned = (fields: object) => ({
  managedFields: [{ fieldsV1: { 'f:spec': {} } }, { fieldsV1: { 'f:spec': fields } }],
});
const ports = (...nodePorts: (number | undefined)[]) =>
  nodePorts.map((nodePort, at) => ({ port: 80 + at, ...(nodePort && { nodePort }) }));

describe('addresses', () => {
  it('are assigned anew', () => {
    expect(service({ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'] })['spec']).toEqual({});
  });

  it('of a headless service stay none', () => {
    const spec = { clusterIP: 'None', clusterIPs: ['None'] };
    expect(service(spec)['spec']).toEqual(spec);
  });
});

describe('node ports', () => {
  const spec = {
    type: 'NodePort',
    ports: [
      { name: 'a', port: 80, nodePort: 30_001 },
      { name: 'b', port: 81, nodePort: 30_002 },
      { port: 82, nodePort: 30_003 },
      { port: 83, nodePort: 30_004 },
    ],
  };
  const kept = (object: Manifest) =>
    (object['spec'].ports as { nodePort?: number }[]).map(({ nodePort }) => nodePort);

  it.each<[string, object, (number | undefined)[]]>([
    ['nobody asked for them', {}, [undefined, undefined, undefined, undefined]],
    [
      'the annotation names a port or has its number',
      applied({ ports: [{ name: 'a', nodePort: 1 }, { name: 'b' }, { nodePort: '30003' }, { nodePort: 5 }] }),
      [30_001, undefined, 30_003, undefined],
    ],
    [
      'somebody owns the field',
      owned({
        'f:ports': {
          'k:{"port":81,"protocol":"TCP"}': { 'f:nodePort': {} },
          'k:{"port":83,"protocol":"TCP"}': {},
        },
      }),
      [undefined, 30_002, undefined, undefined],
    ],
    [
      'the annotation counts when there are owners as well',
      { ...applied({}), ...owned({ 'f:ports': { 'k:{"port":81,"protocol":"TCP"}': { 'f:nodePort': {} } } }) },
      [undefined, undefined, undefined, undefined],
    ],
  ])('when %s', (_, metadata, expected) => {
    expect(kept(service(spec, metadata))).toEqual(expected);
  });

  it('stay when the restore asks for it, and where they are not assigned', () => {
    expect(kept(service(spec, {}, true))).toEqual([30_001, 30_002, 30_003, 30_004]);
    expect(kept(service({ ...spec, type: 'ExternalName' }))).toEqual([30_001, 30_002, 30_003, 30_004]);
  });

  it('of UDP are told from those of TCP', () => {
    const udp = { type: 'NodePort', ports: [{ port: 81, protocol: 'UDP', nodePort: 30_002 }] };
    const fields = owned({ 'f:ports': { 'k:{"port":81,"protocol":"TCP"}': { 'f:nodePort': {} } } });
    expect(kept(service(udp, fields))).toEqual([undefined]);
  });

  it('cannot be told from an annotation that is no JSON object', () => {
    for (const text of ['{', '[]', '7']) {
      expect(() => service(spec, { annotations: { [APPLIED]: text } })).toThrow(/last-applied-configuration/);
    }
    expect(() => service(spec, { annotations: { [APPLIED]: '{' } }, true)).not.toThrow();
  });
});

describe('the port of health checks', () => {
  const spec = {
    type: 'LoadBalancer',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 30_009,
    ports: ports(undefined),
  };

  it.each<[string, object, object, boolean]>([
    ['goes when it was assigned', spec, {}, false],
    ['stays when it was applied', spec, applied({ healthCheckNodePort: 30_009 }), true],
    ['goes when zero was applied', spec, applied({ healthCheckNodePort: 0 }), false],
    ['stays when somebody owns it', spec, owned({ 'f:healthCheckNodePort': {} }), true],
    ['is not looked at with another policy', { ...spec, externalTrafficPolicy: 'Cluster' }, {}, true],
  ])('%s', (_, input, metadata, stays) => {
    expect('healthCheckNodePort' in service(input, metadata)['spec']).toBe(stays);
  });
});
