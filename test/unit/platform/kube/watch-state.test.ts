import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject, WatchEvent } from '../../../../platform/kube/types.ts';
import { WatchState } from '../../../../platform/kube/watch-state.ts';

const pod = (name: string, uid: string, resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace: 'app', name, uid, resourceVersion },
});

function list(state: WatchState, objects: KubeObject[]): WatchEvent[] {
  state.beginList();
  return [...objects.flatMap((object) => [...state.listed(object)]), ...state.endList()];
}

const told = (events: Iterable<WatchEvent>) =>
  [...events].map(({ type, object }) =>
    `${type} ${object?.metadata.uid ?? ''}${object?.metadata.resourceVersion ?? ''}`.trim(),
  );

describe('WatchState', () => {
  it('tells a relist as what changed', () => {
    const state = new WatchState();
    expect(told(list(state, [pod('a', 'A', '1'), pod('b', 'B', '2'), pod('c', 'C', '3')]))).toEqual([
      'ADDED A1',
      'ADDED B2',
      'ADDED C3',
      'SYNCED',
    ]);
    expect(told(list(state, [pod('a', 'A', '1'), pod('b', 'B', '5'), pod('d', 'D', '6')]))).toEqual([
      'MODIFIED B5',
      'ADDED D6',
      'DELETED C3',
      'SYNCED',
    ]);
  });

  it('tells the end of an object whose name was taken over', () => {
    const state = new WatchState();
    list(state, [pod('a', 'A', '1')]);
    expect(told(list(state, [pod('a', 'Z', '9')]))).toEqual(['DELETED A1', 'ADDED Z9', 'SYNCED']);
    expect(told(state.changed(pod('a', 'Y', '10')))).toEqual(['DELETED Z9', 'ADDED Y10']);
  });

  it('begins again after a list that broke off', () => {
    const state = new WatchState();
    list(state, [pod('a', 'A', '1'), pod('b', 'B', '2')]);
    state.beginList();
    expect(told(state.listed(pod('a', 'A', '3')))).toEqual(['MODIFIED A3']);
    expect(told(list(state, [pod('b', 'B', '2')]))).toEqual(['DELETED A3', 'SYNCED']);
  });

  it('never contradicts itself', () => {
    const action = fc.record({
      how: fc.constantFrom('changed', 'deleted', 'list'),
      name: fc.constantFrom('a', 'b', 'c'),
      uid: fc.constantFrom('1', '2'),
      version: fc.nat({ max: 50 }).map(String),
    });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 40 }), (actions) => {
        const state = new WatchState();
        const alive = new Map<string, string>();
        for (const { how, name, uid, version } of actions) {
          const object = pod(name, uid, version);
          const events = how === 'list' ? list(state, [object]) : [...state[how as 'changed'](object)];
          for (const event of events) follow(alive, event);
          if (how === 'list') expect([...alive]).toEqual([[name, uid]]);
        }
      }),
    );
  });
});

/** A consumer that believes every event. */
function follow(alive: Map<string, string>, { type, object }: WatchEvent): void {
  if (object === undefined) return;
  const { name, uid } = object.metadata;
  if (type === 'ADDED') expect(alive.has(name)).toBe(false);
  if (type === 'MODIFIED') expect(alive.get(name)).toBe(uid);
  if (type === 'DELETED') expect(alive.delete(name)).toBe(true);
  else alive.set(name, uid!);
}
