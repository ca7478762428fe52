import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { locateBinaries } from '../build/binaries.ts';
import type { KubeObject } from '../cluster/kube-client.ts';
import type { LabEnvironment } from '../env.ts';
import { run } from '../host/command.ts';
import { awsPluginImage, veleroImage } from './names.ts';

export interface VeleroOptions {
  /** All that this Velero looks at, and where it lives. */
  namespace: string;
  bucket: string;
  prefix: string;
  /** Ten transfers at once on a node and ten workers for items, instead of one each. */
  tuned?: boolean;
  /** For a location whose repositories somebody else made; Velero's own is the same everywhere. */
  repositoryPassword?: string;
}

const nodeAgentConfig = 'node-agent-config';

/** What has to be there before `velero install`, and before Velero makes it by itself. */
export function prerequisites({ namespace, tuned, repositoryPassword }: VeleroOptions): KubeObject[] {
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    ...(tuned ? [loadConcurrency(namespace)] : []),
    ...(repositoryPassword === undefined ? [] : [repositorySecret(namespace, repositoryPassword)]),
  ];
}

/** What `velero install` would create, made by Velero's own program and unchanged. */
export async function veleroObjects(env: LabEnvironment, options: VeleroOptions): Promise<KubeObject[]> {
  const { namespace, bucket, prefix, tuned = false } = options;
  const scratch = mkdtempSync(join(tmpdir(), 'lab-velero-'));
  const credentials = join(scratch, 'cloud');
  const keys = [
    `aws_access_key_id=${env.S3_ACCESS_KEY_ID}`,
    `aws_secret_access_key=${env.S3_SECRET_ACCESS_KEY}`,
  ];
  try {
    writeFileSync(credentials, `[default]\n${keys.join('\n')}\n`, { mode: 0o600 });
    return await dryRun(env, [
      ...['--namespace', namespace, '--image', veleroImage],
      ...['--provider', 'aws', '--plugins', awsPluginImage],
      ...['--bucket', bucket, '--prefix', prefix, '--secret-file', credentials],
      `--backup-location-config=region=${env.S3_REGION},s3ForcePathStyle=true,s3Url=${env.S3_ENDPOINT}`,
      ...['--use-volume-snapshots=false', '--use-node-agent', '--features=EnableCSI'],
      ...(tuned ? [`--node-agent-configmap=${nodeAgentConfig}`, '--item-block-worker-count=10'] : []),
    ]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

/** Velero's own custom resource definitions. */
export const veleroDefinitions = (env: LabEnvironment): Promise<KubeObject[]> => dryRun(env, ['--crds-only']);

async function dryRun(env: LabEnvironment, args: string[]): Promise<KubeObject[]> {
  const velero = locateBinaries().program('velero', 'velero');
  const text = await run(velero, ['install', '--dry-run', '--output=yaml', ...args], {
    env: { ...process.env, KUBECONFIG: env.KUBECONFIG },
  });
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as (KubeObject & { items?: KubeObject[] }) | null)
    .flatMap((object) => object?.items ?? (object ? [object] : []));
}

const loadConcurrency = (namespace: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: nodeAgentConfig, namespace },
  data: { 'config.json': JSON.stringify({ loadConcurrency: { globalConfig: 10 } }) },
});

const repositorySecret = (namespace: string, password: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'velero-repo-credentials', namespace },
  stringData: { 'repository-password': password },
});
