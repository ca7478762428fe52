import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GVR } from '../../../../contracts/api/gvr.ts';
import {
  apiVersionOf,
  collectionPath,
  groupResource,
  groupVersionOf,
  GVRS,
  objectPath,
} from '../../../../platform/kube/gvr.ts';

describe('paths', () => {
  it('are those of the API', () => {
    expect(collectionPath(GVRS.pods)).toBe('/api/v1/pods');
    expect(collectionPath(GVR.backups, 'openshift-adp')).toBe(
      '/apis/velero.io/v1/namespaces/openshift-adp/backups',
    );
    expect(objectPath(GVRS.namespaces, undefined, 'app')).toBe('/api/v1/namespaces/app');
    expect(objectPath(GVRS.pods, 'app', 'web-0', 'log')).toBe('/api/v1/namespaces/app/pods/web-0/log');
  });

  it('escape what names may hold, and keep their case', () => {
    expect(objectPath(GVRS.clusterroles, undefined, 'system:Node')).toBe(
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/system%3ANode',
    );
    expect(objectPath(GVRS.clusterroles, undefined, 'a b?c#d')).toMatch(/\/a%20b%3Fc%23d$/);
  });

  it.each(['', '.', '..', 'a/b', '../x', 'a%2f', 'a\n', 'a\u0000'])('refuse the name %j', (name) => {
    expect(() => objectPath(GVRS.pods, 'app', name)).toThrow(TypeError);
    expect(() => objectPath(GVRS.pods, name, 'web-0')).toThrow(TypeError);
  });

  it.each(['', '..', 'a/b', 'a..b', 'pods?x', '-a', undefined as unknown as string])(
    'refuse the resource %j',
    (resource) => {
      expect(() => collectionPath({ group: '', version: 'v1', resource })).toThrow(TypeError);
    },
  );

  it('never lead elsewhere', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        let path: string;
        try {
          path = objectPath(GVRS.secrets, 'app', name);
        } catch {
          return;
        }
        const url = new URL(`https://api${path}`);
        expect(url.pathname).toBe(path);
        expect(url.search + url.hash).toBe('');
        expect(decodeURIComponent(path.slice('/api/v1/namespaces/app/secrets/'.length))).toBe(name);
      }),
    );
  });
});

describe('names', () => {
  it('turn into each other', () => {
    expect(groupResource(GVRS.secrets)).toBe('secrets');
    expect(groupResource(GVR.dataUploads)).toBe('datauploads.velero.io');
    expect(apiVersionOf(GVRS.secrets)).toBe('v1');
    expect(apiVersionOf(GVR.dataUploads)).toBe('velero.io/v2alpha1');
    expect(groupVersionOf('v1')).toEqual({ group: '', version: 'v1' });
    expect(groupVersionOf('velero.io/v1')).toEqual({ group: 'velero.io', version: 'v1' });
  });

  it('of the constants are the plural they are listed under', () => {
    for (const [name, gvr] of Object.entries(GVRS)) expect(gvr.resource).toBe(name);
  });
});
