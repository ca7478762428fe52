import type { Readable } from 'node:stream';
import { rootCertificates } from 'node:tls';
import { EnvHttpProxyAgent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { CaravelError } from '../../core/errors/catalog.ts';
import { CONNECTIONS } from './limits.ts';

/** Reading by a presigned link, without credentials. A link is a key: it stands in no message. */

export interface LinkOptions {
  /** PEM; trusted besides the well-known authorities. */
  ca?: string;
  skipTlsVerify?: boolean;
  signal?: AbortSignal;
}

/** The object, or undefined when there is none. Proxies of the environment are used. */
export async function openLink(link: string, options: LinkOptions = {}): Promise<Readable | undefined> {
  const url = checkedUrl(link);
  const { signal } = options;
  const dispatcher = dispatcherFor(options);
  const close = () => void dispatcher.close().catch(() => undefined);
  try {
    const { statusCode, body } = await request(url, { dispatcher, ...(signal && { signal }) });
    if (statusCode === 200) return body.once('close', close);
    close();
    return await refusal(url, statusCode, body);
  } catch (error) {
    close();
    if (error instanceof CaravelError || signal?.aborted) throw error;
    throw unreachable(url, error);
  }
}

function dispatcherFor({ ca, skipTlsVerify = false }: LinkOptions): EnvHttpProxyAgent {
  const tls = {
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
    ...(skipTlsVerify && { rejectUnauthorized: false }),
  };
  return new EnvHttpProxyAgent({
    connect: { ...tls, timeout: CONNECTIONS.connect },
    requestTls: tls,
    bodyTimeout: CONNECTIONS.idle,
    headersTimeout: CONNECTIONS.idle,
  });
}

/** Only "not found" is no error. */
async function refusal(url: URL, status: number, body: Dispatcher.ResponseData['body']): Promise<undefined> {
  const words = await firstWords(body);
  await body.dump();
  if (status !== 404) throw refused(url, status, words);
}

function checkedUrl(link: string): URL {
  const url = URL.parse(link);
  if (url && ['http:', 'https:'].includes(url.protocol)) return url;
  throw new CaravelError('StoreCorrupt', 'the answer to the request is not a link');
}

/** What an S3 store calls the fault. */
async function firstWords(body: AsyncIterable<Buffer>): Promise<string> {
  for await (const chunk of body) {
    return /<Code>([A-Za-z0-9]{1,64})<\/Code>/.exec(chunk.toString('utf8'))?.[1] ?? '';
  }
  return '';
}

const refused = ({ origin }: URL, status: number, words: string) =>
  status >= 500
    ? new CaravelError('StoreUnavailable', `${origin} answers ${status} ${words}`.trim())
    : new CaravelError('StoreAccessDenied', `${origin} refuses the link: ${status} ${words}`.trim());

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/;

function unreachable({ origin }: URL, error: unknown): CaravelError {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const certificate = CERTIFICATE.test(code);
  const hint = certificate
    ? 'Give the CA of the store with --cacert, or --insecure-skip-tls-verify to do without.'
    : 'The store must be reachable from here: set spec.config.publicUrl of the BackupStorageLocation to its address.';
  return new CaravelError('StoreUnavailable', `cannot reach ${origin}: ${message || code}`, {
    cause: error,
    hint,
  });
}
