import { addToList } from '../format/resource-list.ts';
import type { ListedItem } from '../format/resource-list.ts';
import type { ApplyReport, ItemAction, ItemNote } from '../model.ts';
import type { Problem } from '../problems.ts';

/** What came of one object. */
export interface ItemResult {
  item: ListedItem & { resource: string };
  /** Absent for objects that are reported by another step. */
  action?: ItemAction;
  problems?: Problem[];
  /** Why it was skipped; for the log. */
  note?: string;
}

export const emptyReport = (): ApplyReport => ({
  names: {},
  counts: { created: 0, updated: 0, skipped: 0, failed: 0 },
  problems: [],
  notes: [],
});

export function addResult(report: ApplyReport, { item, action, problems = [], note }: ItemResult): void {
  if (action) {
    addToList(report.names, item, action);
    report.counts[action] += 1;
  }
  report.problems.push(...problems);
  if (note !== undefined) report.notes.push(noteOf(item, note));
}

const noteOf = ({ resource, namespace, name }: ItemResult['item'], message: string): ItemNote => ({
  resource,
  namespace: namespace ?? '',
  name,
  message,
});

export const countItems = ({ counts }: ApplyReport): number =>
  counts.created + counts.updated + counts.skipped + counts.failed;
