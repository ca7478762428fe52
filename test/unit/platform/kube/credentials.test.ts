import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CaravelError } from '../../../../core/errors/catalog.ts';
import { Connections } from '../../../../platform/kube/connections.ts';
import { endpointOf, loadKubeConfig, readCredentials } from '../../../../platform/kube/credentials.ts';
import { configFor } from '../../../support/fake-api.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credentials-'));
  path = join(folder, 'kubeconfig');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(folder, { recursive: true });
});

const write = (file: string, server: string) =>
  writeFile(
    file,
    JSON.stringify({
      clusters: ['a', 'b'].map((name) => ({ name, cluster: { server: `https://${name}.${server}` } })),
      users: [{ name: 'me', user: { token: 't' } }],
      contexts: ['a', 'b'].map((name) => ({ name, context: { cluster: name, user: 'me' } })),
      'current-context': 'a',
    }),
  );

describe('loadKubeConfig', () => {
  it('takes the path, else KUBECONFIG, and the context', async () => {
    await write(path, 'path');
    await write(join(folder, 'other'), 'env');
    vi.stubEnv('KUBECONFIG', join(folder, 'other'));
    expect(endpointOf(loadKubeConfig(path)).origin).toBe('https://a.path');
    expect(endpointOf(loadKubeConfig(path, 'b')).origin).toBe('https://b.path');
    expect(endpointOf(loadKubeConfig()).origin).toBe('https://a.env');
  });

  it('names what is wrong', async () => {
    await write(path, 'path');
    expect(() => loadKubeConfig(path, 'c')).toThrow(/no context c; it has a, b/);
    expect(() => loadKubeConfig(join(folder, 'none'))).toThrow(/none.*ENOENT/);
    await writeFile(path, '{');
    expect(() => loadKubeConfig(path)).toThrow(CaravelError);
    vi.stubEnv('KUBECONFIG', '');
    vi.stubEnv('HOME', folder);
    expect(() => endpointOf(loadKubeConfig())).toThrow(/no kubeconfig/);
  });
});

describe('endpointOf', () => {
  it('splits the server, and refuses what it cannot reach', () => {
    expect(endpointOf(configFor('https://api:6443/k8s/c-1/', {}, { proxyUrl: 'http://proxy' }))).toEqual({
      origin: 'https://api:6443',
      prefix: '/k8s/c-1',
      proxyUrl: 'http://proxy',
      near: false,
    });
    expect(() => endpointOf(configFor('api:'))).toThrow(CaravelError);
    expect(() => endpointOf(configFor('http://api', {}, { skipTLSVerify: false }))).toThrow(/without TLS/);
    const socks = configFor('https://api', {}, { proxyUrl: 'socks5://proxy' });
    expect(() => endpointOf(socks)).toThrow(expect.objectContaining({ code: 'NotSupported' }));
  });

  it.each([
    ['https://10.96.0.1:443', true],
    ['https://172.30.0.1', true],
    ['https://192.168.1.5:6443', true],
    ['https://[fd00::1]:443', true],
    ['https://[::1]:6443', true],
    ['https://203.0.113.9', false],
    ['https://172.32.0.1', false],
    ['https://[2001:db8::1]', false],
    ['https://api.cluster.example', false],
  ])('knows whether %s is near: %s', (server, near) => expect(endpointOf(configFor(server)).near).toBe(near));
});

describe('credentials', () => {
  it('are headers and certificates', async () => {
    const encoded = (text: string) => Buffer.from(text).toString('base64');
    const user = { token: 't', certData: encoded('cert'), keyData: encoded('key'), impersonateUser: 'other' };
    const cluster = { caData: encoded('ca'), tlsServerName: 'name', skipTLSVerify: false };
    expect(await readCredentials(configFor('https://api', user, cluster))).toEqual({
      headers: { authorization: 'Bearer t', 'impersonate-user': 'other' },
      tls: { ca: Buffer.from('ca'), cert: Buffer.from('cert'), key: Buffer.from('key'), servername: 'name' },
    });
  });

  it('that rotate get connections of their own', async () => {
    const connections = new Connections({
      origin: 'https://api',
      prefix: '',
      proxyUrl: undefined,
      near: false,
    });
    const first = connections.pools({ passphrase: '1' });
    expect(connections.pools({ passphrase: '1' })).toBe(first);
    const second = connections.pools({ passphrase: '2' });
    expect(second).not.toBe(first);
    expect(second.requests).not.toBe(first.requests);
    await connections.close();
  });
});
