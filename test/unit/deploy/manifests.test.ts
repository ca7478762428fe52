import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../../platform/config/config.ts';

const FOLDER = join(import.meta.dirname, '../../../deploy/manifests');

/** Every variable that a manifest may have, with a value of the right form. */
const VARIABLES: Record<string, string> = {
  CONTROL_NAMESPACE: 'openshift-adp',
  CARAVEL_IMAGE: 'registry/caravel:1',
  CARAVEL_CLUSTER: 'local',
  CARAVEL_TASK_QUEUE: 'caravel',
  TEMPORAL_ADDRESS: 'temporal:7233',
  TEMPORAL_NAMESPACE: 'default',
  STORE_CIDR: '10.0.0.1/32',
  STORE_PORT: '9000',
  S3_BUCKET: 'b',
  S3_REGION: 'r',
  S3_ENDPOINT: 'http://s3:9000',
  S3_ACCESS_KEY_ID: 'k',
  S3_SECRET_ACCESS_KEY: 's',
};

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string };
  [field: string]: unknown;
}

const text = readdirSync(FOLDER)
  .map((file) => readFileSync(join(FOLDER, file), 'utf8'))
  .join('\n---\n');
const manifests = parseAllDocuments(
  text.replaceAll(/\$\{(\w+)\}/g, (all, name: string) => VARIABLES[name] ?? all),
)
  .map((document) => document.toJS() as Manifest | null)
  .filter((manifest) => manifest !== null);
const find = (kind: string, name: string) =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name)!;

describe('manifests', () => {
  it('have no other variables than the known ones', () => {
    const used = new Set([...text.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name!));
    expect([...used].filter((name) => !(name in VARIABLES))).toEqual([]);
  });

  it('stay within the control namespace, cluster roles apart', () => {
    const outside = manifests.filter(({ metadata }) => metadata.namespace !== 'openshift-adp');
    expect(new Set(outside.map(({ kind }) => kind))).toEqual(
      new Set(['Namespace', 'ClusterRole', 'ClusterRoleBinding']),
    );
  });

  it('give the worker a configuration that it accepts', () => {
    const { data } = find('ConfigMap', 'caravel') as Manifest & { data: Record<string, string> };
    expect(loadConfig(data)).toMatchObject({ namespace: 'openshift-adp', moverImage: 'registry/caravel:1' });
  });

  it('run the worker without privileges', () => {
    const deployment = find('Deployment', 'caravel') as Manifest & { spec: { template: { spec: object } } };
    expect(deployment.spec.template.spec).toMatchObject({
      serviceAccountName: 'caravel',
      securityContext: { runAsNonRoot: true },
      containers: [
        {
          args: ['worker/main.ts'],
          securityContext: {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ['ALL'] },
          },
        },
      ],
    });
  });

  it('give movers no token, no right and no way but to the store and DNS', () => {
    expect(find('ServiceAccount', 'caravel-mover')).toMatchObject({ automountServiceAccountToken: false });
    const bound = manifests.filter(({ kind }) => kind.endsWith('RoleBinding'));
    for (const binding of bound) expect(JSON.stringify(binding)).not.toContain('caravel-mover');
    expect(find('NetworkPolicy', 'caravel-mover')).toMatchObject({
      spec: {
        podSelector: { matchLabels: { 'app.kubernetes.io/component': 'mover' } },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [],
        egress: [
          {},
          { to: [{ ipBlock: { cidr: '10.0.0.1/32' } }], ports: [{ protocol: 'TCP', port: 9000 }] },
        ],
      },
    });
  });
});
