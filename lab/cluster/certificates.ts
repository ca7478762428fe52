import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../host/command.ts';
import type { Lab } from '../layout.ts';

export interface Credentials {
  adminToken: string;
  kubeletToken: string;
  s3AccessKey: string;
  s3SecretKey: string;
}

export const pki = (lab: Lab, file: string): string => join(lab.dir, 'pki', file);

export function readCredentials(lab: Lab): Credentials {
  return JSON.parse(readFileSync(pki(lab, 'credentials.json'), 'utf8')) as Credentials;
}

/** Certificate authority, certificates, keys and tokens; made once in a lab's life. */
export async function createCredentials(lab: Lab): Promise<void> {
  if (existsSync(pki(lab, 'credentials.json'))) return;
  mkdirSync(join(lab.dir, 'pki'), { recursive: true, mode: 0o700 });
  await selfSigned(lab, 'ca', '/CN=caravel-lab-ca', ['basicConstraints=critical,CA:TRUE']);
  const names = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'localhost', lab.nodeName];
  const addresses = [lab.address, lab.serviceAddress, '127.0.0.1'];
  const subjects = [...names.map((name) => `DNS:${name}`), ...addresses.map((address) => `IP:${address}`)];
  await Promise.all([
    signed(lab, 'apiserver', '/CN=kube-apiserver', [
      `subjectAltName=${subjects.join(',')}`,
      'extendedKeyUsage=serverAuth',
    ]),
    signed(lab, 'apiserver-kubelet', '/CN=caravel-lab-apiserver', ['extendedKeyUsage=clientAuth']),
    run('openssl', ['genrsa', '-out', pki(lab, 'service-account.key'), '2048']),
  ]);
  const token = (): string => randomBytes(24).toString('hex');
  const credentials: Credentials = {
    adminToken: token(),
    kubeletToken: token(),
    s3AccessKey: 'caravel',
    s3SecretKey: token(),
  };
  const tokens = [
    `${credentials.adminToken},lab-admin,lab-admin,"system:masters"`,
    `${credentials.kubeletToken},system:node:${lab.nodeName},${lab.nodeName},"system:nodes"`,
  ];
  writeFileSync(pki(lab, 'tokens.csv'), `${tokens.join('\n')}\n`, { mode: 0o600 });
  writeFileSync(pki(lab, 'credentials.json'), JSON.stringify(credentials), { mode: 0o600 });
}

const keyOptions = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650'];

async function selfSigned(lab: Lab, name: string, subject: string, extensions: string[]): Promise<void> {
  await certificate(lab, { name, subject, extensions, signer: [] });
}

async function signed(lab: Lab, name: string, subject: string, extensions: string[]): Promise<void> {
  const signer = ['-CA', pki(lab, 'ca.crt'), '-CAkey', pki(lab, 'ca.key')];
  await certificate(lab, { name, subject, extensions, signer });
}

interface CertificateRequest {
  name: string;
  subject: string;
  extensions: string[];
  signer: string[];
}

async function certificate(lab: Lab, request: CertificateRequest): Promise<void> {
  const { name, subject, extensions, signer } = request;
  const out = ['-keyout', pki(lab, `${name}.key`), '-out', pki(lab, `${name}.crt`)];
  const added = extensions.flatMap((extension) => ['-addext', extension]);
  await run('openssl', ['req', '-x509', ...keyOptions, '-subj', subject, ...out, ...added, ...signer]);
}
