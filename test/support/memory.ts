import { readFileSync } from 'node:fs';

/** Resident memory of processes. Counters of a container's cgroup would add the page cache, which costs nobody. */

function field(pid: number, name: string): number {
  try {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return Number(found?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

export const residentBytes = (pid: number): number => field(pid, 'VmRSS');

/** The most that a process ever held; 0 when it is gone, which samplers meet all the time. */
export const peakBytes = (pid: number): number => field(pid, 'VmHWM');

/** The same of a process that must be there. */
export function peakBytesOfLiving(pid: number): number {
  const bytes = peakBytes(pid);
  if (bytes === 0) throw new Error(`process ${pid} is gone, so nobody knows how much memory it needed`);
  return bytes;
}

/** Samples processes; the answer ends that and has the most that they held together. */
export function watchPeak(pids: readonly number[]): () => number {
  let peak = 0;
  const sample = () => {
    peak = Math.max(
      peak,
      pids.map(residentBytes).reduce((sum, bytes) => sum + bytes, 0),
    );
  };
  sample();
  const timer = setInterval(sample, 100);
  return () => {
    clearInterval(timer);
    return peak;
  };
}
