import { randomUUID } from 'node:crypto';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import {
  apiVersion,
  GVR,
  readResource,
  type Backup,
  type BackupStorageLocation,
  type DownloadRequest,
  type DownloadTarget,
  type Restore,
} from '../contracts/api/index.ts';
import { validName } from '../contracts/ids.ts';
import type { RunType } from '../contracts/run.ts';
import { LIMITS } from '../contracts/settings.ts';
import { CaravelError } from '../core/errors/catalog.ts';
import { KubeWaitTimeout } from '../platform/kube/errors.ts';
import { GVRS } from '../platform/kube/gvr.ts';
import type { KubeClient } from '../platform/kube/types.ts';
import { openLink } from '../platform/store/link.ts';

/** Files of backups and restores, by DownloadRequests: whoever may make these needs no access to the bucket. */

/** A worker answers within a second; after this there is none. */
const ANSWER_TIMEOUT = 30_000;

export interface FileOptions {
  /** PEM of the store's CA; default: what the location has. */
  ca?: string;
  /** Takes any certificate of the store. */
  skipTlsVerify?: boolean;
  signal?: AbortSignal;
}

export interface FileAddress {
  kind: DownloadTarget;
  name: string;
}

export class RunFiles {
  readonly #kube: KubeClient;
  readonly #namespace: string;
  readonly #options: FileOptions;
  #ca: Promise<string | undefined> | undefined;

  constructor(kube: KubeClient, namespace: string, options: FileOptions = {}) {
    this.#kube = kube;
    this.#namespace = namespace;
    this.#options = options;
  }

  /** The bytes of a file as it is stored; undefined when there is no such file. */
  async open(file: FileAddress): Promise<Readable | undefined> {
    const name = `${validName(file.name, 200)}-${randomUUID()}`;
    const metadata = { name, namespace: this.#namespace };
    const spec = { target: file };
    const object = { apiVersion: apiVersion(GVR.downloadRequests), kind: 'DownloadRequest', metadata, spec };
    await this.#kube.create(GVR.downloadRequests, this.#namespace, object);
    try {
      const link = await this.#link(name, file);
      const { skipTlsVerify = false, signal } = this.#options;
      const ca = link.startsWith('https:') ? await this.#storeCa(file) : undefined;
      return await openLink(link, { skipTlsVerify, ...(ca && { ca }), ...(signal && { signal }) });
    } finally {
      // It would go by itself; until then whoever may read it could read the file.
      await this.#kube.remove(GVR.downloadRequests, this.#namespace, name).catch(() => undefined);
    }
  }

  /** The text of a gzipped file as it comes. */
  async openText(file: FileAddress): Promise<Readable | undefined> {
    const packed = await this.open(file);
    // The error of either ends the text.
    return packed && pipeline(packed, createGunzip(), () => undefined);
  }

  /** The whole text of a small file. */
  async readText(file: FileAddress): Promise<string | undefined> {
    const stream = await this.openText(file);
    if (!stream) return undefined;
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > LIMITS.documentBytes) throw tooLarge(file);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  async #link(name: string, file: FileAddress): Promise<string> {
    const { signal } = this.#options;
    const options = { timeoutMs: ANSWER_TIMEOUT, ...(signal && { signal }) };
    // An end without a link: the request asks for nothing that there is.
    const test = ({ status = {} }: Partial<DownloadRequest> = {}) =>
      status.downloadURL || (status.expiration ? '' : undefined);
    let link: string;
    try {
      link = await this.#kube.waitFor(GVR.downloadRequests, this.#namespace, name, test, options);
    } catch (error) {
      throw error instanceof KubeWaitTimeout ? unanswered(file, error) : error;
    }
    if (link === '') throw unservable(file);
    return link;
  }

  /** The CA that the location names, for stores behind one of their own. Who may not read it can give it. */
  #storeCa(file: FileAddress): Promise<string | undefined> {
    if (this.#options.ca !== undefined) return Promise.resolve(this.#options.ca);
    this.#ca ??= this.#readCa(file).catch(() => undefined);
    return this.#ca;
  }

  async #readCa({ kind, name }: FileAddress): Promise<string | undefined> {
    const backup = kind.startsWith('Restore') ? await this.#backupOf(name) : name;
    const { spec } = readResource<Backup>(await this.#kube.get(GVR.backups, this.#namespace, backup));
    const raw = await this.#kube.get(
      GVR.backupStorageLocations,
      this.#namespace,
      spec.storageLocation ?? 'default',
    );
    const { caCert, caCertRef } = readResource<BackupStorageLocation>(raw).spec.objectStorage;
    if (!caCertRef?.name) return caCert && decoded(caCert);
    const secret = await this.#kube.get<{ data?: Record<string, string> }>(
      GVRS.secrets,
      this.#namespace,
      caCertRef.name,
    );
    return decoded(secret.data?.[caCertRef.key] ?? '');
  }

  async #backupOf(restore: string): Promise<string> {
    const raw = await this.#kube.get(GVR.restores, this.#namespace, restore);
    return readResource<Restore>(raw).spec.backupName ?? '';
  }
}

const decoded = (text: string) => Buffer.from(text, 'base64').toString('utf8');

const unanswered = ({ kind, name }: FileAddress, cause: Error) =>
  new CaravelError('Timeout', `nobody answered the request for ${kind} of ${name}`, {
    cause,
    hint: 'Is the Deployment caravel running? Its log says why a request cannot be served.',
  });

const unservable = ({ kind, name }: FileAddress) =>
  new CaravelError('StoreNotFound', `${kind} of ${name} cannot be had`, {
    hint: 'Does it exist, and is its BackupStorageLocation usable? The log of the worker has the reason.',
  });

const tooLarge = ({ kind, name }: FileAddress) =>
  new CaravelError('StoreTooLarge', `${kind} of ${name} is larger than ${LIMITS.documentBytes} bytes`);

/** The files that exist for both types of run. */
export const FILE_KINDS = {
  backup: {
    log: 'BackupLog',
    results: 'BackupResults',
    volumes: 'BackupVolumeInfos',
    operations: 'BackupItemOperations',
    resources: 'BackupResourceList',
  },
  restore: {
    log: 'RestoreLog',
    results: 'RestoreResults',
    volumes: 'RestoreVolumeInfo',
    operations: 'RestoreItemOperations',
    resources: 'RestoreResourceList',
  },
} as const satisfies Record<RunType, Record<string, DownloadTarget>>;
