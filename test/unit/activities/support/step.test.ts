import { setTimeout as delay } from 'node:timers/promises';
import { ApplicationFailure, CompleteAsyncError } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { describe, expect, it } from 'vitest';
import { activity } from '../../../../activities/support/step.ts';
import type { Step } from '../../../../activities/support/step.ts';
import { CaravelError } from '../../../../core/errors/catalog.ts';
import { KubeError } from '../../../../platform/kube/errors.ts';

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, log() {} };

function environment(heartbeatDetails?: unknown) {
  const env = new MockActivityEnvironment(heartbeatDetails === undefined ? {} : { heartbeatDetails }, {
    logger: quiet,
  });
  const beats: unknown[] = [];
  env.on('heartbeat', (details: unknown) => beats.push(details));
  return { env, beats, run: <I, O>(step: Step<I, O>, input?: I) => env.run(activity(step), input as I) };
}

async function thrownBy(error: unknown): Promise<unknown> {
  const { run } = environment();
  try {
    return await run(async () => {
      throw error;
    });
  } catch (thrown) {
    return thrown;
  }
}

describe('a step', () => {
  it('gets its input and returns its result', async () => {
    const { run } = environment();
    expect(await run(async (input: number) => input * 2, 21)).toBe(42);
  });

  it('that is short does not bother the server with heartbeats', async () => {
    const { run, beats } = environment();
    await run(async () => delay(50));
    expect(beats).toEqual([]);
  });

  it('goes on living with what it noted last', async () => {
    const { run, beats } = environment();
    await run(async (_input, _signal, beat) => {
      beat.details = { attempt: 3 };
      await delay(1_700);
    });
    expect(beats).toEqual([{ attempt: 3 }]);
  });

  it('finds what an earlier attempt noted, and passes it on even when it dies at once', async () => {
    const { run, beats } = environment({ attempt: 3 });
    await run(async (_input, _signal, beat) => expect(beat.details).toEqual({ attempt: 3 }));
    expect(beats).toEqual([{ attempt: 3 }]);
  });

  it('learns by its signal that it is cancelled, and ends as cancelled whatever it throws then', async () => {
    const { env, run } = environment();
    const running = run(async (_input, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      throw new Error('socket closed');
    });
    env.cancel();
    await expect(running).rejects.toBeInstanceOf(CancelledFailure);
  });
});

describe('the error of a step', () => {
  it('that is in the catalogue leaves with its code, and its hint', async () => {
    const error = await thrownBy(new CaravelError('BackupNotFound', 'no backup b'));
    expect(error).toBeInstanceOf(ApplicationFailure);
    expect(error).toMatchObject({
      type: 'BackupNotFound',
      message: 'no backup b',
      nonRetryable: true,
      details: [{ code: 'BackupNotFound', hint: expect.stringContaining('caravel backup get') }],
    });
  });

  it('that may pass is retried', async () => {
    expect(await thrownBy(new CaravelError('StoreUnavailable', 'away'))).toMatchObject({
      type: 'StoreUnavailable',
      nonRetryable: false,
    });
    expect(await thrownBy(new CaravelError('StoreAccessDenied', 'clock', { retryable: true }))).toMatchObject(
      {
        type: 'StoreAccessDenied',
        nonRetryable: false,
      },
    );
  });

  it('of the API server gets a code of the catalogue', async () => {
    const refused = (code: number, reason: string) =>
      new KubeError({ code, reason, message: `${reason}: no`, request: 'GET /api' });
    expect(await thrownBy(refused(403, 'Forbidden'))).toMatchObject({
      type: 'KubeForbidden',
      nonRetryable: true,
    });
    expect(await thrownBy(refused(503, 'ServiceUnavailable'))).toMatchObject({
      type: 'KubeUnavailable',
      nonRetryable: false,
    });
  });

  it('that nobody foresaw is Internal, and retried', async () => {
    expect(await thrownBy(new TypeError('x is undefined'))).toMatchObject({
      type: 'Internal',
      message: 'x is undefined',
      nonRetryable: false,
    });
    expect(await thrownBy('text')).toMatchObject({ type: 'Internal', message: 'text' });
  });

  it("that is Temporal's own is left alone", async () => {
    const failure = ApplicationFailure.create({ type: 'Mine', message: 'as it is' });
    expect(await thrownBy(failure)).toBe(failure);
    const later = new CompleteAsyncError();
    expect(await thrownBy(later)).toBe(later);
  });
});
