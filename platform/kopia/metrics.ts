import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';

/** Counters of one kopia process since its start. */
export interface Counters {
  /** Plain bytes that went into contents, known ones included. */
  writtenBytes: number;
  /** Of these, bytes that the repository had already. */
  knownBytes: number;
  hashedBytes: number;
  uploadedBytes: number;
  downloadedBytes: number;
  /** Requests that the store refused or did not answer. */
  errors: number;
  /** Completed flushes: each ends with the removal of the session's marker, all data before it is safe. */
  flushes: number;
}

type Reading = [name: string, label: string | undefined, counter: keyof Counters];

const READINGS: Reading[] = [
  ['kopia_content_write_bytes_total', undefined, 'writtenBytes'],
  ['kopia_content_deduplicated_bytes_total', undefined, 'knownBytes'],
  ['kopia_content_hashed_bytes_total', undefined, 'hashedBytes'],
  ['kopia_blob_upload_bytes_total', undefined, 'uploadedBytes'],
  ['kopia_blob_download_full_blob_bytes_total', undefined, 'downloadedBytes'],
  ['kopia_blob_download_partial_blob_bytes_total', undefined, 'downloadedBytes'],
  ['kopia_blob_errors_total', undefined, 'errors'],
  ['kopia_blob_storage_latency_ms_count', 'method="DeleteBlob"', 'flushes'],
];

export const zeroCounters = (): Counters => ({
  ...{ writtenBytes: 0, knownBytes: 0, hashedBytes: 0, uploadedBytes: 0 },
  ...{ downloadedBytes: 0, errors: 0, flushes: 0 },
});

const LINE = /^(kopia_\w+?)(?:\{([^}]*)\})? (\S+)$/;

/** Prometheus' text format, as far as kopia uses it. */
export function parseMetrics(text: string): Counters {
  const counters = zeroCounters();
  for (const line of text.split('\n')) {
    const [, name, labels, value] = LINE.exec(line) ?? [];
    if (name === undefined) continue;
    const reading = READINGS.find(([known, label]) => known === name && (!label || labels === label));
    if (reading) counters[reading[2]] += Number(value) || 0;
  }
  return counters;
}

export interface MetricsReceiver {
  /** What makes a kopia process report here, each second and once more at its end. */
  environment: Record<string, string>;
  /** Who hears of the reports; one process at a time. */
  listen(listener: (counters: Counters) => void): void;
  /** All bytes that went to and fro here, from the first report on. */
  readonly bytes: number;
  close(): void;
}

/**
 * Kopia pushes its counters here. Unlike asking a port of kopia's for them, this needs no free port to be guessed,
 * and the last report holds the final numbers. Own HTTP, because node's costs 50 ms at the start of every mover.
 */
export async function receiveMetrics(): Promise<MetricsReceiver> {
  let listener: ((counters: Counters) => void) | undefined;
  let bytes = 0;
  const server: Server = createServer((socket) =>
    answerRequests(socket, {
      onBody: (body) => listener?.(parseMetrics(body)),
      onBytes: (count) => (bytes += count),
    }),
  );
  server.unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    environment: {
      KOPIA_METRICS_PUSH_ADDR: `http://127.0.0.1:${port}`,
      KOPIA_METRICS_PUSH_INTERVAL: '1s',
      KOPIA_METRICS_FORMAT: 'text',
    },
    listen: (heard) => (listener = heard),
    get bytes() {
      return bytes;
    },
    close: () => server.close(),
  };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';
const NOT_OURS = 'HTTP/1.1 411 Length Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n';

interface Ears {
  onBody: (body: string) => void;
  onBytes: (count: number) => void;
}

function answerRequests(socket: Socket, { onBody, onBytes }: Ears): void {
  let pending = Buffer.alloc(0);
  socket.unref();
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    onBytes(chunk.length);
    pending = Buffer.concat([pending, chunk]);
    for (let request = takeRequest(pending); request; request = takeRequest(pending)) {
      pending = pending.subarray(request.length);
      if (request.body !== undefined) onBody(request.body);
      if (request.body === undefined) return void socket.end(NOT_OURS);
      socket.write(OK);
      onBytes(OK.length);
    }
  });
}

interface Request {
  length: number;
  body: string | undefined;
}

/** The first whole request in the buffer; Go's client states the length of a body that it has in memory. */
function takeRequest(buffer: Buffer): Request | undefined {
  const end = buffer.indexOf('\r\n\r\n');
  if (end < 0) return undefined;
  const stated = /^content-length: *(\d+)/im.exec(buffer.toString('latin1', 0, end));
  if (!stated) return { length: buffer.length, body: undefined };
  const length = end + 4 + Number(stated[1]);
  return buffer.length < length ? undefined : { length, body: buffer.toString('utf8', end + 4, length) };
}
