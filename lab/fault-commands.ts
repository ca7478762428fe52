import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fault } from './csi/faults.ts';
import type { Lab } from './layout.ts';

const faultFile = (lab: Lab): string => join(lab.dir, 'faults.json');

export function readFaults(lab: Lab): Fault[] {
  if (!existsSync(faultFile(lab))) return [];
  return JSON.parse(readFileSync(faultFile(lab), 'utf8')) as Fault[];
}

/** Makes the storage driver misbehave from its next call on; adds to the faults that are set. */
export function addFaults(lab: Lab, faults: Fault[]): void {
  // Each gets an id, so that the driver counts anew when the same fault is set a second time.
  const added = faults.map((fault) => ({ ...fault, id: randomUUID() }));
  writeFileSync(`${faultFile(lab)}.partial`, JSON.stringify([...readFaults(lab), ...added], null, 2));
  renameSync(`${faultFile(lab)}.partial`, faultFile(lab));
}

export function clearFaults(lab: Lab): void {
  rmSync(faultFile(lab), { force: true });
}
