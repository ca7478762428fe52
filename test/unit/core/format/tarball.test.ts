import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { entryPaths, parseEntryPath } from '../../../../core/format/tarball.ts';

const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,20}[a-z0-9])?$/);
const groupResource = fc.stringMatching(/^[a-z]{1,20}(\.[a-z]{1,10}){0,3}$/);
/** Roles may be called almost anything. */
const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
  .filter((text) => !/[\p{Cc}/]/u.test(text) && text !== '.' && text !== '..');

describe('paths in the tarball', () => {
  it('have both forms', () => {
    const api = { groupResource: 'deployments.apps', version: 'v1', namespace: 'shop', name: 'api' };
    expect(entryPaths(api)).toEqual([
      'resources/deployments.apps/namespaces/shop/api.json',
      'resources/deployments.apps/v1-preferredversion/namespaces/shop/api.json',
    ]);
    expect(entryPaths({ groupResource: 'persistentvolumes', version: 'v1', name: 'pv-7' })).toEqual([
      'resources/persistentvolumes/cluster/pv-7.json',
      'resources/persistentvolumes/v1-preferredversion/cluster/pv-7.json',
    ]);
  });

  it('have one form in a version that the server does not prefer', () => {
    const scaler = { groupResource: 'horizontalpodautoscalers.autoscaling', namespace: 'shop', name: 'web' };
    expect(entryPaths({ ...scaler, version: 'v1', preferred: false })).toEqual([
      'resources/horizontalpodautoscalers.autoscaling/v1/namespaces/shop/web.json',
    ]);
  });

  it('are refused when they could not be read again', () => {
    const longest = { groupResource: 'roles', version: 'v1', namespace: 'n', name: 'r'.repeat(4000) };
    expect(entryPaths(longest).map(parseEntryPath)).toMatchObject([{ kind: 'item' }, { kind: 'item' }]);
    expect(() => entryPaths({ ...longest, name: 'r'.repeat(4096) })).toThrow('longer than any object has');
  });

  it('are read as they were written', () => {
    fc.assert(
      fc.property(
        groupResource,
        label,
        fc.option(label, { nil: undefined }),
        name,
        (gr, version, namespace, own) => {
          const item = { groupResource: gr, ...(namespace === undefined ? {} : { namespace }), name: own };
          fc.pre(version !== 'cluster' && version !== 'namespaces');
          const [unversioned = '', versioned = ''] = entryPaths({ ...item, version });
          expect(parseEntryPath(unversioned)).toEqual({ kind: 'item', item: { ...item, preferred: true } });
          expect(parseEntryPath(`./${versioned}`)).toEqual({
            kind: 'item',
            item: { ...item, version, preferred: true },
          });
          const other = versioned.replace('-preferredversion', '');
          expect(parseEntryPath(other)).toEqual({
            kind: 'item',
            item: { ...item, version, preferred: false },
          });
        },
      ),
    );
  });

  it('tell apart names that look like the layout', () => {
    const item = (path: string) => parseEntryPath(path);
    expect(item('resources/namespaces/cluster/cluster.json')).toEqual({
      kind: 'item',
      item: { groupResource: 'namespaces', name: 'cluster', preferred: true },
    });
    expect(item('resources/pods/namespaces/cluster/x.json')).toEqual({
      kind: 'item',
      item: { groupResource: 'pods', namespace: 'cluster', name: 'x', preferred: true },
    });
    expect(item('resources/roles/cluster/a.json.json')).toMatchObject({ item: { name: 'a.json' } });
  });

  it('include the version file and folders', () => {
    expect(parseEntryPath('metadata/version')).toEqual({ kind: 'version' });
    for (const path of ['./', 'resources/', './resources/pods/namespaces/']) {
      expect(parseEntryPath(path)).toEqual({ kind: 'directory' });
    }
  });

  it.each([
    '/etc/passwd',
    '/resources/pods/cluster/x.json',
    '../x.json',
    '..',
    '.',
    'resources/../../x.json',
    'resources/pods/cluster/...json',
    'resources/pods/cluster/..',
    'resources/pods/namespaces/../x.json',
    'resources/pods/cluster/a\u0000.json',
    'resources/pods/cluster/a\n.json',
    'resources//cluster/x.json',
    'resources/pods/x.json',
    'resources/pods/v1/v1/cluster/x.json',
    'resources/pods/namespaces/x.json',
    'resources/pods/namespaces/a/b/x.json',
    'resources/pods/cluster/a/x.json',
    'resources/pods/cluster/.json',
    'resources/pods/cluster/x.yaml',
    'resources/pods',
    'secrets/pods/cluster/x.json',
    'metadata/other',
    `resources/pods/cluster/${'x'.repeat(5000)}.json`,
  ])('like %j are refused', (path) => {
    expect(() => parseEntryPath(path)).toThrow(expect.objectContaining({ code: 'StoreCorrupt' }));
  });

  it('never lead out of their folder, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...'./\\ab\u0000'.split(''), 'resources', 'cluster', 'json') }),
        (path) => {
          try {
            const parsed = parseEntryPath(path);
            if (parsed.kind !== 'item') return;
            expect(entryPaths({ ...parsed.item, version: 'v1' }).join()).not.toMatch(
              /(^|\/)\.\.?(\/|$)|\p{Cc}/u,
            );
          } catch (error) {
            expect(error).toMatchObject({ code: 'StoreCorrupt' });
          }
        },
      ),
    );
  });

  it('are not made of hostile names either', () => {
    for (const own of ['..', 'a/b', 'a\u0000', '']) {
      const pod = { groupResource: 'pods', version: 'v1', namespace: 'n', name: 'x' };
      expect(() => entryPaths({ ...pod, name: own })).toThrow('refused');
      expect(() => entryPaths({ ...pod, namespace: own })).toThrow('refused');
    }
  });
});
