import { CaravelError } from '../../core/errors/catalog.ts';

/** S3's own limit, in bytes of UTF-8. */
const LONGEST_KEY = 1024;
const CONTROL = /\p{Cc}/u;

/** Refuses keys that gateways on file systems would resolve to another place, and those that no listing can show. */
export function checkKey(key: string): string {
  const fault = faultOf(key) ?? (key === '' || key.endsWith('/') ? 'names no object' : undefined);
  if (fault !== undefined) throw refused(key, fault);
  return key;
}

/** A prefix may end anywhere, also in the middle of a name. */
export function checkPrefix(prefix: string): string {
  const fault = faultOf(prefix);
  if (fault !== undefined) throw refused(prefix, fault);
  return prefix;
}

/** For everything that deletes: a folder with its slash, so that `backups/a` never takes `backups/ab` along. */
export function checkFolder(prefix: string): string {
  checkPrefix(prefix);
  if (prefix === '' || !prefix.endsWith('/'))
    throw refused(prefix, 'must be a folder that ends with a slash');
  return prefix;
}

/** Can something lie in a folder of this name? Others may have made folders that no key here can name. */
export const isFolderName = (name: string): boolean => faultOf(`${name}/`) === undefined;

function faultOf(key: string): string | undefined {
  if (key.startsWith('/')) return 'starts with a slash';
  if (CONTROL.test(key)) return 'contains a control character';
  if (Buffer.byteLength(key) > LONGEST_KEY) return `is longer than ${LONGEST_KEY} bytes`;
  if (!key.isWellFormed()) return 'is not valid Unicode';
  const parts = key.split('/');
  if (parts.some((part) => part === '.' || part === '..')) return 'contains a "." or ".." part';
  return parts.slice(0, -1).includes('') ? 'contains an empty part' : undefined;
}

const refused = (key: string, fault: string) =>
  new CaravelError('InvalidInput', `object key ${JSON.stringify(key.slice(0, 200))} ${fault}`);
