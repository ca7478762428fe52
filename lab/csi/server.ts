import { mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  status,
  type GrpcObject,
  type ServiceClientConstructor,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import type { Faults } from './faults.ts';

/** A request or an answer as it comes from the protocol files: plain data with snake_case names. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Message = Record<string, any>;
export type Method = (request: Message) => Promise<Message> | Message;
export type Methods = Record<string, Method>;

export class CsiError extends Error {
  readonly code: status;

  constructor(code: keyof typeof status, message: string) {
    super(message);
    this.code = status[code];
  }
}

export interface Services {
  identity: ServiceDefinition;
  controller: ServiceDefinition;
  groupController: ServiceDefinition;
  node: ServiceDefinition;
  registration: ServiceDefinition;
}

export function loadServices(protoDir: string): Services {
  const options = { keepCase: true, longs: Number, enums: String, defaults: true, oneofs: true };
  const load = (file: string): GrpcObject => loadPackageDefinition(loadSync(join(protoDir, file), options));
  const csi = (load('csi.proto').csi as GrpcObject).v1 as GrpcObject;
  const plugin = load('api.proto').pluginregistration as GrpcObject;
  const service = (from: GrpcObject, name: string): ServiceDefinition =>
    (from[name] as ServiceClientConstructor).service;
  return {
    identity: service(csi, 'Identity'),
    controller: service(csi, 'Controller'),
    groupController: service(csi, 'GroupController'),
    node: service(csi, 'Node'),
    registration: service(plugin, 'Registration'),
  };
}

export interface ServedService {
  definition: ServiceDefinition;
  methods: Methods;
  faults: Faults;
}

/** Serves on a unix socket, replacing one that a killed predecessor left. */
export async function serve(socket: string, served: ServedService[]): Promise<void> {
  mkdirSync(dirname(socket), { recursive: true });
  rmSync(socket, { force: true });
  const server = new Server();
  for (const { definition, methods, faults } of served) {
    server.addService(definition, implementation(methods, faults));
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix://${socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
}

function implementation(methods: Methods, faults: Faults): UntypedServiceImplementation {
  const entries = Object.entries(methods).map(([name, method]) => {
    const handler = (
      call: { request: Message },
      callback: (error: object | null, value?: Message) => void,
    ): void => {
      answer({ name, method, request: call.request, faults }).then(
        (value) => callback(null, value),
        (error: Error) => {
          const code = error instanceof CsiError ? error.code : status.INTERNAL;
          callback({ code, details: error.message });
        },
      );
    };
    return [name, handler];
  });
  return Object.fromEntries(entries) as UntypedServiceImplementation;
}

interface Call {
  name: string;
  method: Method;
  request: Message;
  faults: Faults;
}

const quiet = new Set(['Probe', 'GetPluginInfo', 'NodeGetCapabilities', 'GetPluginCapabilities']);

async function answer({ name, method, request, faults }: Call): Promise<Message> {
  const started = Date.now();
  let outcome = 'ok';
  try {
    await faults.before(name, request);
    const value = await method(request);
    await faults.after(name, request);
    return value;
  } catch (error) {
    outcome = (error as Error).message;
    throw error;
  } finally {
    if (!quiet.has(name) || outcome !== 'ok') {
      const subject = String(request.volume_id || request.snapshot_id || request.name || '');
      const at = new Date().toISOString();
      console.log(JSON.stringify({ at, call: name, subject, ms: Date.now() - started, outcome }));
    }
  }
}
