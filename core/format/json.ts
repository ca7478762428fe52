import { CaravelError } from '../errors/catalog.ts';

/** Text of Velero's JSON files: one document and a line feed. They are stored gzipped, `velero-backup.json` excepted. */
export const renderDocument = (value: unknown): string => `${JSON.stringify(value)}\n`;

/** A list from such a file; Velero writes `null` for an empty one. */
export function parseList<T>(text: string, file: string): T[] {
  const value = parseDocument(text, file);
  if (value === null) return [];
  if (!Array.isArray(value)) throw new CaravelError('StoreCorrupt', `${file} holds no list`);
  return value as T[];
}

/** An object from such a file; `null` is read as an empty one. */
export function parseObject<T extends object>(text: string, file: string): Partial<T> {
  const value = parseDocument(text, file);
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new CaravelError('StoreCorrupt', `${file} holds no object`);
  return value;
}

function parseDocument(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new CaravelError('StoreCorrupt', `${file} is not JSON`, { cause: error });
  }
}
