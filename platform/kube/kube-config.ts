import { registerHooks } from 'node:module';
import type { KubeConfig as ClientNodeConfig } from '@kubernetes/client-node';

/**
 * client-node's KubeConfig without the classes that it generates for every API. Nobody here uses them (ADR 6), and
 * they would take half a second and 40 MB of each process that talks to a cluster.
 */
const hooks = registerHooks({
  resolve(specifier, context, nextResolve) {
    const generated =
      specifier === './gen/index.js' &&
      context.parentURL?.endsWith('/@kubernetes/client-node/dist/config.js') === true;
    return nextResolve(
      generated ? new URL('kube-config-needs.ts', import.meta.url).href : specifier,
      context,
    );
  },
});
export type KubeConfig = ClientNodeConfig;
export const { KubeConfig } = await import('@kubernetes/client-node/dist/config.js');
hooks.deregister();
