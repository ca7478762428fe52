/** Named locks of a cluster: who has which, and who waits. Changed in place; the limiter workflow owns the one copy. */
export interface Locks {
  held: LockClaim[];
  /** First come, first served; nobody overtakes one who waits for the same name. */
  waiting: LockClaim[];
}

/** All of the names or none: whoever waits holds nothing, so nobody waits for ever. */
export interface LockClaim {
  /** Workflow id of the one that is told. */
  holder: string;
  /** Tells the claims of a holder apart. */
  key: string;
  names: string[];
  /** The claim stands while one of these workflows runs. */
  keepers: string[];
}

export type LockId = Pick<LockClaim, 'holder' | 'key'>;

export const noLocks = (): Locks => ({ held: [], waiting: [] });

const same = (a: LockId) => (b: LockId) => a.holder === b.holder && a.key === b.key;

export function askForLock(locks: Locks, claim: LockClaim): void {
  if (locks.held.some(same(claim))) {
    // Asked again after a retry: told again, and nobody gets in between.
    locks.held = locks.held.filter((other) => !same(claim)(other));
    locks.waiting.unshift(claim);
  } else if (!locks.waiting.some(same(claim))) locks.waiting.push(claim);
}

export function giveBackLock(locks: Locks, id: LockId): void {
  locks.held = locks.held.filter((claim) => !same(id)(claim));
  locks.waiting = locks.waiting.filter((claim) => !same(id)(claim));
}

/** Claims of which no keeper runs any more. */
export function dropLost(locks: Locks, ended: ReadonlySet<string>): void {
  const lives = ({ keepers }: LockClaim) => keepers.some((id) => !ended.has(id));
  locks.held = locks.held.filter(lives);
  locks.waiting = locks.waiting.filter(lives);
}

export const keepersOf = ({ held, waiting }: Locks): string[] => [
  ...new Set([...held, ...waiting].flatMap(({ keepers }) => keepers)),
];

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
