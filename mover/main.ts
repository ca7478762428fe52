import { Stages, Stop, stopped } from './context.ts';
import type { Mover } from './context.ts';
import { backup } from './backup.ts';
import { eventWriter } from './events.ts';
import type { Emit } from './events.ts';
import { moverPaths, readInputs } from './inputs.ts';
import type { MoverInputs } from './inputs.ts';
import { LINGER } from './limits.ts';
import { stallTime } from './liveness.ts';
import { asCaravelError } from './persist.ts';
import { restore } from './restore.ts';
import { restoreBlock } from './restore-block.ts';
import { LIMITS } from '../contracts/settings.ts';
import { openKopia } from '../platform/kopia/kopia.ts';
import { receiveMetrics } from '../platform/kopia/metrics.ts';
import { redactor } from '../platform/kopia/redact.ts';

/**
 * The main process of a mover pod: carries one volume's data between the volume and a Kopia repository, and tells of
 * it in JSON lines. Its imports are few on purpose: the pod's start is part of every backup's time.
 */

const stop = new Stop();
// Before anything else: as process 1 a signal without a handler would be ignored.
process.on('SIGTERM', () => stop.request());
process.on('SIGINT', () => stop.request());

async function transfer({ spec, credentials, paths, stallMs }: MoverInputs, emit: Emit): Promise<void> {
  const restores = spec.direction === 'restore';
  const metrics = await receiveMetrics();
  const kopia = openKopia({
    ...{ spec: spec.repository, credentials, kopiaPath: paths.kopia, dir: paths.work },
    // Each direction has its own limit alone: under the other one kopia's small reads and writes would crawl, because
    // it reserves 20 MB for every object whose size it does not know.
    ...(restores ? { downloadLimit: spec.downloadLimit } : { uploadLimit: spec.uploadLimit }),
    readonly: restores,
    readers: spec.parallel || (restores ? LIMITS.parallelDown : LIMITS.parallelUp),
  });
  const mover: Mover = {
    ...{ spec, paths, kopia, metrics, emit, stop, stages: new Stages() },
    stallMs: stallTime(stallMs, spec, restores),
  };
  const result = await mover.stages.time('total', () => work(mover));
  metrics.close();
  emit({ t: 'result', result });
}

async function work(mover: Mover) {
  const { direction, volumeMode } = mover.spec;
  if (direction === 'backup') return backup(mover);
  if (volumeMode === 'Filesystem') return restore(mover);
  return restoreBlock(mover);
}

/**
 * A finished pod disappears from the API while its mount may still be live, so a restore stays until it is told to go.
 * A backup stays for a while, because the kubelet ends a running pod at once, but takes two seconds to clear a finished one.
 */
function untilStopped({ spec }: MoverInputs): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(alive);
      resolve();
    };
    const alive =
      spec.direction === 'restore' ? setInterval(() => undefined, 2 ** 30) : setTimeout(end, LINGER);
    if (stop.requested) end();
    else stop.signal.addEventListener('abort', end, { once: true });
  });
}

async function main(): Promise<number> {
  let emit = eventWriter(moverPaths(process.env).terminationLog, (text) => text);
  try {
    const inputs = readInputs(process.env);
    const { secretAccessKey, sessionToken, password } = inputs.credentials;
    emit = eventWriter(inputs.paths.terminationLog, redactor([secretAccessKey, sessionToken, password]));
    emit({ t: 'started', pid: process.pid, attempt: inputs.spec.attempt });
    await transfer(inputs, emit);
    await untilStopped(inputs);
    return 0;
  } catch (thrown) {
    const { code, message, retryable } = asCaravelError(stop.requested ? stopped() : thrown);
    emit({ t: 'error', code, message, retryable });
    return 1;
  }
}

// A child that hangs must not keep the pod alive.
process.exit(await main());
