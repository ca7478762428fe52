import { describe, expect, it } from 'vitest';
import { labEnv } from '../../lab/env.ts';
import { holdsSecret, plainText, readHistory, recordedRuns } from '../support/histories.ts';

/** Whoever may look at a workflow sees its history: nothing in it may open anything. */

const texts = recordedRuns().map(
  (run) => [`${run.type}/${run.example}`, plainText(readHistory(run))] as const,
);

/** Forms of secrets, and names of fields that hold one (a catalogue code may be called after them). */
const FORMS = [
  /\b(AKIA|ASIA)[A-Z0-9]{16}\b/,
  /aws_(access_key_id|secret_access_key|session_token)/i,
  /BEGIN [A-Z ]*PRIVATE KEY/,
  /X-Amz-(Signature|Credential)/i,
  /\bBearer [\w.-]{8}/,
  /\beyJhbGciOi/,
  /\\?"[\w-]*(password|secret|accessKey|token|credential)[\w-]*\\?":/i,
];

/** Those of the lab that the histories come from, when it is still the same. */
function labKeys(): { ids: string[]; secrets: string[] } {
  try {
    const { S3_ACCESS_KEY_ID, S3_SECRET_ACCESS_KEY } = labEnv();
    return { ids: [S3_ACCESS_KEY_ID], secrets: [S3_SECRET_ACCESS_KEY] };
  } catch {
    return { ids: [], secrets: [] };
  }
}

describe('a recorded history holds no secret', () => {
  it.each(texts)('%s', (_name, text) => {
    for (const form of FORMS) expect(text).not.toMatch(form);
    expect(holdsSecret(text, labKeys())).toBe(false);
  });

  it('which would be seen in its payloads', () => {
    const payload = (text: string) =>
      plainText(JSON.stringify({ payloads: [{ data: Buffer.from(text).toString('base64') }] }));
    for (const leaked of ['{"password":"x"}', 'aws_secret_access_key=x', '{"env":{"secretAccessKey":"x"}}'])
      expect(FORMS.some((form) => form.test(payload(leaked)))).toBe(true);
  });

  it('not even one of which only the value is known', () => {
    const keys = { ids: ['caravel'], secrets: ['s3cr3t'] };
    const text = (value: unknown) =>
      plainText(JSON.stringify({ data: Buffer.from(JSON.stringify(value)).toString('base64') }));
    expect(holdsSecret(text({ message: 'driver csi.caravel.dev' }), keys)).toBe(false);
    expect(holdsSecret(text({ id: 'caravel' }), keys)).toBe(true);
    expect(holdsSecret(text({ message: 'with s3cr3t' }), keys)).toBe(true);
  });
});
