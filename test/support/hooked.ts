import type { Backup } from '../../contracts/api/backup.ts';
import { FACTS_ANNOTATION } from '../../contracts/ids.ts';
import { GVRS } from '../../platform/kube/gvr.ts';
import { inPod, podRuns } from './application.ts';
import { lab } from './lab-command.ts';
import { namespaceObject, removeNamespace } from './world.ts';
import type { World } from './world.ts';

/**
 * An application that can be quiesced, and that keeps a book of its hooks outside of its volumes. While nobody quiesces
 * it, it counts, the same number into each of its volumes: volumes that were cut at one quiet moment agree.
 */

/** Waits for the writer to come to the end of its round. */
export const PRE =
  'echo "pre $(date +%s%3N)" >> /state/log; touch /state/quiet; flock /state/lock true; echo quiet';
export const POST = 'rm -f /state/quiet; echo "post $(date +%s%3N)" >> /state/log';

export const shell = (script: string) => ['sh', '-c', script];
export const annotated = (phase: 'pre' | 'post', script: string, more: Record<string, string> = {}) => {
  const fields = Object.entries({ command: JSON.stringify(shell(script)), ...more });
  return Object.fromEntries(
    fields.map(([field, value]) => [`${phase}.hook.backup.velero.io/${field}`, value]),
  );
};
export const HOOKS = { ...annotated('pre', PRE), ...annotated('post', POST) };

export interface HookedPod {
  claims: string[];
  annotations?: Record<string, string>;
  labels?: Record<string, string>;
}

const claim = (name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'caravel-csi',
    resources: { requests: { storage: '64Mi' } },
  },
});

function pod(name: string, { claims, annotations = HOOKS, labels = {} }: HookedPod, image: string) {
  const files = claims.map((each) => `/data/${each}/count`).join(' ') || '/state/count';
  const round = `n=$((n+1)); for f in ${files}; do echo $n > $f; done; echo $n > /state/n`;
  const script = [
    // What a restored volume held.
    `for f in ${files}; do [ ! -e $f ] || cp $f $(dirname $f)/first; done`,
    'echo 0 > /state/n',
    `while true; do [ -e /state/quiet ] || ( flock 9; n=$(cat /state/n); ${round} ) 9> /state/lock; sleep 0.02; done`,
  ].join('; ');
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, annotations, labels },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'Never',
          command: shell(script),
          volumeMounts: [
            { name: 'state', mountPath: '/state' },
            ...claims.map((each) => ({ name: each, mountPath: `/data/${each}` })),
          ],
        },
      ],
      volumes: [
        { name: 'state', emptyDir: {} },
        ...claims.map((each) => ({ name: each, persistentVolumeClaim: { claimName: each } })),
      ],
    },
  };
}

/** Returns when all pods run. */
export async function createHooked(
  world: World,
  namespace: string,
  pods: Record<string, HookedPod>,
): Promise<void> {
  const { kube } = world;
  await removeNamespace(kube, namespace);
  await kube.create(GVRS.namespaces, undefined, namespaceObject(namespace));
  for (const name of new Set(Object.values(pods).flatMap(({ claims }) => claims)))
    await kube.create(GVRS.persistentvolumeclaims, namespace, claim(name));
  for (const [name, options] of Object.entries(pods))
    await kube.create(GVRS.pods, namespace, pod(name, options, world.env.CARAVEL_IMAGE ?? ''));
  for (const name of Object.keys(pods)) await podRuns(world, namespace, name);
}

export interface Ran {
  what: string;
  at: number;
}

/** Which hooks ran in the pod, in their order, since the book was opened. */
export async function ranHooks(world: World, namespace: string, name: string): Promise<Ran[]> {
  const text = await inPod(world, namespace, name, shell('cat /state/log 2>/dev/null || true'));
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [what = '', at = ''] = line.split(' ');
    return { what, at: Number(at) };
  });
}

export const words = (ran: Ran[]) => ran.map(({ what }) => what);

export const isQuiet = async (world: World, namespace: string, name: string): Promise<boolean> =>
  (await inPod(world, namespace, name, shell('[ -e /state/quiet ] && echo yes || true'))).includes('yes');

export const newBook = async (world: World, namespace: string, name: string) =>
  await inPod(world, namespace, name, shell('rm -f /state/log /state/quiet'));

/** Bad storage; see lab/README.md. */
export async function fault(world: World, ...args: string[]): Promise<void> {
  await lab(world, 'fault', ...args);
}

export interface HookFacts {
  pods: string;
  attempted: number;
  failed: number;
  quiescedMs?: number;
  waitedMs?: number;
}

export const hookFactsOf = (backup: Backup): HookFacts[] => {
  const facts = backup.metadata.annotations?.[FACTS_ANNOTATION] ?? '{}';
  return (JSON.parse(facts) as { hooks?: HookFacts[] }).hooks ?? [];
};
