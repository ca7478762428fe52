import { partsOf, textOf } from './manifest.ts';
import type { Manifest, Part } from './manifest.ts';
import { dropAnnotations } from './metadata.ts';

/** ServiceAccounts, their token Secrets, and what binds them to roles. */

/** The token Secret that the old cluster made for the account; the new one makes its own. */
export function transformServiceAccount(object: Manifest): void {
  if (!Array.isArray(object['secrets'])) return;
  const secrets = partsOf(object['secrets']);
  const token = secrets.findLastIndex(({ name }) =>
    textOf(name).startsWith(`${object.metadata.name}-token-`),
  );
  object['secrets'] = secrets.filter((_, at) => at !== token);
}

const TOKEN_TYPE = 'kubernetes.io/service-account-token';

export const isTokenSecret = (object: Manifest) => object['type'] === TOKEN_TYPE;

/** Is it the Secret that Kubernetes made for one of these accounts, not one that the user asked for? */
export const isMadeToken = (object: Manifest, accounts: readonly string[]) =>
  accounts.some((account) => object.metadata.name.startsWith(`${account}-token-`));

/** The cluster fills in a token of its own; the old one would be refused. */
export function transformTokenSecret(object: Manifest): void {
  if (!isTokenSecret(object)) return;
  dropAnnotations(object, ['kubernetes.io/service-account.uid']);
  const data = object['data'] as Part | undefined;
  delete data?.['token'];
  delete data?.['ca.crt'];
}

/** Subjects follow their namespaces. */
export function transformBinding(object: Manifest, namespaces: Record<string, string>): void {
  for (const subject of partsOf(object['subjects'])) {
    const namespace = textOf(subject['namespace']);
    if (Object.hasOwn(namespaces, namespace)) subject['namespace'] = namespaces[namespace];
  }
}
