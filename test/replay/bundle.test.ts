import { readFileSync, statSync } from 'node:fs';
import { describe, expect, inject, it } from 'vitest';

/** The bundle is parsed by every worker at its start, and whatever is in it must be deterministic. */

/** Webpack marks each module with its path. */
const modules = (): string[] => {
  const code = readFileSync(inject('workflowBundle'), 'utf8');
  return [...code.matchAll(/^\/\*\*\*\/ "(\.\/[^"]+)"/gm)].map(([, path = '']) => path);
};
const packageOf = (path: string) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];

describe('the workflow bundle', () => {
  it('holds no package but those made for workflows', () => {
    const packages = new Set(
      modules()
        .map(packageOf)
        .filter((name) => name !== undefined),
    );
    expect([...packages].sort()).toEqual([
      '@noble/hashes',
      '@temporalio/common',
      '@temporalio/workflow',
      'long',
      'ms',
      'nexus-rpc',
    ]);
  });

  it('holds of our own code only what is pure', () => {
    const own = modules().filter((path) => !packageOf(path));
    const folders = new Set(own.map((path) => path.split('/', 2)[1] ?? ''));
    expect([...folders].sort()).toEqual(['contracts', 'core', 'workflows']);
    // The schemas of the custom resources would double it.
    expect(own.filter((path) => path.startsWith('./contracts/api/'))).toEqual([]);
  });

  it('is small', () => {
    expect(statSync(inject('workflowBundle')).size).toBeLessThan(2.5e6);
  });
});
