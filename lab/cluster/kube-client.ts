import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { parse, parseAllDocuments } from 'yaml';

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [key: string]: unknown };
  [key: string]: unknown;
}

interface Kubeconfig {
  'current-context': string;
  clusters: { name: string; cluster: Record<string, string> }[];
  contexts: { name: string; context: { cluster: string; user: string } }[];
  users: { name: string; user: Record<string, string> }[];
}

export interface KubeResponse {
  status: number;
  body: Record<string, unknown>;
}

/** The few requests that the lab itself makes to a cluster. */
export class KubeClient {
  private readonly server: string;
  private readonly agent: Agent;
  private readonly token: string | undefined;
  private readonly resources = new Map<string, { name: string; namespaced: boolean }>();

  constructor(kubeconfigFile: string) {
    const config = parse(readFileSync(kubeconfigFile, 'utf8')) as Kubeconfig;
    const context = config.contexts.find(({ name }) => name === config['current-context'])?.context;
    const cluster = config.clusters.find(({ name }) => name === context?.cluster)?.cluster ?? {};
    const user = config.users.find(({ name }) => name === context?.user)?.user ?? {};
    const certificate = (part: Record<string, string>, key: string): Buffer | undefined => {
      const data = part[`${key}-data`];
      const file = part[key];
      if (data) return Buffer.from(data, 'base64');
      return file ? readFileSync(file) : undefined;
    };
    this.server = cluster.server ?? '';
    this.token = user.token;
    this.agent = new Agent({
      keepAlive: true,
      ca: certificate(cluster, 'certificate-authority'),
      cert: certificate(user, 'client-certificate'),
      key: certificate(user, 'client-key'),
    });
  }

  request(
    method: string,
    path: string,
    body?: unknown,
    contentType = 'application/json',
  ): Promise<KubeResponse> {
    const url = new URL(path, this.server);
    const headers = {
      accept: 'application/json',
      ...(this.token ? { authorization: `Bearer ${this.token}` } : {}),
      ...(body === undefined ? {} : { 'content-type': contentType }),
    };
    return new Promise((resolve, reject) => {
      const request = httpsRequest(
        url,
        { method, headers, agent: this.agent, timeout: 30_000 },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => (text += chunk));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: toObject(text) }));
        },
      );
      request.on('timeout', () => request.destroy(new Error(`${method} ${url.href} got no answer in 30 s`)));
      request.on('error', reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  /** Server-side apply. A kind whose definition was only just applied is waited for. */
  async apply(object: KubeObject): Promise<void> {
    const path = await this.pathOf(object);
    const query = 'fieldManager=caravel-lab&force=true';
    const answer = await this.request('PATCH', `${path}?${query}`, object, 'application/apply-patch+yaml');
    if (answer.status >= 300) {
      const { kind, metadata } = object;
      throw new Error(`${kind} ${metadata.name} was refused: ${String(answer.body.message)}`);
    }
  }

  close(): void {
    this.agent.destroy();
  }

  private async pathOf(object: KubeObject): Promise<string> {
    const { apiVersion, kind, metadata } = object;
    const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const resource = await this.resourceOf(root, kind);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? 'default'}` : '';
    return `${root}${namespace}/${resource.name}/${metadata.name}`;
  }

  private async resourceOf(root: string, kind: string): Promise<{ name: string; namespaced: boolean }> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const known = this.resources.get(`${root} ${kind}`);
      if (known) return known;
      const answer = await this.request('GET', root);
      const found = (answer.body.resources ?? []) as { name: string; namespaced: boolean; kind: string }[];
      for (const resource of found.filter(({ name }) => !name.includes('/'))) {
        this.resources.set(`${root} ${resource.kind}`, resource);
      }
      if (!this.resources.has(`${root} ${kind}`)) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`The cluster knows no ${kind} in ${root}`);
  }
}

function toObject(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return { message: text };
  }
}

/** The objects of a file of YAML documents, with each `${NAME}` replaced. */
export function readManifest(file: string, variables: Record<string, string> = {}): KubeObject[] {
  const text = readFileSync(file, 'utf8').replace(/\$\{([A-Z0-9_]+)\}/g, (whole, name: string) => {
    const value = variables[name];
    if (value === undefined) throw new Error(`${file} wants ${whole}, which is not set`);
    return value;
  });
  return parseAllDocuments(text)
    .map((document) => document.toJSON() as KubeObject | null)
    .filter((object) => object !== null);
}
