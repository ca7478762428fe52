import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Binaries } from './build/binaries.ts';
import { buckets, s3Region } from './cluster/buckets.ts';
import { readCredentials } from './cluster/certificates.ts';
import { adminKubeconfig } from './cluster/configs.ts';
import { type Lab, ports, requireLab } from './layout.ts';

export const defaultLabName = process.env.CARAVEL_LAB ?? 'lab';
export const controlNamespace = process.env.CONTROL_NAMESPACE ?? 'openshift-adp';

/** What programs and tests need in order to use a lab; all addresses are right on the host and in pods. */
export interface LabEnvironment {
  CARAVEL_LAB: string;
  CARAVEL_CLUSTER: string;
  CARAVEL_TASK_QUEUE: string;
  /** Only after `deploy` or `load-image` of a Caravel image. */
  CARAVEL_IMAGE?: string;
  CONTROL_NAMESPACE: string;
  KUBECONFIG: string;
  TEMPORAL_ADDRESS: string;
  TEMPORAL_NAMESPACE: string;
  TEMPORAL_UI_URL: string;
  S3_ENDPOINT: string;
  S3_ACCESS_KEY_ID: string;
  S3_SECRET_ACCESS_KEY: string;
  S3_REGION: string;
  S3_BUCKET: string;
  S3_BUCKET_2: string;
  /** The same endpoint as network policies want it. */
  STORE_CIDR: string;
  STORE_PORT: string;
  /** Folders with kubectl, kopia, temporal and the other programs, for PATH. */
  LAB_PATH: string;
}

const environmentFile = (lab: Lab): string => join(lab.dir, 'env.json');

export function writeEnvironment(lab: Lab, binaries: Binaries): LabEnvironment {
  const { s3AccessKey, s3SecretKey } = readCredentials(lab);
  const environment: LabEnvironment = {
    CARAVEL_LAB: lab.name,
    CARAVEL_CLUSTER: 'local',
    CARAVEL_TASK_QUEUE: 'caravel',
    ...(lab.image ? { CARAVEL_IMAGE: lab.image } : {}),
    CONTROL_NAMESPACE: controlNamespace,
    KUBECONFIG: adminKubeconfig(lab),
    TEMPORAL_ADDRESS: `${lab.address}:${ports.temporal}`,
    TEMPORAL_NAMESPACE: 'default',
    TEMPORAL_UI_URL: `http://${lab.address}:${ports.temporalUi}`,
    S3_ENDPOINT: `http://${lab.address}:${ports.s3}`,
    S3_ACCESS_KEY_ID: s3AccessKey,
    S3_SECRET_ACCESS_KEY: s3SecretKey,
    S3_REGION: s3Region,
    S3_BUCKET: buckets[0],
    S3_BUCKET_2: buckets[1],
    STORE_CIDR: `${lab.address}/32`,
    STORE_PORT: String(ports.s3),
    LAB_PATH: binaries.folders().join(':'),
  };
  writeFileSync(environmentFile(lab), JSON.stringify(environment, null, 2), { mode: 0o600 });
  return environment;
}

/** The environment of a lab that is up. */
export function labEnv(name: string = defaultLabName): LabEnvironment {
  const lab = requireLab(name);
  return JSON.parse(readFileSync(environmentFile(lab), 'utf8')) as LabEnvironment;
}

/** Shell lines for `eval "$(npm run --silent lab -- env)"`. */
export function exportLines(environment: Partial<LabEnvironment> | Record<string, string>): string {
  const { LAB_PATH: path, ...rest } = environment;
  const lines = Object.entries(rest).map(([key, value]) => `export ${key}=${quoted(value ?? '')}`);
  return [...lines, ...(path ? [`export PATH=${quoted(path)}:"$PATH"`] : [])].join('\n');
}

const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`;
