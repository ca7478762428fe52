import { readFileSync } from 'node:fs';
import { inRun } from '../support/processes.ts';

/** Resident memory of processes. Counters of a container's cgroup would add the page cache, which costs nobody. */

const field = (pid: number, name: string): number => {
  try {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
};

export const residentBytes = (pid: number): number => field(pid, 'VmRSS');

export interface MoverPeak {
  /** All processes of the mover's container at one moment. */
  together: number;
  /** The largest kopia process alone, as the kernel counted it. */
  kopia: number;
  supervisor: number;
}

/** Samples the mover of a run; the answer ends that and has the peaks. */
export function watchMover(uid: string): () => MoverPeak {
  const peak: MoverPeak = { together: 0, kopia: 0, supervisor: 0 };
  const sample = () => {
    const supervisors = inRun(uid, 'mover/main.ts').map(({ pid }) => pid);
    const kopias = inRun(uid, 'kopia ').map(({ pid }) => pid);
    const pids = [...new Set([...supervisors, ...kopias])];
    peak.together = Math.max(
      peak.together,
      pids.map(residentBytes).reduce((sum, bytes) => sum + bytes, 0),
    );
    peak.supervisor = Math.max(peak.supervisor, ...supervisors.map((pid) => field(pid, 'VmHWM')));
    const children = kopias.filter((pid) => !supervisors.includes(pid));
    peak.kopia = Math.max(peak.kopia, ...children.map((pid) => field(pid, 'VmHWM')));
  };
  const timer = setInterval(sample, 250);
  return (): MoverPeak => {
    clearInterval(timer);
    return peak;
  };
}

/** Samples processes; the answer ends that and has the most that they held together. */
export function watchPeak(pids: () => number[]): () => number {
  const watched = pids();
  let peak = 0;
  const sample = () => {
    peak = Math.max(
      peak,
      watched.map(residentBytes).reduce((sum, bytes) => sum + bytes, 0),
    );
  };
  sample();
  const timer = setInterval(sample, 100);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
