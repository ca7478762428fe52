import { downloadKey } from './keys.ts';

/** The one file that a DownloadRequest asks for. */
export interface DownloadFile {
  /** Kind of the resource that the file belongs to; it says in which location the file is. */
  of: 'backup' | 'restore';
  name: string;
  key: string;
}

/** Kubernetes' rule for names of resources. Nothing else may become part of a key. */
const NAME = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The file, or what is wrong with the request. */
export function downloadFile(
  target: { kind?: string; name?: string } = {},
): DownloadFile | { fault: string } {
  const { kind = '', name = '' } = target;
  if (name.length > 253 || !NAME.test(name)) {
    return { fault: `spec.target.name: ${JSON.stringify(name.slice(0, 100))} is not a name` };
  }
  const key = downloadKey(kind, name);
  if (key === undefined) {
    return { fault: `spec.target.kind: there is no file ${JSON.stringify(kind.slice(0, 100))}` };
  }
  return { of: kind.startsWith('Restore') ? 'restore' : 'backup', name, key };
}
