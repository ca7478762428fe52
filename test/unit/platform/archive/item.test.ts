import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { itemFromBytes, itemKey, itemOf, objectOf, withObject } from '../../../../platform/archive/item.ts';
import { decodeLine, encodeLine } from '../../../../platform/archive/segments.ts';

const text = fc.string({ unit: 'binary' });
const id = fc.record(
  { groupResource: text, version: text, namespace: text, name: text },
  { requiredKeys: ['groupResource', 'version', 'name'] },
);

describe('lines of a segment', () => {
  it('keep any text and any object', () => {
    fc.assert(
      fc.property(id, fc.dictionary(text, fc.jsonValue()), (own, object) => {
        const item = itemOf(own, object);
        const line = encodeLine(item);
        expect(line.indexOf('\n')).toBe(line.length - 1);
        const back = decodeLine(line.subarray(0, -1));
        expect(back).toEqual(item);
        expect(objectOf(back)).toEqual(objectOf(item));
      }),
    );
  });

  it('are not fooled by names and objects that look like one', () => {
    const tricky = ['",obj":{', ',"obj":', '{"gr":"x","obj":1}', '\\",\\"obj\\":'];
    for (const name of tricky) {
      const item = itemOf(
        { groupResource: 'pods', version: 'v1', namespace: name, name },
        { a: name, obj: { obj: 1 } },
      );
      expect(decodeLine(encodeLine(item).subarray(0, -1))).toEqual(item);
    }
  });

  it('are refused when damaged', () => {
    for (const line of ['', '{"gr":"pods"}', '{"gr":"x","v":"v1","name":"n","obj":{"a":1']) {
      expect(() => decodeLine(Buffer.from(line))).toThrow(expect.objectContaining({ code: 'StoreCorrupt' }));
    }
  });
});

describe('items', () => {
  const pod = { groupResource: 'pods', namespace: 'shop', name: 'web' };
  const json = (changes: object = {}) =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'shop' },
      ...changes,
    });

  it('keep 64-bit numbers, read or edited', () => {
    const bytes = Buffer.from(
      '{"apiVersion":"apps/v1","kind":"Pod","metadata":{"name":"web","namespace":"shop","generation":9007199254740993},"ratio":1.0}',
    );
    const item = itemFromBytes(pod, bytes);
    expect(item).toMatchObject({ ...pod, version: 'v1' });
    expect(item.raw.equals(bytes)).toBe(true);
    const edited = withObject(item, { ...objectOf(item), added: true });
    expect(edited.raw.toString()).toBe(`${bytes.toString().slice(0, -1)},"added":true}`);
  });

  it('stand on one line, also those that somebody indented', () => {
    const bytes = Buffer.from(
      JSON.stringify(JSON.parse(json({ note: 'a\r\nb' })), null, 2).replaceAll('\n', '\r\n'),
    );
    const item = itemFromBytes(pod, bytes);
    expect(item.raw.includes('\n') || item.raw.includes('\r')).toBe(false);
    expect(objectOf(item)).toEqual(JSON.parse(bytes.toString()));
  });

  it.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['null', 'null'],
    ['nothing', ''],
    ['no kind', json({ kind: undefined })],
    ['an odd version', json({ apiVersion: 1 })],
    ['another name', json({ metadata: { name: 'api', namespace: 'shop' } })],
    ['another namespace', json({ metadata: { name: 'web', namespace: 'kube-system' } })],
    ['no metadata', json({ metadata: null })],
    ['a byte order mark', `\ufeff${json()}`],
    ['broken UTF-8', Buffer.concat([Buffer.from('{"a":"'), Buffer.from([0xff]), Buffer.from('"}')])],
  ])('are refused with %s', (_what, bytes) => {
    expect(() => itemFromBytes(pod, Buffer.from(bytes))).toThrow(
      expect.objectContaining({ code: 'StoreCorrupt' }),
    );
  });

  it('are told apart by resource, namespace and name', () => {
    expect(itemKey(pod)).not.toBe(itemKey({ ...pod, namespace: undefined }));
    expect(itemKey({ groupResource: 'a', name: 'b' })).toBe(
      itemKey({ groupResource: 'a', namespace: '', name: 'b' }),
    );
  });
});
