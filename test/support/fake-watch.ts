import type { ServerResponse } from 'node:http';
import type { FakeRequest } from './fake-api.ts';
import { json, status } from './fake-api.ts';

/** A resource that a fake API lists and watches; the test changes it, breaks its connections and forgets versions. */
export class FakeResource {
  readonly objects = new Map<string, { uid: string; resourceVersion: string; value: string }>();
  readonly watches: { response: ServerResponse; query: URLSearchParams }[] = [];
  lists = 0;
  version = 100;
  /** Answers instead of the next watch request; false = not this time. */
  onWatch: (response: ServerResponse, query: URLSearchParams) => boolean = () => false;

  handle({ path, query }: FakeRequest, response: ServerResponse): void {
    const name = /\/configmaps\/([^/]+)$/.exec(path)?.[1];
    if (name !== undefined && this.objects.has(name)) return json(response, this.object(name));
    if (name !== undefined) return status(response, 404, 'NotFound');
    if (query.get('watch') !== 'true') {
      this.lists++;
      const items = [...this.objects.keys()].map((name) => this.object(name));
      return json(response, {
        kind: 'ThingList',
        apiVersion: 'v1',
        metadata: { resourceVersion: `${this.version}` },
        items,
      });
    }
    this.watches.push({ response, query });
    if (this.onWatch(response, query)) return;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
  }

  object(name: string) {
    const { uid, resourceVersion, value } = this.objects.get(name)!;
    return { apiVersion: 'v1', kind: 'Thing', metadata: { name, uid, resourceVersion }, value };
  }

  /** Changes the object without telling anybody. */
  put(name: string, value: string, uid = `${name}-uid`) {
    this.objects.set(name, { uid, value, resourceVersion: `${++this.version}` });
    return this.object(name);
  }

  get connection(): ServerResponse {
    return this.watches.at(-1)!.response;
  }

  send(type: string, object: unknown): void {
    this.connection.write(`${JSON.stringify({ type, object })}\n`);
  }
}
