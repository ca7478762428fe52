import type { Backup } from '../../contracts/api/backup.ts';
import { createHooked, fault, hookFactsOf } from '../support/hooked.ts';
import { runToEnd } from '../support/world.ts';
import type { World } from '../support/world.ts';

/** How long an application holds still while its volumes are cut. */

export const QUIESCE = 'bench-quiesce';
const CLAIMS = ['one', 'two', 'three', 'four', 'five'];
/** What the storage needs for a snapshot. */
const SNAPSHOT_MS = 100;

/** Milliseconds of each run, from the beginning of the pre-hook to the end of the post-hook. */
export async function quiesceTimes(
  world: World,
  runs: number,
  tell: (text: string) => void,
): Promise<number[]> {
  await createHooked(world, QUIESCE, { app: { claims: CLAIMS } });
  await fault(world, 'set', JSON.stringify({ call: 'CreateSnapshot', delayMs: SNAPSHOT_MS }));
  try {
    const times: number[] = [];
    for (let round = 0; round <= runs; round++) {
      tell(round === 0 ? 'quiesce: once around, not measured' : `quiesce: round ${round} of ${runs}`);
      const spec = { includedNamespaces: [QUIESCE] };
      const backup = (await runToEnd(world, 'Backup', `quiesce-${round}`, spec)) as Backup;
      if (round > 0) times.push(hookFactsOf(backup)[0]?.quiescedMs ?? Number.NaN);
    }
    return times;
  } finally {
    await fault(world, 'clear');
  }
}
