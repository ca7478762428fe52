import { quantityBytes } from '../../core/format/quantity.ts';

/** Typed reading of environment variables; faults are collected, each naming its variable. */

export interface TextForm {
  pattern: RegExp;
  /** The pattern in words. */
  form: string;
}

export class EnvironmentReader {
  readonly problems: string[] = [];
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#environment = environment;
  }

  /** An empty variable is an unset one: ConfigMaps and compose files cannot leave a key out by condition. */
  #value(name: string): string | undefined {
    return this.#environment[name] || undefined;
  }

  has(name: string): boolean {
    return this.#value(name) !== undefined;
  }

  missing(name: string, what: string): string {
    this.problems.push(`${name} is not set: it names ${what}`);
    return '';
  }

  text(name: string, { pattern, form }: TextForm, fallback: string): string {
    const value = this.#value(name) ?? fallback;
    if (!pattern.test(value)) this.problems.push(`${name} is "${value}", but must be ${form}`);
    return value;
  }

  choice<Value extends string>(name: string, values: readonly Value[], fallback: Value): Value {
    const value = this.#value(name);
    const known = values.find((each) => each === (value ?? fallback));
    if (known === undefined)
      this.problems.push(`${name} is "${value}", but must be one of ${values.join(', ')}`);
    return known ?? fallback;
  }

  /** Words separated by commas. */
  words<Value extends string>(name: string, values: readonly Value[]): Set<Value> {
    const given = (this.#value(name) ?? '').split(',').map((word) => word.trim());
    const known = new Set<Value>();
    for (const word of given.filter((each) => each !== '')) {
      const value = values.find((each) => each === word);
      if (value) known.add(value);
      else this.problems.push(`${name} has "${word}", but knows only ${values.join(', ')}`);
    }
    return known;
  }

  integer(name: string, { min, max }: { min: number; max: number }, fallback: number): number {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= min && number <= max) return number;
    this.problems.push(`${name} is "${value}", but must be a whole number from ${min} to ${max}`);
    return fallback;
  }

  bytes(name: string, fallback: number): number {
    const value = this.#value(name);
    if (value === undefined) return fallback;
    try {
      const size = quantityBytes(value);
      if (size >= 0) return size;
    } catch {
      // Reported below in the words of the variable.
    }
    this.problems.push(`${name} is "${value}", but must be a number of bytes such as 1048576 or 50Mi`);
    return fallback;
  }
}
