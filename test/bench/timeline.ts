import type { Client } from '@temporalio/client';

/** What Temporal recorded of a run and of its children: which step worked when, and when none did. */

export interface Interval {
  name: string;
  start: number;
  end: number;
  /** Time between the wish for the step and its start: the way through Temporal to a free worker. */
  queuedMs: number;
}

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;
type Event = NonNullable<History['events']>[number];

const timeOf = ({ eventTime }: Event): number =>
  (eventTime?.seconds?.toNumber() ?? 0) * 1000 + (eventTime?.nanos ?? 0) / 1e6;

/** Id of the scheduling event to which an end belongs. */
const endOf = (event: Event): string | undefined =>
  (
    event.activityTaskCompletedEventAttributes ??
    event.activityTaskFailedEventAttributes ??
    event.activityTaskTimedOutEventAttributes ??
    event.activityTaskCanceledEventAttributes
  )?.scheduledEventId?.toString();

/** Events by the scheduling event to which they belong. */
const byCause = (events: readonly Event[], causeOf: (event: Event) => string | undefined) =>
  new Map(events.map((event) => [causeOf(event) ?? '', event]));

function intervalsOf(events: readonly Event[]): Interval[] {
  const starts = byCause(events, (event) =>
    event.activityTaskStartedEventAttributes?.scheduledEventId?.toString(),
  );
  const ends = byCause(events, endOf);
  return events.flatMap((event) => {
    const name = event.activityTaskScheduledEventAttributes?.activityType?.name;
    const start = starts.get(String(event.eventId));
    const end = ends.get(String(event.eventId));
    if (!name || !start || !end) return [];
    const queuedMs = timeOf(start) - timeOf(event);
    return [{ name, start: timeOf(start), end: timeOf(end), queuedMs }];
  });
}

/** Every step of a workflow and of all its children. */
export async function stepsOf(temporal: Client, workflowId: string, runId?: string): Promise<Interval[]> {
  const { events } = await temporal.workflow.getHandle(workflowId, runId).fetchHistory();
  const list = events ?? [];
  const children = list.flatMap((event) => {
    const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
    return child?.workflowId ? [stepsOf(temporal, child.workflowId, child.runId ?? undefined)] : [];
  });
  return [...intervalsOf(list), ...(await Promise.all(children)).flat()];
}

export interface TimeShares {
  /** Milliseconds of the wall time by step; steps that run at the same time share that time equally. */
  steps: Record<string, number>;
  /** Before the first step, between steps, after the last: nothing of ours worked. */
  idle: { before: number; between: number; after: number };
}

/** Divides the time from `from` to `to` among the steps, without rest. */
export function shareTime(all: readonly Interval[], from: number, to: number): TimeShares {
  const steps = all
    .map((step) => ({ ...step, start: Math.max(step.start, from), end: Math.min(step.end, to) }))
    .filter(({ start, end }) => end > start);
  const first = Math.min(to, ...steps.map(({ start }) => start));
  const last = Math.max(first, ...steps.map(({ end }) => end));
  const shares: TimeShares = {
    steps: {},
    idle: { before: first - from, between: 0, after: to - last },
  };
  const edges = [...new Set(steps.flatMap(({ start, end }) => [start, end]))].sort((a, b) => a - b);
  for (const [index, edge] of edges.entries()) {
    const next = edges[index + 1] ?? edge;
    const active = steps.filter(({ start, end }) => start <= edge && end >= next);
    if (active.length === 0) shares.idle.between += next - edge;
    for (const { name } of active)
      shares.steps[name] = (shares.steps[name] ?? 0) + (next - edge) / active.length;
  }
  return shares;
}
