import { messageOf } from '../../core/errors/catalog.ts';
import { Scope } from './abort.ts';
import { fromStatus, noAnswer } from './errors.ts';
import { GVRS, objectPath } from './gvr.ts';
import { parseJson } from './json.ts';
import { EXEC } from './limits.ts';
import type { OpenSocket } from './socket.ts';
import type { Transport } from './transport.ts';
import type { ExecResult } from './types.ts';

export interface ExecTarget {
  namespace: string;
  pod: string;
  container: string;
  command: string[];
}

export interface ExecOptions {
  timeoutMs?: number;
  stdin?: string;
  signal?: AbortSignal | undefined;
}

/** Channels of Kubernetes' remote command protocol: the first byte of each message. */
const CHANNEL = { stdin: 0, stdout: 1, stderr: 2, status: 3, close: 255 } as const;
/** v5 can end stdin; a server before 1.30 knows v4 only. */
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const STDIN_CHUNK = 32 * 1024;

/**
 * Runs a command in a container, for hooks and other small things. A command that ran has an exit code; everything
 * else is thrown: an HTTP code or `Unreachable` when it was not started, `Timeout` and `Disconnected` when its fate
 * is unknown (it goes on in the container), and the server's Status when it could not be run.
 */
export async function execInPod(
  transport: Transport,
  { namespace, pod, container, command }: ExecTarget,
  { timeoutMs = EXEC.timeout, stdin, signal }: ExecOptions = {},
): Promise<ExecResult> {
  const path = objectPath(GVRS.pods, namespace, pod, 'exec');
  const query = {
    container,
    stdout: true,
    stderr: true,
    stdin: stdin === undefined ? undefined : true,
    command,
  };
  const request = `EXEC ${namespace}/${pod} ${container}`;
  const session = new Session(request);
  const scope = new Scope(signal);
  scope.after(timeoutMs, () => noAnswer('Timeout', request, `not finished after ${timeoutMs} ms`));
  scope.signal.addEventListener('abort', () => session.fail(scope.signal.reason));
  let socket: OpenSocket | undefined;
  try {
    socket = await transport.connect({ path, query, signal: scope.signal }, PROTOCOLS, session);
    if (stdin !== undefined) sendStdin(socket, Buffer.from(stdin));
    return await session.result;
  } finally {
    socket?.destroy();
    scope.close();
  }
}

function sendStdin(socket: OpenSocket, data: Buffer): void {
  for (let at = 0; at < data.length; at += STDIN_CHUNK) {
    socket.send(Buffer.concat([Buffer.of(CHANNEL.stdin), data.subarray(at, at + STDIN_CHUNK)]));
  }
  if (socket.protocol === PROTOCOLS[0]) socket.send(Buffer.of(CHANNEL.close, CHANNEL.stdin));
}

/** One command: gathers its output until the status comes or the connection ends. */
class Session {
  readonly result: Promise<ExecResult>;
  readonly #request: string;
  readonly #stdout = new Output();
  readonly #stderr = new Output();
  readonly #resolve: (result: ExecResult) => void;
  readonly fail: (error: unknown) => void;

  constructor(request: string) {
    this.#request = request;
    const { promise, resolve, reject } = Promise.withResolvers<ExecResult>();
    this.result = promise;
    this.#resolve = resolve;
    this.fail = reject;
    // It may fail while the connection is still being made, which then fails for the same reason.
    promise.catch(() => undefined);
  }

  readonly receive = (message: Buffer): void => {
    const data = message.subarray(1);
    if (message[0] === CHANNEL.stdout) this.#stdout.add(data);
    else if (message[0] === CHANNEL.stderr) this.#stderr.add(data);
    else if (message[0] === CHANNEL.status && data.length > 0) this.#finish(data);
  };

  readonly ended = (why: string): void =>
    this.fail(noAnswer('Disconnected', this.#request, `the connection ended without an exit code (${why})`));

  #finish(status: Buffer): void {
    try {
      this.#resolve({
        exitCode: exitCodeOf(status, this.#request),
        stdout: this.#stdout.text(),
        stderr: this.#stderr.text(),
        ...((this.#stdout.cut || this.#stderr.cut) && { truncated: true }),
      });
    } catch (error) {
      this.fail(error);
    }
  }
}

/** The first EXEC.outputBytes of a stream. */
class Output {
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  cut = false;

  add(data: Buffer): void {
    const part = data.subarray(0, EXEC.outputBytes - this.#bytes);
    this.cut ||= part.length < data.length;
    this.#bytes += part.length;
    if (part.length > 0) this.#parts.push(part);
  }

  text(): string {
    return Buffer.concat(this.#parts).toString('utf8');
  }
}

interface ExecStatus {
  status?: string;
  reason?: string;
  message?: string;
  code?: number;
  details?: { causes?: { reason?: string; message?: string }[] };
}

function exitCodeOf(data: Buffer, request: string): number {
  let status: ExecStatus;
  try {
    status = parseJson<ExecStatus>(data);
  } catch (error) {
    throw noAnswer('Malformed', request, `the exit status is not JSON: ${messageOf(error)}`, error);
  }
  if (status.status === 'Success') return 0;
  const exit = Number(status.details?.causes?.find(({ reason }) => reason === 'ExitCode')?.message);
  if (status.reason === 'NonZeroExitCode' && Number.isInteger(exit)) return exit;
  throw fromStatus(status, status.code ?? 500, request);
}
