import { tmpdir } from 'node:os';
import { describe, expect, it } from 'vitest';
import { CaravelError } from '../../../../core/errors/catalog.ts';
import { loadClientConfig, loadConfig } from '../../../../platform/config/config.ts';

const problem = (environment: Record<string, string>): string => {
  try {
    loadConfig(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(CaravelError);
    return (error as CaravelError).message;
  }
  return '';
};

describe('loadConfig', () => {
  it('has a default for everything but the mover image', () => {
    expect(loadConfig({ MOVER_IMAGE: 'registry/caravel:1' })).toEqual({
      cluster: 'local',
      namespace: 'openshift-adp',
      taskQueue: 'caravel',
      logLevel: 'info',
      moverImage: 'registry/caravel:1',
      moverImagePullPolicy: 'IfNotPresent',
      moverServiceAccount: 'caravel-mover',
      movers: 4,
      allVersions: false,
      nodeAgentConfig: 'node-agent-config',
      checkpointSeconds: 180,
      uploadLimit: 0,
      workDir: tmpdir(),
      downloadLimit: 0,
      healthPort: 8081,
      kopiaPath: 'kopia',
      kubeletRoot: '/var/lib/kubelet',
      identity: undefined,
    });
    expect(problem({})).toBe('MOVER_IMAGE is not set: it names the image of the mover pods');
    expect(loadClientConfig({}).namespace).toBe('openshift-adp');
  });

  it('takes the common image for movers when none is named', () => {
    expect(loadConfig({ CARAVEL_IMAGE: 'a', MOVER_IMAGE: '' }).moverImage).toBe('a');
    expect(loadConfig({ CARAVEL_IMAGE: 'a', MOVER_IMAGE: 'b' }).moverImage).toBe('b');
  });

  it("takes the names of Velero's features", () => {
    const all = (features: string) =>
      loadConfig({ MOVER_IMAGE: 'a', CARAVEL_FEATURES: features }).allVersions;
    expect(all('EnableAPIGroupVersions')).toBe(true);
    expect(all('EnableCSI, EnableAPIGroupVersions,')).toBe(true);
    expect(all('EnableCSI')).toBe(false);
    expect(problem({ MOVER_IMAGE: 'a', CARAVEL_FEATURES: 'EnableCSI,Fly' })).toBe(
      'CARAVEL_FEATURES has "Fly", but knows only EnableAPIGroupVersions, EnableCSI',
    );
  });

  it('reads sizes as quantities', () => {
    const config = loadConfig({
      MOVER_IMAGE: 'a',
      CARAVEL_UPLOAD_LIMIT: '50Mi',
      CARAVEL_DOWNLOAD_LIMIT: '1000',
    });
    expect(config).toMatchObject({ uploadLimit: 52_428_800, downloadLimit: 1000 });
  });

  it.each(['/data/kubelet/', 'kubelet', '/data/../etc', '/', '/a b'])(
    'takes no %j as the root folder of kubelets',
    (root) => {
      expect(problem({ MOVER_IMAGE: 'a', CARAVEL_KUBELET_ROOT: root })).toMatch(/must be an absolute path/);
    },
  );

  it('reports every fault at once, each with its variable', () => {
    const message = problem({
      MOVER_IMAGE: 'a',
      CARAVEL_CLUSTER: 'a/b',
      CARAVEL_MOVERS: '0',
      CARAVEL_HEALTH_PORT: 'http',
      CARAVEL_LOG_LEVEL: 'loud',
      CARAVEL_UPLOAD_LIMIT: '-1',
    });
    expect(message.split('; ')).toEqual([
      'CARAVEL_CLUSTER is "a/b", but must be at most 63 of a-z, 0-9 and "-"',
      'CARAVEL_LOG_LEVEL is "loud", but must be one of trace, debug, info, warn, error',
      'CARAVEL_MOVERS is "0", but must be a whole number from 1 to 1000',
      'CARAVEL_UPLOAD_LIMIT is "-1", but must be a number of bytes such as 1048576 or 50Mi',
      'CARAVEL_HEALTH_PORT is "http", but must be a whole number from 1 to 65535',
    ]);
  });
});
