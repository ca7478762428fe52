import { createHash, createHmac } from 'node:crypto';
import { type Lab, ports } from '../layout.ts';
import { readCredentials } from './certificates.ts';

export const buckets = ['caravel', 'caravel-2', 'velero'] as const;
export const s3Region = 'us-east-1';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** Makes the buckets; those that exist stay as they are. */
export async function createBuckets(lab: Lab): Promise<void> {
  for (const bucket of buckets) {
    const answer = await signedPut(lab, `/${bucket}`);
    if (!answer.ok && answer.status !== 409) {
      throw new Error(`bucket ${bucket} was refused: ${answer.status} ${await answer.text()}`);
    }
  }
}

/** An empty PUT with an AWS signature, version 4. */
async function signedPut(lab: Lab, path: string): Promise<Response> {
  const { s3AccessKey, s3SecretKey } = readCredentials(lab);
  const host = `${lab.address}:${ports.s3}`;
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const scope = `${time.slice(0, 8)}/${s3Region}/s3/aws4_request`;
  const payload = sha256('');
  const names = 'host;x-amz-content-sha256;x-amz-date';
  const headers = `host:${host}\nx-amz-content-sha256:${payload}\nx-amz-date:${time}\n`;
  const request = ['PUT', path, '', headers, names, payload].join('\n');
  const text = ['AWS4-HMAC-SHA256', time, scope, sha256(request)].join('\n');
  const key = scope
    .split('/')
    .reduce((previous: string | Buffer, part) => hmac(previous, part), `AWS4${s3SecretKey}`);
  const signature = hmac(key, text).toString('hex');
  const authorization = `AWS4-HMAC-SHA256 Credential=${s3AccessKey}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
  return fetch(`http://${host}${path}`, {
    method: 'PUT',
    headers: { authorization, 'x-amz-content-sha256': payload, 'x-amz-date': time },
  });
}
