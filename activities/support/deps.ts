import type { Client } from '@temporalio/client';
import type { Config } from '../../platform/config/config.ts';
import type { KubeClient } from '../../platform/kube/types.ts';
import type { Log } from '../../platform/log/log.ts';

/** What activities are built from; made once per worker process. */
export interface Deps {
  kube: KubeClient;
  /** Temporal client on the worker's own connection. */
  temporal: Client;
  config: Config;
  log: Log;
}
