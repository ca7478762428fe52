import { afterEach, describe, expect, it } from 'vitest';
import { discover } from '../../../../platform/kube/discovery.ts';
import { json, startFakeApi, status, type FakeApi } from '../../../support/fake-api.ts';

let api: FakeApi;
afterEach(() => api.close());

const aggregated = (...items: object[]) => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: 'apidiscovery.k8s.io/v2',
  items,
});
const resource = (name: string, kind: string, more: object = {}) => ({
  resource: name,
  responseKind: { group: '', version: '', kind },
  scope: 'Namespaced',
  singularResource: kind.toLowerCase(),
  verbs: ['get', 'list'],
  subresources: [{ subresource: 'status', responseKind: { kind } }],
  ...more,
});

const brief = (resources: { group: string; version: string; resource: string; preferred: boolean }[]) =>
  resources.map(
    ({ group, version, resource: name, preferred }) => `${group}/${version}/${name}${preferred ? ' *' : ''}`,
  );

describe('aggregated discovery', () => {
  it('takes two requests, marks the preferred versions and reports what is stale', async () => {
    const answers: Record<string, object> = {
      '/api': aggregated({
        metadata: {},
        versions: [
          {
            version: 'v1',
            freshness: 'Current',
            resources: [resource('pods', 'Pod', { shortNames: ['po'] })],
          },
        ],
      }),
      '/apis': aggregated(
        {
          metadata: { name: 'autoscaling' },
          versions: [
            { version: 'v2', resources: [resource('hpas', 'Hpa')] },
            {
              version: 'v1',
              resources: [resource('hpas', 'Hpa'), resource('olds', 'Old', { scope: 'Cluster' })],
            },
          ],
        },
        {
          metadata: { name: 'metrics.k8s.io' },
          versions: [
            { version: 'v1beta1', freshness: 'Stale', resources: [resource('nodes', 'NodeMetrics')] },
          ],
        },
        {
          metadata: { name: 'sub.only' },
          versions: [{ version: 'v1', resources: [{ resource: 'x', scope: 'Cluster' }] }],
        },
      ),
    };
    api = await startFakeApi(({ path }, response) => json(response, answers[path]));
    const { resources, failures } = await discover(api.transport);
    expect(brief(resources)).toEqual([
      '/v1/pods *',
      'autoscaling/v2/hpas *',
      'autoscaling/v1/hpas',
      'autoscaling/v1/olds *',
    ]);
    expect(resources[0]).toEqual({
      group: '',
      version: 'v1',
      resource: 'pods',
      kind: 'Pod',
      namespaced: true,
      verbs: ['get', 'list'],
      shortNames: ['po'],
      singular: 'pod',
      preferred: true,
    });
    expect(resources[3]?.namespaced).toBe(false);
    expect(failures).toEqual([
      {
        group: 'metrics.k8s.io',
        message: expect.stringContaining('v1beta1') as string,
        resources: expect.any(Array) as object[],
      },
    ]);
    expect(api.requests.map(({ path }) => path).toSorted()).toEqual(['/api', '/apis']);
    expect(api.requests[0]?.headers.accept).toContain('as=APIGroupDiscoveryList');
  });
});

describe('discovery of an old server', () => {
  it('reads each group version, and goes on without those that fail', async () => {
    const list = (...names: string[]) => ({
      resources: names.map((name) => ({
        name,
        kind: name,
        namespaced: true,
        verbs: ['list'],
        singularName: '',
      })),
    });
    const version = (text: string) => ({ groupVersion: text, version: text });
    const answers: Record<string, object> = {
      '/api': { kind: 'APIVersions', versions: ['v1'] },
      '/apis': {
        kind: 'APIGroupList',
        groups: [
          { name: 'apps', versions: [version('v1beta1'), version('v1')], preferredVersion: version('v1') },
          { name: 'down', versions: [version('v1')] },
        ],
      },
      '/api/v1': list('pods', 'pods/log'),
      '/apis/apps/v1': list('deployments', 'deployments/scale'),
      '/apis/apps/v1beta1': list('deployments', 'olds'),
    };
    api = await startFakeApi(({ path }, response) => {
      const answer = answers[path];
      if (answer === undefined) status(response, 500, 'InternalError');
      else json(response, answer);
    });
    const { resources, failures } = await discover(api.transport);
    expect(brief(resources)).toEqual([
      '/v1/pods *',
      'apps/v1/deployments *',
      'apps/v1beta1/deployments',
      'apps/v1beta1/olds *',
    ]);
    expect(failures).toEqual([{ group: 'down', message: 'down/v1: InternalError', resources: [] }]);
  });

  it('fails when not even the groups can be read', async () => {
    api = await startFakeApi((_request, response) => status(response, 403, 'Forbidden'));
    await expect(discover(api.transport)).rejects.toMatchObject({ code: 403 });
  });
});
