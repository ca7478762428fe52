/** Reads a document that somebody wrote by hand, field by field. Each fault is kept with the path of its field. */
export class FieldReader {
  readonly faults: string[] = [];
  /** Fields that nobody knows: faults for some readers, for others of a newer version. */
  readonly unknown: string[] = [];

  fault(path: string, message: string): void {
    this.faults.push(path === '' ? message : `${path}: ${message}`);
  }

  /** An object with no other fields than these; absent and null count as one without fields. */
  object(value: unknown, path: string, fields: readonly string[]): Record<string, unknown> {
    const object = this.#record(value, path);
    for (const field of Object.keys(object).filter((name) => !fields.includes(name))) {
      this.unknown.push(`${join(path, field)}: unknown field; known are ${fields.join(', ')}`);
    }
    return object;
  }

  list(value: unknown, path: string): unknown[] {
    if (absent(value)) return [];
    if (Array.isArray(value)) return value;
    this.fault(path, `must be a list, not ${typeName(value)}`);
    return [];
  }

  text(value: unknown, path: string): string | undefined {
    if (absent(value)) return undefined;
    if (typeof value === 'string') return value;
    this.fault(path, `must be a text, not ${typeName(value)}`);
    return undefined;
  }

  flag(value: unknown, path: string): boolean {
    if (absent(value) || typeof value === 'boolean') return value === true;
    this.fault(path, `must be true or false, not ${typeName(value)}`);
    return false;
  }

  /** A whole number of at least `min`. */
  count(value: unknown, path: string, min: number): number | undefined {
    if (absent(value)) return undefined;
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return value;
    this.fault(path, `must be a whole number of at least ${min}`);
    return undefined;
  }

  texts(value: unknown, path: string): string[] {
    return this.list(value, path).flatMap((entry, at) => this.text(entry, `${path}[${at}]`) ?? []);
  }

  textMap(value: unknown, path: string): Record<string, string> {
    const entries = Object.entries(this.#record(value, path));
    return Object.fromEntries(entries.map(([key, entry]) => [key, this.text(entry, join(path, key)) ?? '']));
  }

  /** A map whose keys users choose. */
  map(value: unknown, path: string): [string, unknown][] {
    return Object.entries(this.#record(value, path));
  }

  #record(value: unknown, path: string): Record<string, unknown> {
    if (absent(value)) return {};
    if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
    this.fault(path, `must be a map, not ${typeName(value)}`);
    return {};
  }
}

const absent = (value: unknown): value is null | undefined => value === undefined || value === null;
const join = (path: string, field: string) => (path === '' ? field : `${path}.${field}`);
const typeName = (value: unknown) => (Array.isArray(value) ? 'a list' : `a ${typeof value}`);
