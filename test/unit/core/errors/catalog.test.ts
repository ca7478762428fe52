import { describe, expect, it } from 'vitest';
import {
  CATALOG,
  CaravelError,
  isErrorCode,
  messageOf,
  PERMANENT_CODES,
} from '../../../../core/errors/catalog.ts';
import type { ErrorCode } from '../../../../core/errors/catalog.ts';

const CODES = Object.keys(CATALOG) as ErrorCode[];

describe('the catalogue of errors', () => {
  it.each(CODES)('%s says in one sentence what the user can do', (code) => {
    expect(code).toMatch(/^[A-Z][A-Za-z]+$/);
    expect(CATALOG[code].hint).toMatch(/^[A-Z].*\.$/);
  });

  it('has a hint of its own for each code', () => {
    expect(new Set(CODES.map((code) => CATALOG[code].hint)).size).toBe(CODES.length);
  });

  it('tells Temporal which codes waiting cannot help', () => {
    expect(PERMANENT_CODES).toEqual(CODES.filter((code) => !CATALOG[code].retryable));
    expect(PERMANENT_CODES).toContain('InvalidInput');
    expect(PERMANENT_CODES).not.toContain('StoreUnavailable');
    expect(PERMANENT_CODES).not.toContain('Internal');
  });

  it('knows its codes, and nothing that objects inherit', () => {
    expect(CODES.every(isErrorCode)).toBe(true);
    expect(['', 'invalidinput', 'toString', '__proto__', 'constructor'].some(isErrorCode)).toBe(false);
  });
});

describe('an error of the catalogue', () => {
  it('carries its code, and what the catalogue says of it', () => {
    const error = new CaravelError('KubeForbidden', 'pods is forbidden');
    expect(error).toMatchObject({
      name: 'CaravelError',
      code: 'KubeForbidden',
      message: 'pods is forbidden',
      retryable: false,
      hint: CATALOG.KubeForbidden.hint,
    });
    expect(error).not.toHaveProperty('cause');
  });

  it('may know better, and keeps its cause', () => {
    const cause = new Error('clock');
    const error = new CaravelError('StoreAccessDenied', 'denied', { cause, retryable: true, hint: 'Wait.' });
    expect(error).toMatchObject({ cause, retryable: true, hint: 'Wait.' });
  });

  it.each([
    [new Error('words'), 'words'],
    ['text', 'text'],
    [undefined, 'undefined'],
    [{ toString: (): string => 'an object' }, 'an object'],
  ])('%s in words', (thrown, words) => expect(messageOf(thrown)).toBe(words));
});
