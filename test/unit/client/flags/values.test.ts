import { describe, expect, it } from 'vitest';
import {
  parseBoolean,
  parseCount,
  parseDurationFlag,
  parseList,
  parseMappings,
  parseName,
  parsePairs,
} from '../../../../client/flags/values.ts';

describe('values of flags', () => {
  it('reads lists', () => {
    expect(parseList('a, b,c*')).toEqual(['a', 'b', 'c*']);
    expect(() => parseList('a,,b')).toThrow('"a,,b" has an empty entry: write a,b,c');
  });

  it('reads namespace mappings', () => {
    expect(parseMappings('a:b,c:d')).toEqual({ a: 'b', c: 'd' });
    expect(() => parseMappings('a')).toThrow('"a" is no pair: write old:new,old2:new2');
    expect(() => parseMappings(':b')).toThrow('is no pair');
    expect(() => parseMappings('a:b,a:c')).toThrow('"a" is given twice');
    expect(() => parseMappings('a:')).toThrow('"" is not the name of a namespace');
    expect(() => parseMappings('a:b:c')).toThrow('"b:c" is not the name of a namespace');
    expect(() => parseMappings('App:b')).toThrow('"App" is not the name of a namespace');
  });

  it('reads labels', () => {
    expect(parsePairs('a=1,b=x=y')).toEqual({ a: '1', b: 'x=y' });
  });

  it('writes durations as Go does', () => {
    expect(parseDurationFlag('720h')).toBe('720h0m0s');
    expect(parseDurationFlag('90s')).toBe('1m30s');
    expect(() => parseDurationFlag('3d')).toThrow('write 720h, 1h30m or 90s');
    expect(() => parseDurationFlag('-1h')).toThrow('"-1h" is below zero');
  });

  it('reads booleans, counts and names', () => {
    expect(parseBoolean('false')).toBe(false);
    expect(() => parseBoolean('no')).toThrow('neither true nor false');
    expect(parseCount('8')).toBe(8);
    expect(() => parseCount('0')).toThrow('above 0');
    expect(parseName('b.1-x')).toBe('b.1-x');
    for (const name of ['', 'B', 'a_b', '-a', 'a..b', 'a'.repeat(254)]) {
      expect(() => parseName(name)).toThrow('is not a name');
    }
  });
});
