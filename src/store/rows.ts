/**
 * Rows → records, as far as both databases keep them alike: the same names of columns, times in epoch milliseconds, lists as JSON text.
 * A flag is a boolean of PostgreSQL and a number of SQLite. What a database keeps in a way of its own its `rows.ts` reads.
 */
import type { FailedJob } from '../job/failure-groups.ts';
import type { Attempt, AttemptOutcome, ClaimedJob, Failure, Job, LogLevel, LogLine } from '../job/job.ts';
import type { Status } from '../job/states.ts';
import { shownKey } from '../job/tenant.ts';
import type { QueueRow, StoreChange, WorkerRow } from './store.ts';
import type { DepthRow, FlowRow } from './store-metrics.ts';

export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

export const number = (value: Value | undefined): number => Number(value);

export const numberOrNull = (value: Value | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);

export const text = (value: Value | undefined): string => String(value);

export const textOrNull = (value: Value | undefined): string | null =>
  value === null || value === undefined ? null : String(value);

export const flag = (value: Value | undefined): boolean => value === true || value === 1;

/** A worker's owner is its readable name and a random boot id, so that a job's row alone tells who ran it. */
export const workerName = (owner: Value | undefined): string | null =>
  typeof owner === 'string' ? owner.slice(0, owner.lastIndexOf('#')) : null;

/** What each database keeps in its own way. */
type OwnFields = Pick<Job, 'payload' | 'tags' | 'timeoutMs' | 'totalMs' | 'batch'>;

/** What everybody must know of a job, also whoever runs it. */
const identityOf = (row: Row) => ({
  seq: number(row['seq']),
  id: text(row['id']),
  type: text(row['type']),
  queue: text(row['queue']),
  priority: number(row['priority']),
  attempts: number(row['attempts']),
  maxAttempts: number(row['max_attempts']),
  crashes: number(row['crashes']),
  maxCrashes: number(row['max_crashes']),
  life: number(row['life']),
  claim: number(row['claim']),
  parentId: textOrNull(row['parent_job_id']),
  tenant: textOrNull(row['tenant']),
  key: shownKey(textOrNull(row['tenant']), textOrNull(row['unique_key'])),
  limitKey: textOrNull(row['limit_key']),
  scheduleId: textOrNull(row['schedule_id']),
  slotAt: numberOrNull(row['slot_at']),
  deadlineAt: numberOrNull(row['deadline_at']),
  runAt: number(row['run_at']),
});

export const jobFrom = (row: Row, { payload, tags, timeoutMs, totalMs, batch }: OwnFields): Job => ({
  ...identityOf(row),
  status: text(row['status']) as Status,
  payload,
  progress: number(row['progress']),
  note: textOrNull(row['note']),
  result: row['result'] === null ? null : JSON.parse(text(row['result'])),
  error: textOrNull(row['error']),
  replayOf: textOrNull(row['replay_of']),
  userInitiated: flag(row['user_initiated']),
  tags,
  timeoutMs,
  held: flag(row['held']),
  worker: workerName(row['lease_owner']),
  createdAt: number(row['created_at']),
  queuedAt: numberOrNull(row['queued_at']),
  startedAt: numberOrNull(row['started_at']),
  completedAt: numberOrNull(row['completed_at']),
  timeoutAt: numberOrNull(row['timeout_at']),
  expiresAt: numberOrNull(row['expires_at']),
  totalMs,
  cancelRequestedAt: numberOrNull(row['cancel_requested_at']),
  batch,
});

export const toTags = (json: Value | undefined): string[] => (json ? (JSON.parse(text(json)) as string[]) : []);

export const claimedFrom = (row: Row, timeoutMs: number | null): ClaimedJob => ({
  ...identityOf(row),
  payload: text(row['payload']),
  timeoutMs,
  startedAt: number(row['started_at']),
});

