import { SHORTEST_SECRET } from './limits.ts';

export type Redactor = (text: string) => string;

/** Hides the given secrets in any text, as they are and as they look in a URL or in JSON. */
export function redactor(secrets: (string | undefined)[]): Redactor {
  const words = secrets
    .filter((secret): secret is string => secret !== undefined && secret.length >= SHORTEST_SECRET)
    .flatMap((secret) => [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]);
  // The longest first: one secret may be part of another.
  const sorted = [...new Set(words)].sort((a, b) => b.length - a.length);
  return (text) => sorted.reduce((cleaned, word) => cleaned.replaceAll(word, '[hidden]'), text);
}
