/** What is inside → what the API answers: times become ISO text, and each job says what may be done to it. */
import type { Client } from '../../engine/client.ts';
import { type Action, possibleActions } from '../../job/actions.ts';
import type { BulkPreview } from '../../job/bulk.ts';
import type { Attempt, Job, LogLine } from '../../job/job.ts';
import { shownStatus } from '../../job/states.ts';
import { type Caller, permits } from './access.ts';
import { problemOf } from './problem.ts';
import { ROUTES, type Scope } from './routes.ts';
import {
  type AttemptView,
  type FailuresView,
  type JobView,
  type LogLineView,
  type MetricsView,
  QUEUE_ACTIONS,
  type QueueView,
  type WorkerView,
} from './shapes.ts';

type Answer<Verb extends 'queues' | 'workers' | 'metrics' | 'failures' | 'enqueueMany' | 'enqueue'> = Awaited<
  ReturnType<Client[Verb]>
>;

export const iso = (ms: number): string => new Date(ms).toISOString();
export const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

/** @param now epoch milliseconds, by the clock of the database. */
export const jobView = (job: Job, caller: Caller, now: number): JobView => ({
  ...job,
  shown: shownStatus(job, now),
  allowed: possibleActions(job).filter((action) => permits(caller, scopeOf(action))),
  slotAt: isoOrNull(job.slotAt),
  createdAt: iso(job.createdAt),
  queuedAt: isoOrNull(job.queuedAt),
  runAt: iso(job.runAt),
  startedAt: isoOrNull(job.startedAt),
  completedAt: isoOrNull(job.completedAt),
  timeoutAt: isoOrNull(job.timeoutAt),
  expiresAt: isoOrNull(job.expiresAt),
  deadlineAt: isoOrNull(job.deadlineAt),
  cancelRequestedAt: isoOrNull(job.cancelRequestedAt),
});

const scopeOf = (action: Action): Scope => (action === 'seal' ? ROUTES.batches.seal.scope : ROUTES.jobs[action].scope);

export const attemptView = (attempt: Attempt): AttemptView => ({
  ...attempt,
  startedAt: iso(attempt.startedAt),
  endedAt: isoOrNull(attempt.endedAt),
});

export const logLineView = (line: LogLine): LogLineView => ({ ...line, at: iso(line.at) });

export const enqueuedView = ({ id, seq, outcome }: Answer<'enqueue'>) => ({ id, seq, outcome });

export const enqueuedItemView = (item: Answer<'enqueueMany'>[number]) =>
  item.outcome === 'rejected'
    ? { id: item.id, outcome: item.outcome, error: problemOf(item.error) }
    : enqueuedView(item);

export const previewView = ({ oldest, newest, snapshotAt, ...counts }: BulkPreview) => ({
  ...counts,
  oldest: isoOrNull(oldest),
  newest: isoOrNull(newest),
  snapshotAt: iso(snapshotAt),
});

export const queueView = (queue: Answer<'queues'>[number], caller: Caller): QueueView => ({
  ...queue,
  allowed: QUEUE_ACTIONS.filter(
    (action) => action !== (queue.paused ? 'pause' : 'resume') && permits(caller, ROUTES.queues[action].scope),
  ),
  pausedUntil: isoOrNull(queue.pausedUntil),
  pausedAt: isoOrNull(queue.pausedAt),
  oldestDueAt: isoOrNull(queue.oldestDueAt),
});

/** Field by field: what only the machine itself needs to know of a process stays out of it. */
export const workerView = (worker: Answer<'workers'>[number], now: number): WorkerView => {
  const { owner, name, host, pid, slots, running, queues, types, startedAt, beatAt, leaseUntil, blockedMs } = worker;
  return {
    ...{ owner, name, host, pid, slots, running, queues, types, blockedMs },
    ...{ startedAt: iso(startedAt), beatAt: iso(beatAt), leaseUntil: iso(leaseUntil), alive: leaseUntil >= now },
  };
};

export const failuresView = ({ groups, since, until, ...rest }: Answer<'failures'>, caller: Caller): FailuresView => ({
  ...rest,
  allowed: (['retry', 'cancel', 'remove'] as const).filter((action) => permits(caller, ROUTES.bulk[action].scope)),
  since: iso(since),
  until: iso(until),
  groups: groups.map(({ samples, firstAt, lastAt, ...group }) => ({
    ...group,
    firstAt: iso(firstAt),
    lastAt: iso(lastAt),
    samples: samples.map((sample) => ({ ...sample, endedAt: iso(sample.endedAt) })),
  })),
});

type Token = Awaited<ReturnType<Client['tokens']['list']>>[number];
type AuditLine = Awaited<ReturnType<Client['audit']['list']>>['lines'][number];

export const tokenView = (token: Token) => ({
  ...token,
  createdAt: iso(token.createdAt),
  expiresAt: isoOrNull(token.expiresAt),
  lastUsedAt: isoOrNull(token.lastUsedAt),
  revokedAt: isoOrNull(token.revokedAt),
});

export const auditLineView = (line: AuditLine) => ({ ...line, at: iso(line.at) });

export const metricsView = ({ since, until, series, ...figures }: Answer<'metrics'>): MetricsView => ({
  ...figures,
  since: iso(since),
  until: iso(until),
  series: series.map((point) => ({ ...point, at: iso(point.at) })),
});
