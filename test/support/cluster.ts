import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { labEnv } from '../../lab/env.ts';
import { createKubeClient } from '../../platform/kube/client.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';

/** The real API server of the tests: the one of KUBECONFIG, or else the running lab's. */
export const kubeconfig = (): string => process.env['KUBECONFIG'] ?? labEnv().KUBECONFIG;

export const connectKube = (): KubeClient => createKubeClient({ kubeconfigPath: kubeconfig() });

const CRDS = { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' };
const NAMESPACES = { group: '', version: 'v1', resource: 'namespaces' };

const FOLDER = join(import.meta.dirname, '../../deploy/crds');

export const crdObjects = (): KubeObject[] =>
  readdirSync(FOLDER).map((file) => parse(readFileSync(join(FOLDER, file), 'utf8')) as KubeObject);

interface Established extends KubeObject {
  status?: { conditions?: { type: string; status: string; message: string }[] };
}

/** Applies every definition and returns the conditions that say something against one. */
export async function applyCrds(kube: KubeClient): Promise<string[]> {
  const faults: string[] = [];
  for (const crd of crdObjects()) {
    const { name } = crd.metadata;
    await kube.patch(CRDS, undefined, name, crd, { type: 'apply', fieldManager: 'caravel', force: true });
    const test = (object: Established | undefined) => {
      const conditions = object?.status?.conditions ?? [];
      return conditions.some(({ type, status }) => type === 'Established' && status === 'True')
        ? conditions
        : undefined;
    };
    const conditions = await kube.waitFor(CRDS, undefined, name, test, { timeoutMs: 30_000 });
    const bad = conditions.filter(
      ({ type, status }) => (status === 'True') === (type === 'NonStructuralSchema'),
    );
    faults.push(...bad.map(({ message }) => `${name}: ${message}`));
  }
  return faults;
}

/** A namespace of its own for each test file: no controller looks there. */
export async function makeNamespace(kube: KubeClient, prefix: string): Promise<string> {
  const name = `${prefix}-${randomBytes(4).toString('hex')}`;
  await kube.create(NAMESPACES, undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  return name;
}

export const removeNamespace = (kube: KubeClient, name: string): Promise<boolean> =>
  kube.remove(NAMESPACES, undefined, name);

/** Has etcd forget all versions up to now, as it does by itself every five minutes. */
export async function forgetVersions(kube: KubeClient): Promise<void> {
  let revision = '';
  for await (const page of kube.pages(NAMESPACES)) revision = page.resourceVersion;
  const { hostname } = new URL(labEnv().S3_ENDPOINT);
  const answer = await fetch(`http://${hostname}:2379/v3/kv/compaction`, {
    method: 'POST',
    body: JSON.stringify({ revision, physical: true }),
  });
  const text = await answer.text();
  if (!answer.ok && !text.includes('compacted')) throw new Error(`etcd: ${text}`);
}
