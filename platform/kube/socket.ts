import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { ping, WebSocket, type Dispatcher } from 'undici';
import { networkError, statusError } from './errors.ts';
import { EXEC, REQUEST } from './limits.ts';

/** A WebSocket over the client's own connections. A refusal is thrown with the Status the server gives for it. */

export interface SocketTarget {
  dispatcher: Dispatcher;
  url: URL;
  headers: Record<string, string>;
  protocols: string[];
  /** For messages. */
  request: string;
  receive: (data: Buffer) => void;
  /** Once, when the connection ends after it stood. */
  ended: (why: string) => void;
}

export interface OpenSocket {
  protocol: string;
  send: (data: Uint8Array) => void;
  /** At once, without the closing handshake: a dead peer would never answer it. */
  destroy: () => void;
}

export function openSocket(target: SocketTarget, signal: AbortSignal): Promise<OpenSocket> {
  const handshake = new Handshake();
  const socket = new WebSocket(target.url, {
    protocols: target.protocols,
    dispatcher: target.dispatcher.compose(handshake.observe),
    headers: target.headers,
  });
  socket.binaryType = 'arraybuffer';
  const { promise, resolve, reject } = Promise.withResolvers<OpenSocket>();
  const pings = setInterval(() => ping(socket), EXEC.ping);
  const destroy = () => {
    clearInterval(pings);
    handshake.socket?.destroy();
    if (handshake.socket === undefined) socket.close();
  };
  const onAbort = () => {
    reject(signal.reason);
    destroy();
  };
  let failure = '';
  socket.addEventListener('open', () => {
    signal.removeEventListener('abort', onAbort);
    resolve({ protocol: socket.protocol, send: (data) => socket.send(data), destroy });
  });
  socket.addEventListener('message', ({ data }) => {
    if (data instanceof ArrayBuffer) target.receive(Buffer.from(data));
  });
  socket.addEventListener('error', ({ message }) => (failure = message));
  socket.addEventListener('close', ({ code, reason }) => {
    signal.removeEventListener('abort', onAbort);
    clearInterval(pings);
    // Without effect when it was open.
    reject(handshake.refusal(target.request));
    target.ended(failure || `closed, ${code} ${reason}`.trim());
  });
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  return promise;
}

/** Looks over undici's shoulder: the WebSocket API tells neither why it was refused nor gives out its socket. */
class Handshake {
  socket: Duplex | undefined;
  /** Of the connection; the WebSocket's own error event is empty. */
  error: Error | undefined;
  #status = 0;
  #retryAfter: string | undefined;
  readonly #body: Buffer[] = [];
  #bytes = 0;

  readonly observe: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
    dispatch(options, this.#watched(handler));

  refusal(request: string): Error {
    if (this.#status < 300)
      return networkError(this.error ?? new Error('the WebSocket was refused'), request);
    return statusError(this.#status, Buffer.concat(this.#body), request, this.#retryAfter);
  }

  #watched(inner: Dispatcher.DispatchHandler): Dispatcher.DispatchHandler {
    return {
      onRequestStart: (controller, context) => inner.onRequestStart?.(controller, context),
      onRequestUpgrade: (controller, status, headers, socket) => {
        this.socket = socket;
        inner.onRequestUpgrade?.(controller, status, headers, socket);
      },
      onResponseStart: (controller, status, headers, message) => {
        this.#refused(status, headers);
        inner.onResponseStart?.(controller, status, headers, message);
      },
      onResponseData: (controller, chunk) => {
        this.#bytes += chunk.length;
        if (this.#bytes <= REQUEST.errorBytes) this.#body.push(chunk);
        inner.onResponseData?.(controller, chunk);
      },
      onResponseEnd: (controller, trailers) => inner.onResponseEnd?.(controller, trailers),
      onResponseError: (controller, error) => {
        this.error = error;
        inner.onResponseError?.(controller, error);
      },
    };
  }

  #refused(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#retryAfter = headers['retry-after'];
  }
}
