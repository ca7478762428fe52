import { describe, expect, it } from 'vitest';
import { imageChanges } from '../../../../core/transform/pod.ts';

describe('imageChanges', () => {
  it('reads pairs in the order of their keys and passes over what is none', () => {
    expect(
      imageChanges({ b: 'x,y', a: ' old.example , new.example/a,b ', c: 'alone', d: 'x,', e: ',y', f: '' }),
    ).toEqual([
      { from: 'old.example', to: 'new.example/a,b' },
      { from: 'x', to: 'y' },
    ]);
    expect(imageChanges(undefined)).toEqual([]);
  });
});
