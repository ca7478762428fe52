import type { Execution } from '../../contracts/run.ts';

/** Named locks of a cluster: who has which, and who waits. Changed in place; the limiter workflow owns the one copy. */
export interface Locks {
  held: LockClaim[];
  /** First come, first served; nobody overtakes one who waits for the same name. */
  waiting: LockClaim[];
  /** Given back lately. A request for one of them was on its way for longer than its claim lived. */
  over: LockId[];
}

/** So many are remembered; a request that is later than that is dropped with its run. */
const REMEMBERED = 100;

/** All of the names or none: whoever waits holds nothing, so nobody waits for ever. */
export interface LockClaim {
  /** The one that is told. Another execution under the same id has nothing of it. */
  holder: Execution;
  /** Tells the claims of a holder apart. */
  key: string;
  names: string[];
  /** The claim stands while one of these runs. */
  keepers: Execution[];
}

export type LockId = Pick<LockClaim, 'holder' | 'key'>;

export const noLocks = (): Locks => ({ held: [], waiting: [], over: [] });

const isSame = (a: Execution) => (b: Execution) => a.workflowId === b.workflowId && a.runId === b.runId;
const same = (a: LockId) => (b: LockId) => isSame(a.holder)(b.holder) && a.key === b.key;

export function askForLock(locks: Locks, claim: LockClaim): void {
  if (locks.over.some(same(claim))) return;
  if (locks.held.some(same(claim))) {
    // Asked again after a retry: told again, and nobody gets in between.
    locks.held = locks.held.filter((other) => !same(claim)(other));
    locks.waiting.unshift(claim);
  } else if (!locks.waiting.some(same(claim))) locks.waiting.push(claim);
}

export function giveBackLock(locks: Locks, { holder, key }: LockId): void {
  const id = { holder, key };
  locks.held = locks.held.filter((claim) => !same(id)(claim));
  locks.waiting = locks.waiting.filter((claim) => !same(id)(claim));
  if (!locks.over.some(same(id))) locks.over = [...locks.over, id].slice(-REMEMBERED);
}

/** Claims of which no keeper runs any more. */
export function dropLost(locks: Locks, ended: readonly Execution[]): void {
  const lives = ({ keepers }: LockClaim) => keepers.some((keeper) => !ended.some(isSame(keeper)));
  locks.held = locks.held.filter(lives);
  locks.waiting = locks.waiting.filter(lives);
}

/** Each once: a run keeps the claims of all its groups. */
export const keepersOf = ({ held, waiting }: Locks): Execution[] => {
  const all = [...held, ...waiting].flatMap(({ keepers }) => keepers);
  return all.filter((keeper, at) => all.findIndex(isSame(keeper)) === at);
};

function nextOf({ held, waiting }: Locks): LockClaim | undefined {
  const taken = new Set(held.flatMap(({ names }) => names));
  for (const claim of waiting) {
    if (claim.names.every((name) => !taken.has(name))) return claim;
    for (const name of claim.names) taken.add(name);
  }
  return undefined;
}

export const canLock = (locks: Locks): boolean => nextOf(locks) !== undefined;

/** The next claim whose names are all free, if there is one. */
export function lockNext(locks: Locks): LockClaim | undefined {
  const next = nextOf(locks);
  if (!next) return undefined;
  locks.waiting = locks.waiting.filter((claim) => claim !== next);
  locks.held.push(next);
  return next;
}
