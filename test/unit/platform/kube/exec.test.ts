import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { execInPod, type ExecOptions } from '../../../../platform/kube/exec.ts';
import { EXEC } from '../../../../platform/kube/limits.ts';
import { Transport } from '../../../../platform/kube/transport.ts';
import { configFor, startFakeApi, status, type FakeApi } from '../../../support/fake-api.ts';
import { acceptWebSocket, type FakeSocket } from '../../../support/fake-websocket.ts';

const SUCCESS = JSON.stringify({ status: 'Success' });
const exitStatus = (code: string) =>
  JSON.stringify({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: code }] },
  });

let api: FakeApi;
/** Path and query of the last command. */
let asked = '';
beforeEach(async () => {
  api = await startFakeApi((_request, response) => status(response, 404, 'NotFound'));
});
afterEach(() => api.close());

/** The container's side of the next command. */
function container(act: (socket: FakeSocket) => void, protocol = 'v5.channel.k8s.io') {
  api.onUpgrade = (request, socket) => {
    asked = request.url ?? '';
    act(acceptWebSocket(request, socket, protocol));
  };
}

const run = (options?: ExecOptions, command = ['sh', '-c', 'x']) =>
  execInPod(api.transport, { namespace: 'app', pod: 'web-0', container: 'main', command }, options);

describe('exec', () => {
  it('gives output and exit code', async () => {
    container((socket) => {
      socket.send(1, '');
      socket.send(1, Buffer.from('gr€').subarray(0, 3));
      socket.send(2, 'warn');
      socket.send(1, Buffer.from('gr€').subarray(3));
      socket.send(3, SUCCESS);
    });
    expect(await run()).toEqual({ exitCode: 0, stdout: 'gr€', stderr: 'warn' });
    const url = new URL(asked, 'http://api');
    expect(url.pathname).toBe('/api/v1/namespaces/app/pods/web-0/exec');
    expect(url.searchParams.getAll('command')).toEqual(['sh', '-c', 'x']);
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      container: 'main',
      stdout: 'true',
      stderr: 'true',
    });
    expect(url.searchParams.has('stdin')).toBe(false);
    await expect.poll(() => api.open).toBe(0);
  });

  it('gives the code of a command that failed', async () => {
    container((socket) => socket.send(3, exitStatus('137')));
    expect(await run()).toEqual({ exitCode: 137, stdout: '', stderr: '' });
  });

  it('passes on what could not be run', async () => {
    const body = { status: 'Failure', reason: 'InternalError', message: 'no such file: bsh', code: 500 };
    container((socket) => socket.send(3, JSON.stringify(body)));
    await expect(run()).rejects.toMatchObject({
      code: 500,
      reason: 'InternalError',
      message: 'no such file: bsh',
    });
  });

  it.each(['v5.channel.k8s.io', 'v4.channel.k8s.io'])('sends stdin over %s', async (protocol) => {
    const text = 'ä'.repeat(50_000);
    let got = Buffer.alloc(0);
    container((socket) => {
      socket.onMessage = (message) => {
        if (message[0] === 0) got = Buffer.concat([got, message.subarray(1)]);
        const all = protocol.startsWith('v4') && got.length === Buffer.byteLength(text);
        if (all || (message[0] === 255 && message[1] === 0)) socket.send(3, SUCCESS);
      };
    }, protocol);
    await run({ stdin: text });
    expect(got.toString()).toBe(text);
    expect(asked).toContain('stdin=true');
  });

  it('keeps the first MiB of each stream', async () => {
    container((socket) => {
      for (let i = 0; i < 40; i++) socket.send(1, Buffer.alloc(32 * 1024, 'x'));
      socket.send(3, SUCCESS);
    });
    const { stdout, truncated } = await run();
    expect(stdout).toHaveLength(EXEC.outputBytes);
    expect(truncated).toBe(true);
  });

  it('survives messages it does not know', async () => {
    container((socket) => {
      socket.send(255, Buffer.of(1));
      socket.send(9, 'x');
      socket.send(3, '');
      socket.send(3, SUCCESS);
    });
    expect(await run()).toMatchObject({ exitCode: 0 });
  });
});

describe('exec fails', () => {
  it('with the Status of a refusal', async () => {
    const socketless = (code: number, body: string) =>
      `HTTP/1.1 ${code} No\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`;
    const body = JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'pods/exec is forbidden' });
    api.onUpgrade = (_request, socket) => void socket.end(socketless(403, body));
    await expect(run()).rejects.toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'pods/exec is forbidden',
    });
  });

  it('when the connection ends without an exit code', async () => {
    container((socket) => {
      socket.send(1, 'half');
      setTimeout(() => socket.socket.destroy(), 10);
    });
    await expect(run()).rejects.toMatchObject({ code: 0, reason: 'Disconnected' });
  });

  it('when the exit code cannot be read', async () => {
    container((socket) => socket.send(3, '{'));
    await expect(run()).rejects.toMatchObject({ code: 0, reason: 'Malformed' });
  });

  it('when its time is over, whether connected or not', async () => {
    container((socket) => socket.send(1, 'x'));
    await expect(run({ timeoutMs: 50 })).rejects.toMatchObject({ code: 0, reason: 'Timeout' });
    api.onUpgrade = () => undefined;
    await expect(run({ timeoutMs: 50 })).rejects.toMatchObject({ code: 0, reason: 'Timeout' });
    await expect.poll(() => api.open).toBe(0);
  });

  it('when the signal aborts, and when the client is closed', async () => {
    const stop = new AbortController();
    container(() => setTimeout(() => stop.abort(new Error('stop')), 10));
    await expect(run({ signal: stop.signal })).rejects.toThrow('stop');
    await expect(run({ signal: stop.signal })).rejects.toThrow('stop');
    container(() => setTimeout(() => void api.transport.close(), 10));
    await expect(run()).rejects.toMatchObject({ code: 0 });
  });

  it('without trying again when the command may have been started', async () => {
    let tries = 0;
    api.onUpgrade = (_request, socket) => (tries++, void socket.destroy());
    await expect(run()).rejects.toMatchObject({ code: 0, reason: 'Disconnected' });
    expect(tries).toBe(1);
  });

  it('when nobody is there', async () => {
    const gone = await startFakeApi(() => undefined);
    await gone.close();
    const nowhere = new Transport(configFor(gone.url));
    const target = { namespace: 'app', pod: 'web-0', container: 'main', command: ['x'] };
    await expect(execInPod(nowhere, target)).rejects.toMatchObject({ code: 0, reason: 'Unreachable' });
    await nowhere.close();
  });

  it('for a name that cannot be', async () => {
    const target = { namespace: 'app', pod: '../x', container: 'main', command: [] };
    await expect(execInPod(api.transport, target)).rejects.toThrow(TypeError);
  });
});
