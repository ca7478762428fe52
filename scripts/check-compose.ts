import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run, tryRun } from '../lab/host/command.ts';
import { messageOf } from '../core/errors/catalog.ts';

/**
 * Checks docker-compose.yml without a Docker daemon: it is valid, each image has a fixed version, and every port
 * listens on this machine only unless asked otherwise.
 */

const PROJECT = join(import.meta.dirname, '..');
const COMPOSE = '/usr/bin/docker-compose';

/** What .env must hold. */
const EXAMPLE = {
  POSTGRES_PASSWORD: 'example',
  S3_ACCESS_KEY_ID: 'example',
  S3_SECRET_ACCESS_KEY: 'example',
  MOVER_IMAGE: 'registry.example.org/caravel:1',
  KUBECONFIG: '/root/.kube/config',
};

interface Service {
  image?: string;
  build?: unknown;
  ports?: (string | { host_ip?: string; published?: number | string })[];
}

/** Debian's package; it needs no daemon for this. */
async function ensureCompose(): Promise<void> {
  if (existsSync(COMPOSE)) return;
  if (process.getuid?.() !== 0) throw new Error('install the Debian package docker-compose first');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'docker-compose'], { env });
}

async function readConfig(): Promise<Record<string, Service>> {
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...EXAMPLE };
  const { code, stdout, stderr } = await tryRun(COMPOSE, ['config'], { cwd: PROJECT, env });
  if (code !== 0) throw new Error(stderr.trim());
  return (parse(stdout) as { services: Record<string, Service> }).services;
}

const isPinned = ({ image = '', build }: Service): boolean =>
  build !== undefined || image === 'caravel:local' || /:v?\d+\.\d+[^:]*$/.test(image);

const listensHere = (port: NonNullable<Service['ports']>[number]): boolean =>
  typeof port === 'string' ? port.startsWith('127.0.0.1:') : port.host_ip === '127.0.0.1';

function faults(services: Record<string, Service>): string[] {
  return Object.entries(services).flatMap(([name, service]) => [
    ...(isPinned(service) ? [] : [`${name}: image ${service.image} has no fixed version`]),
    ...(service.ports ?? [])
      .filter((port) => !listensHere(port))
      .map((port) => `${name}: port ${JSON.stringify(port)} does not listen on 127.0.0.1`),
  ]);
}

try {
  await ensureCompose();
  const services = await readConfig();
  const found = faults(services);
  if (found.length > 0) throw new Error(found.join('\n'));
  console.log(`docker-compose.yml is valid: ${Object.keys(services).join(', ')}`);
} catch (error) {
  console.error(`docker-compose.yml: ${messageOf(error)}`);
  process.exitCode = 1;
}
