/** The mover slots of a cluster: who has one, and who waits. Changed in place; the limiter workflow owns the one copy. */
export interface Slots {
  /** Workflow ids that hold a slot. */
  holders: string[];
  /** Waiting workflow ids, first come first served. */
  queue: string[];
  /** As the last question named it. */
  limit: number;
}

export const noSlots = (): Slots => ({ holders: [], queue: [], limit: 1 });

export function askForSlot(slots: Slots, holder: string, limit: number): void {
  slots.limit = limit;
  if (slots.holders.includes(holder)) {
    // Asked again after a retry: told again, since the first grant may have been lost with the asker's worker. It keeps
    // its slot meanwhile, since it may as well be at work.
    slots.holders = slots.holders.filter((id) => id !== holder);
    slots.queue.unshift(holder);
  } else if (!slots.queue.includes(holder)) slots.queue.push(holder);
}

/** Of holders and of those who wait no longer. */
export function giveBackSlots(slots: Slots, ids: readonly string[]): void {
  slots.holders = slots.holders.filter((id) => !ids.includes(id));
  slots.queue = slots.queue.filter((id) => !ids.includes(id));
}

export const canGrant = ({ holders, queue, limit }: Slots): boolean =>
  queue.length > 0 && holders.length < limit;

/** The holder of a slot that was free until now, if there is one and somebody waits. */
export function grantNext(slots: Slots): string | undefined {
  const next = canGrant(slots) ? slots.queue.shift() : undefined;
  if (next !== undefined) slots.holders.push(next);
  return next;
}
