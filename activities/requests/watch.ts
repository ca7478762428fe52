import { GVR } from '../../contracts/api/gvr.ts';
import { readResource } from '../../contracts/api/meta.ts';
import type { CustomResource } from '../../contracts/api/meta.ts';
import type { DownloadRequest, ServerStatusRequest } from '../../contracts/api/requests.ts';
import { OUTAGE_RETRY, TIMEOUTS } from '../../contracts/settings.ts';
import { messageOf } from '../../core/errors/catalog.ts';
import type { Gvr } from '../../platform/kube/types.ts';
import type { Deps } from '../support/deps.ts';
import { pause } from '../support/pause.ts';
import * as download from './download.ts';
import * as serverStatus from './server-status.ts';

/**
 * The requests by which command lines ask: answered where they are seen, because their client waits and a workflow
 * for each would only cost time. An answer is one write and harmless twice.
 */
interface Kind<Request extends CustomResource> {
  gvr: Gvr;
  serve: (deps: Deps, request: Request) => Promise<void>;
  isOver: (request: Request) => boolean;
}

const DOWNLOADS: Kind<DownloadRequest> = {
  gvr: GVR.downloadRequests,
  serve: download.serveDownload,
  isOver: download.isOver,
};
const STATUS: Kind<ServerStatusRequest> = {
  gvr: GVR.serverStatusRequests,
  serve: serverStatus.answerServerStatus,
  isOver: serverStatus.isOver,
};

/** Ends when the signal aborts. Nothing that goes wrong here may end the controller, which starts runs. */
export async function watchRequests(deps: Deps, namespace: string, signal: AbortSignal): Promise<void> {
  await Promise.all([follow(deps, DOWNLOADS, namespace, signal), follow(deps, STATUS, namespace, signal)]);
}

async function follow<Request extends CustomResource>(
  deps: Deps,
  kind: Kind<Request>,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  const swept = sweepRegularly(deps, kind, namespace, signal);
  while (!signal.aborted) {
    try {
      await watch(deps, kind, namespace, signal);
    } catch (error) {
      deps.log.warn(`${kind.gvr.resource} cannot be watched`, { error: messageOf(error) });
      await pause(OUTAGE_RETRY.maximumIntervalMs, signal);
    }
  }
  await swept;
}

async function watch<Request extends CustomResource>(
  deps: Deps,
  kind: Kind<Request>,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  for await (const { type, object } of deps.kube.watch(kind.gvr, { namespace, signal })) {
    if (!object || type === 'DELETED') continue;
    // Not waited for: one request whose store is slow must not hold up the others.
    void serveSurely(deps, kind, readResource<Request>(object), signal);
  }
}

/** Tries again through outages; a request that is over is nobody's any more. */
async function serveSurely<Request extends CustomResource>(
  deps: Deps,
  { gvr, serve }: Kind<Request>,
  request: Request,
  signal: AbortSignal,
): Promise<void> {
  const giveUp = Date.now() + TIMEOUTS.downloadLink;
  while (!signal.aborted && Date.now() < giveUp) {
    try {
      return await serve(deps, request);
    } catch (error) {
      const { name } = request.metadata;
      deps.log.warn(`${gvr.resource} ${name} cannot be answered yet`, { error: messageOf(error) });
      await pause(TIMEOUTS.requestRetry, signal);
    }
  }
}

async function sweepRegularly<Request extends CustomResource>(
  deps: Deps,
  kind: Kind<Request>,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await sweep(deps, kind, namespace, signal);
    } catch (error) {
      deps.log.warn(`old ${kind.gvr.resource} were not removed`, { error: messageOf(error) });
    }
    await pause(TIMEOUTS.requestSweep, signal);
  }
}

/** Removes the requests that are over, also those that nobody could answer. */
async function sweep<Request extends CustomResource>(
  { kube }: Deps,
  { gvr, isOver }: Kind<Request>,
  namespace: string,
  signal: AbortSignal,
): Promise<void> {
  for (const raw of await kube.list(gvr, { namespace, signal })) {
    const request = readResource<Request>(raw);
    const { name, uid } = request.metadata;
    if (isOver(request)) await kube.remove(gvr, namespace, name, uid === undefined ? {} : { uid });
  }
}
