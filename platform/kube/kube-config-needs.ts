/** What KubeConfig uses of client-node's generated code; kube-config.ts puts it in the place of all the rest. */
export { createConfiguration } from '@kubernetes/client-node/dist/gen/configuration.js';
export { ServerConfiguration } from '@kubernetes/client-node/dist/gen/servers.js';