export const toAttempt = (row: Row): Attempt => ({
  claim: number(row['claim']),
  attempt: number(row['attempt']),
  life: number(row['life']),
  startedAt: number(row['started_at']),
  endedAt: numberOrNull(row['ended_at']),
  worker: workerName(row['worker']),
  outcome: text(row['outcome']) as AttemptOutcome,
  error: row['error'] === null ? null : (JSON.parse(text(row['error'])) as Failure),
});

export const toFailed = (row: Row): FailedJob => ({
  seq: number(row['seq']),
  id: text(row['id']),
  type: text(row['type']),
  queue: text(row['queue']),
  status: text(row['status']) as FailedJob['status'],
  message: text(row['message']),
  name: textOrNull(row['name']),
  code: textOrNull(row['code']),
  endedAt: number(row['completed_at']),
});

export const toLogLine = (row: Row): LogLine => ({
  claim: number(row['claim']),
  n: number(row['n']),
  at: number(row['at']),
  level: text(row['level']) as LogLevel,
  message: text(row['message']),
  fields: row['fields'] === null ? null : (JSON.parse(text(row['fields'])) as Record<string, unknown>),
});

export const toWorker = (row: Row): WorkerRow => ({
  owner: text(row['owner']),
  name: text(row['name']),
  host: text(row['host']),
  pid: number(row['pid']),
  pidStart: textOrNull(row['pid_start']),
  slots: number(row['slots']),
  queues: row['queues'] === null ? null : (JSON.parse(text(row['queues'])) as string[]),
  types: JSON.parse(text(row['types'])) as string[],
  startedAt: number(row['started_at']),
  beat: number(row['beat']),
  beatAt: number(row['beat_at']),
  leaseUntil: number(row['lease_until']),
  blockedMs: number(row['blocked_ms']),
  running: number(row['running']),
});

/** A pause whose time is over is none, whoever has not come by yet to end it. */
export const toQueue = (row: Row, counts: QueueRow['counts'], now: number): QueueRow => {
  const until = numberOrNull(row['paused_until']);
  const paused = flag(row['paused']) && (until === null || until > now);
  return {
    name: text(row['name']),
    paused,
    pausedReason: paused ? textOrNull(row['paused_reason']) : null,
    pausedBy: paused ? textOrNull(row['paused_by']) : null,
    pausedUntil: paused ? until : null,
    pausedAt: paused ? numberOrNull(row['paused_at']) : null,
    maxRunning: numberOrNull(row['max_running']),
    counts,
    oldestDueAt: numberOrNull(row['oldest_due']),
  };
};

/** What happened in one slice of time. The histograms are kept in two ways. */
export const toFlow = (row: Row, { waitTimes, runTimes }: Pick<FlowRow, 'waitTimes' | 'runTimes'>): FlowRow => ({
  at: number(row['at']),
  queue: text(row['queue']),
  type: text(row['type']),
  created: number(row['created']),
  started: number(row['started']),
  completed: number(row['completed']),
  failed: number(row['failed']),
  timeout: number(row['timeout']),
  cancelled: number(row['cancelled']),
  retried: number(row['retried']),
  waited: number(row['started']),
  waitMs: number(row['wait_ms']),
  ran: number(row['ran']),
  runMs: number(row['run_ms']),
  waitTimes,
  runTimes,
});

export const toDepth = (row: Row): DepthRow => ({
  at: number(row['at']),
  waiting: number(row['waiting']),
  running: number(row['running']),
});

/** What the counters and the parent must know of a row that moves. */
export const jobOf = (row: Row): { queue: string; type: string; parentId: string | null } => ({
  queue: text(row['queue']),
  type: text(row['type']),
  parentId: textOrNull(row['parent_job_id']),
});

/** A row with id, type, queue, attempts and run_at → what watchers hear. */
export const toChange = (
  row: Row,
  kind: StoreChange['kind'],
  from: Status | null,
  to: Status,
  at: number,
  more: Partial<StoreChange> = {},
): StoreChange => ({
  kind,
  seq: number(row['seq']),
  id: text(row['id']),
  type: text(row['type']),
  queue: text(row['queue']),
  at,
  from,
  to,
  attempts: number(row['attempts']),
  runAt: number(row['run_at']),
  ...more,
});
