import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatScratchOwner, parseScratchOwner } from '../../../../core/format/scratch-owner.ts';

describe('the owner of a scratch area', () => {
  it('is read as it was written', () => {
    const name = fc.string({ minLength: 1 });
    const owners = fc.record({ workflowId: name, clusterUid: name, temporalNamespace: name });
    fc.assert(
      fc.property(owners, (owner) => {
        expect(parseScratchOwner(formatScratchOwner(owner))).toEqual(owner);
      }),
    );
  });

  it('is nobody when something else stands there', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseScratchOwner(text)).toBeUndefined();
      }),
    );
    const almost = { version: 1, workflowId: 'w', clusterUid: 'c', temporalNamespace: 't' };
    for (const change of [
      { version: '1' },
      { workflowId: '' },
      { clusterUid: null },
      { temporalNamespace: 1 },
    ])
      expect(parseScratchOwner(JSON.stringify({ ...almost, ...change }))).toBeUndefined();
    expect(parseScratchOwner(`{"__proto__":${JSON.stringify(almost)}}`)).toBeUndefined();
    expect(parseScratchOwner(JSON.stringify({ ...almost, more: 1 }))).toEqual({
      workflowId: 'w',
      clusterUid: 'c',
      temporalNamespace: 't',
    });
  });
});
