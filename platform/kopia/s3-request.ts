import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage, RequestOptions } from 'node:http';
import type { RepositoryCredentials, RepositorySpec } from '../../contracts/mover.ts';
import { PROBE } from './limits.ts';

/** One small signed request to the repository's bucket, without a body: the mover has no room for a whole S3 client. */
export interface S3Request {
  method: 'GET' | 'DELETE';
  /** Key of an object; none = the bucket. */
  key?: string;
  query?: Record<string, string>;
}

export interface S3Answer {
  status: number;
  body: string;
}

export function requestS3(
  spec: RepositorySpec,
  credentials: RepositoryCredentials,
  { method, key, query = {} }: S3Request,
): Promise<S3Answer> {
  const segments = [spec.bucket, ...(key === undefined ? [] : key.split('/'))];
  const target: Target = {
    method,
    path: `/${segments.map(encode).join('/')}`,
    query: Object.keys(query)
      .sort()
      .map((name) => `${encode(name)}=${encode(query[name] ?? '')}`)
      .join('&'),
  };
  const [host, port] = splitEndpoint(spec.endpoint);
  return send(spec.tls, {
    ...{ method, host, port },
    path: target.query ? `${target.path}?${target.query}` : target.path,
    headers: signedHeaders(spec, credentials, target, new Date()),
    timeout: PROBE.timeout,
    agent: false,
    rejectUnauthorized: !spec.skipTlsVerify,
    ...(spec.caBase64 && { ca: Buffer.from(spec.caBase64, 'base64') }),
  });
}

/** As the signature wants it: everything but letters, digits and `-_.~`. */
const encode = (text: string) =>
  encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );

interface Target {
  method: string;
  path: string;
  query: string;
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** AWS Signature Version 4. */
function signedHeaders(
  { region, endpoint }: RepositorySpec,
  { accessKeyId, secretAccessKey, sessionToken }: RepositoryCredentials,
  { method, path, query }: Target,
  now: Date,
): Record<string, string> {
  const time = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const headers: Record<string, string> = {
    host: endpoint,
    'x-amz-content-sha256': sha256(''),
    'x-amz-date': time,
    ...(sessionToken && { 'x-amz-security-token': sessionToken }),
  };
  const names = Object.keys(headers).sort();
  const listed = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const canonical = [method, path, query, listed, names.join(';'), sha256('')].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`);
  const signature = hmac(key, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** `host`, `host:port` or `[v6]:port`. */
function splitEndpoint(endpoint: string): [host: string, port: string | undefined] {
  const found = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(endpoint);
  return [found?.[1] ?? found?.[2] ?? endpoint, found?.[3]];
}

type Options = RequestOptions & { rejectUnauthorized?: boolean; ca?: Buffer };

async function send(tls: boolean, options: Options): Promise<S3Answer> {
  // Only here: it is needed when something is wrong, and costs 50 ms to load.
  const { request } = tls ? await import('node:https') : await import('node:http');
  return new Promise((resolve, reject) => {
    const sent = request(options, (response: IncomingMessage) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        if (body.length < PROBE.answerBytes) body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
      response.on('error', reject);
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', reject);
    sent.end();
  });
}
