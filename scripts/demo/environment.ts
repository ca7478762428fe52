import { existsSync } from 'node:fs';
import { takeDown } from '../../lab/cluster/down.ts';
import { bringUp } from '../../lab/cluster/up.ts';
import { defaultLabName, labEnv } from '../../lab/env.ts';
import { clusterVariables } from '../../lab/existing-cluster.ts';
import { deploy, deployTo, loadTestImages } from '../../lab/image-commands.ts';
import { findLab, requireLab } from '../../lab/layout.ts';
import { DEFAULT_NAMESPACE } from '../../contracts/settings.ts';
import { createKubeClient } from '../../platform/kube/client.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import type { KubeClient, KubeObject } from '../../platform/kube/types.ts';
import type { Screen } from './screen.ts';

/** The cluster of the demonstration: a lab of its own, or any other with Caravel's needs. */
export interface Environment {
  /** For the processes that are started. */
  variables: NodeJS.ProcessEnv;
  kube: KubeClient;
  controlNamespace: string;
  storageClass: string;
  images: { postgres: string; web: string };
  temporalUi: string | undefined;
  /** Everything in the bucket may be removed. */
  ownsBucket: boolean;
  /** How to get rid of the cluster; undefined when it was there before. */
  takeDown: (() => Promise<void>) | undefined;
}

/** Ends a lab that this demonstration has begun to start, however far it came. */
export type OnLab = (takeDown: () => Promise<void>) => void;

export async function prepareLab(screen: Screen, onLab: OnLab, signal: AbortSignal): Promise<Environment> {
  const name = defaultLabName;
  const down = findLab(name)
    ? undefined
    : (): Promise<void> => takeDown(name, (text) => screen.line(`  ${text}`));
  if (down) onLab(down);
  await screen.loud(`lab "${name}": Kubernetes, CSI driver, Temporal, S3 server`, async (tell) => {
    await bringUp(name, tell);
  });
  signal.throwIfAborted();
  await screen.loud('images of the application', (tell) => loadTestImages(requireLab(name), tell));
  signal.throwIfAborted();
  await screen.loud('Caravel: image, custom resource definitions, two workers', (tell) =>
    deploy(requireLab(name), false, tell),
  );
  const lab = labEnv(name);
  return {
    variables: { ...process.env, ...lab },
    kube: createKubeClient({ kubeconfigPath: lab.KUBECONFIG }),
    controlNamespace: lab.CONTROL_NAMESPACE,
    storageClass: 'caravel-csi',
    images: { postgres: 'localhost/lab-postgres:15', web: 'localhost/lab-web:1' },
    temporalUi: lab.TEMPORAL_UI_URL,
    ownsBucket: true,
    takeDown: down,
  };
}

const IMAGES = { postgres: 'docker.io/library/postgres:15-bookworm', web: 'docker.io/library/busybox:1.37' };

export async function prepareCluster(screen: Screen, kubeconfig: string): Promise<Environment> {
  if (!existsSync(kubeconfig)) throw new Error(`--kubeconfig: there is no file ${kubeconfig}`);
  const { env } = process;
  const controlNamespace = env['CONTROL_NAMESPACE'] ?? DEFAULT_NAMESPACE;
  const kube = createKubeClient({ kubeconfigPath: kubeconfig });
  const storageClass = env['DEMO_STORAGE_CLASS'] ?? (await defaultStorageClass(kube));
  if (await kube.find(GVRS.deployments, controlNamespace, 'caravel')) {
    screen.line(`  Caravel is deployed in namespace ${controlNamespace} already and is used as it is`);
  } else {
    const variables = clusterVariables(kubeconfig, env);
    await screen.loud('Caravel: custom resource definitions, two workers', (tell) =>
      deployTo(variables, tell),
    );
  }
  return {
    variables: { ...env, KUBECONFIG: kubeconfig },
    kube,
    controlNamespace,
    storageClass,
    images: {
      postgres: env['DEMO_POSTGRES_IMAGE'] ?? IMAGES.postgres,
      web: env['DEMO_WEB_IMAGE'] ?? IMAGES.web,
    },
    temporalUi: env['TEMPORAL_UI_URL'],
    ownsBucket: false,
    takeDown: undefined,
  };
}

async function defaultStorageClass(kube: KubeClient): Promise<string> {
  const classes = await kube.list<KubeObject>(GVRS.storageclasses);
  const marked = classes.find(
    ({ metadata }) => metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true',
  );
  if (marked) return marked.metadata.name;
  throw new Error('The cluster has no default StorageClass: name one in DEMO_STORAGE_CLASS.');
}
