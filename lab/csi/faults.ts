import { existsSync, readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { CsiError, type Message } from './server.ts';
import type { VolumeStore } from './store.ts';

/** One act of bad storage: which calls it hits, and what happens to them. */
export interface Fault {
  /** Name of the gRPC call, such as CreateSnapshot; `*` is every call. */
  call: string;
  /** Part of a volume, snapshot or claim name; without it every object matches. */
  match?: string;
  delayMs?: number;
  error?: { code: string; message: string };
  /** How often it strikes; without it for ever. */
  times?: number;
  /** `after`: the work is done, and then the answer is lost. */
  when?: 'before' | 'after';
}

export class Faults {
  private readonly strikes = new Map<string, number>();
  private readonly file: string;
  private readonly store: VolumeStore;

  constructor(file: string, store: VolumeStore) {
    this.file = file;
    this.store = store;
  }

  before(call: string, request: Message): Promise<void> {
    return this.strike(call, request, 'before');
  }

  after(call: string, request: Message): Promise<void> {
    return this.strike(call, request, 'after');
  }

  private async strike(call: string, request: Message, when: 'before' | 'after'): Promise<void> {
    const key = this.current().find((candidate) => this.hits(candidate, call, request, when));
    if (!key) return;
    const fault = JSON.parse(key) as Fault;
    this.strikes.set(key, (this.strikes.get(key) ?? 0) + 1);
    await this.delay(key, fault.delayMs ?? 0);
    // Cleared while it delayed: the call goes on as if nothing had been.
    if (fault.error && this.current().includes(key)) {
      throw new CsiError(fault.error.code as keyof typeof status, fault.error.message);
    }
  }

  private async delay(key: string, delayMs: number): Promise<void> {
    const deadline = Date.now() + delayMs;
    while (Date.now() < deadline && this.current().includes(key)) {
      const pause = Math.min(100, deadline - Date.now());
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  private hits(key: string, call: string, request: Message, when: string): boolean {
    const fault = JSON.parse(key) as Fault;
    if (fault.call !== '*' && fault.call !== call) return false;
    if ((fault.when ?? 'before') !== when) return false;
    if ((this.strikes.get(key) ?? 0) >= (fault.times ?? Infinity)) return false;
    return !fault.match || this.store.describe(request).includes(fault.match);
  }

  /** The faults of the moment, each as its text, which also is its identity. */
  private current(): string[] {
    if (!existsSync(this.file)) return [];
    try {
      return (JSON.parse(readFileSync(this.file, 'utf8')) as Fault[]).map((fault) => JSON.stringify(fault));
    } catch {
      return [];
    }
  }
}
