import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitLines } from '../../../../platform/kube/lines.ts';
import { collect } from '../../../support/collect.ts';

async function lines(chunks: Uint8Array[], maxBytes = 1024, tooLong: 'cut' | (() => Error) = 'cut') {
  async function* stream() {
    yield* chunks;
  }
  return collect(splitLines(stream(), { maxBytes, tooLong }));
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: number[]): Buffer[] {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end));
}

describe('splitLines', () => {
  it('gives the same lines however the bytes come', async () => {
    const line = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\n'));
    await fc.assert(
      fc.asyncProperty(fc.array(line), fc.array(fc.nat()), async (expected, places) => {
        const bytes = Buffer.from(expected.map((text) => `${text}\n`).join(''));
        expect(await lines(cut(bytes, places))).toEqual(expected);
      }),
    );
  });

  it('gives the last line without its end, and empty lines', async () => {
    expect(await lines([Buffer.from('a\n\nb\r\nc')])).toEqual(['a', '', 'b\r', 'c']);
    expect(await lines([])).toEqual([]);
    expect(await lines([Buffer.from('\n')])).toEqual(['']);
  });

  it('cuts long lines between characters, and goes on with the next', async () => {
    const text = Buffer.from('ab€€\nok\n12345678\n123456789\n');
    for (const size of [1, 2, 3, 1000]) {
      const chunks = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
        text.subarray(i * size, (i + 1) * size),
      );
      expect(await lines(chunks, 8)).toEqual(['ab€€', 'ok', '12345678', '12345678']);
      expect(await lines(chunks, 7)).toEqual(['ab€', 'ok', '1234567', '1234567']);
      expect(await lines(chunks, 3)).toEqual(['ab', 'ok', '123', '123']);
    }
  });

  it('holds no more than its bound', async () => {
    async function* endless() {
      for (let i = 0; i < 1000; i++) yield Buffer.alloc(1024, 'x');
    }
    const [line] = await collect(splitLines(endless(), { maxBytes: 10, tooLong: 'cut' }));
    expect(line).toBe('xxxxxxxxxx');
  });

  it('throws for a long line where that is asked for', async () => {
    const tooLong = () => new Error('too long');
    expect(await lines([Buffer.from('123\n')], 3, tooLong)).toEqual(['123']);
    await expect(lines([Buffer.from('12'), Buffer.from('34')], 3, tooLong)).rejects.toThrow('too long');
  });
});
