import { peakBytes, residentBytes } from '../support/memory.ts';
import { inRun } from '../support/processes.ts';

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
    peak.supervisor = Math.max(peak.supervisor, ...supervisors.map(peakBytes));
    const children = kopias.filter((pid) => !supervisors.includes(pid));
    peak.kopia = Math.max(peak.kopia, ...children.map(peakBytes));
  };
  const timer = setInterval(sample, 250);
  return (): MoverPeak => {
    clearInterval(timer);
    return peak;
  };
}
