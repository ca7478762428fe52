import { CaravelError } from '../../core/errors/catalog.ts';
import { checkFolder, checkKey, checkPrefix } from '../../platform/store/keys.ts';
import type { ObjectInfo, ObjectStore } from '../../platform/store/types.ts';

/** Objects in memory behind the calls that look through a bucket, each as old as a test wants it. */
export class MemoryStore {
  readonly objects = new Map<string, { body: string; lastModified: string }>();
  /** Thrown by calls for keys that begin with this. */
  failure: { prefix: string; error: Error } | undefined;
  /** Thrown by removals only. */
  removal: { prefix: string; error: Error } | undefined;

  get store(): ObjectStore {
    return this as unknown as ObjectStore;
  }

  /** As others may write it, under any key. */
  add(key: string, body = '', lastModified = new Date().toISOString()): void {
    this.objects.set(key, { body, lastModified });
  }

  keys(): string[] {
    return [...this.objects.keys()].sort();
  }

  #check(prefix: string): void {
    if (this.failure && prefix.startsWith(this.failure.prefix)) throw this.failure.error;
  }

  async put(key: string, body: string): Promise<void> {
    this.add(checkKey(key), body);
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    this.#check(checkKey(key));
    const found = this.objects.get(key);
    return found && { key, size: found.body.length, lastModified: found.lastModified };
  }

  async get(key: string, { maxBytes = Infinity } = {}): Promise<Buffer> {
    this.#check(checkKey(key));
    const found = this.objects.get(key);
    if (!found) throw new CaravelError('StoreNotFound', key);
    if (found.body.length > maxBytes) throw new CaravelError('StoreTooLarge', key);
    return Buffer.from(found.body);
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    this.#check(checkPrefix(prefix));
    for (const key of this.keys().filter((candidate) => candidate.startsWith(prefix)))
      yield { key, size: 0, lastModified: this.objects.get(key)?.lastModified ?? '' };
  }

  async folders(prefix: string): Promise<string[]> {
    this.#check(checkPrefix(prefix));
    const below = this.keys().filter((key) => key.startsWith(prefix));
    const names = below.map((key) => key.slice(prefix.length)).filter((rest) => rest.includes('/'));
    return [...new Set(names.map((rest) => rest.slice(0, rest.indexOf('/'))))];
  }

  async remove(keys: string[]): Promise<void> {
    for (const key of keys) this.objects.delete(checkKey(key));
  }

  async removeAll(prefix: string): Promise<number> {
    this.#check(checkFolder(prefix));
    if (this.removal && prefix.startsWith(this.removal.prefix)) throw this.removal.error;
    const found = this.keys().filter((key) => key.startsWith(prefix));
    for (const key of found) this.objects.delete(key);
    return found.length;
  }

  async abortUploads(prefix: string): Promise<number> {
    checkFolder(prefix);
    return 0;
  }
}
