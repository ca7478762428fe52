import { createServer } from 'node:http';
import type { Server } from 'node:http';

/** `/healthz` answers 200 while the worker polls for tasks, 503 otherwise. */
export function serveHealth(port: number, healthy: () => boolean): Server {
  const server = createServer((request, response) => {
    const ok = request.url === '/healthz' && healthy();
    response.writeHead(ok ? 200 : request.url === '/healthz' ? 503 : 404).end(ok ? 'ok' : 'not ready');
  });
  return server.listen(port);
}
