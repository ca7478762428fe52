import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const run = promisify(execFile);
const KUBE = join(import.meta.dirname, '../../../../platform/kube');

/** A process of its own, for what is loaded once and for all in this one. */
async function inNode(code: string): Promise<unknown> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: KUBE });
  return JSON.parse(stdout);
}

describe('KubeConfig', () => {
  it('comes without the classes that client-node generates for every API', async () => {
    const loaded = await inNode(`
      import { registerHooks } from 'node:module';
      const urls = [];
      registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
      await import('${KUBE}/client.ts');
      console.log(JSON.stringify(urls.filter((url) => url.includes('/client-node/'))));
    `);
    expect(loaded).toContainEqual(expect.stringMatching(/client-node\/dist\/config\.js$/));
    expect(loaded).not.toContainEqual(expect.stringMatching(/dist\/gen\/(models|apis|types)\//));
  });

  it('is the one of client-node, and leaves the whole of it to whoever wants that', async () => {
    const found = await inNode(`
      const { KubeConfig } = await import('${KUBE}/kube-config.ts');
      const whole = await import('@kubernetes/client-node');
      const config = new KubeConfig();
      config.loadFromClusterAndUser({ name: 'a', server: 'https://api' }, { name: 'b' });
      const api = config.makeApiClient(whole.CoreV1Api);
      console.log(JSON.stringify([KubeConfig === whole.KubeConfig, typeof api.listNamespace]));
    `);
    expect(found).toEqual([true, 'function']);
  });
});
