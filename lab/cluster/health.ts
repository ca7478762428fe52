import { Resolver } from 'node:dns/promises';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';

/** How a component shows that it serves. */
export type Health =
  | { url: string; saying?: string }
  | { socket: string }
  | { host: string; port: number }
  | { nameServer: string; name: string };

export function isHealthy(health: Health): Promise<boolean> {
  if ('nameServer' in health) return resolves(health.nameServer, health.name);
  return 'url' in health ? answers(health.url, health.saying) : accepts(health);
}

/** Without words to look for, success is what counts. */
function answers(url: string, saying?: string): Promise<boolean> {
  const send = url.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    // Only a liveness question, asked at an address that is ours alone.
    const request = send(url, { rejectUnauthorized: false, timeout: 2_000, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('error', () => resolve(false));
      response.on('end', () => resolve(saying ? text.includes(saying) : (response.statusCode ?? 500) < 400));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
    request.end();
  });
}

function accepts(target: { socket: string } | { host: string; port: number }): Promise<boolean> {
  const where = 'socket' in target ? { path: target.socket } : target;
  return new Promise((resolve) => {
    const socket = connect({ ...where, timeout: 2_000 });
    const end = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.on('connect', () => end(true));
    socket.on('timeout', () => end(false));
    socket.on('error', () => end(false));
  });
}

async function resolves(nameServer: string, name: string): Promise<boolean> {
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([nameServer]);
  try {
    return (await resolver.resolve4(name)).length > 0;
  } catch {
    return false;
  }
}
