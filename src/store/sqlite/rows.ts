/** Rows ↔ records: the only place that knows how columns are written. */
import type { BatchInfo } from '../../job/batch.ts';
import type { Attempt, AttemptOutcome, ClaimedJob, Failure, Job, LogLevel, LogLine } from '../../job/job.ts';
import type { Status } from '../../job/states.ts';
import { shownKey } from '../../job/tenant.ts';
import type { StoreChange, WorkerRow } from '../store.ts';
import type { Row, Value } from './driver.ts';

/** A worker's owner is its readable name and a random boot id, so that a job's row alone tells who ran it. */
export const workerName = (owner: Value | undefined): string | null =>
  typeof owner === 'string' ? owner.slice(0, owner.lastIndexOf('#')) : null;

/** @param batch what a batch has beside it; see sql/batch.ts. */
export const toJob = (row: Row, batch: BatchInfo | null): Job => ({
  seq: number(row['seq']),
  id: text(row['id']),
  type: text(row['type']),
  queue: text(row['queue']),
  status: text(row['status']) as Status,
  priority: number(row['priority']),
  payload: JSON.parse(text(row['large'] ? row['large_payload'] : row['payload'])),
  progress: number(row['progress']),
  note: textOrNull(row['note']),
  result: row['result'] === null ? null : JSON.parse(text(row['result'])),
  error: textOrNull(row['error']),
  attempts: number(row['attempts']),
  maxAttempts: number(row['max_attempts']),
  crashes: number(row['crashes']),
  maxCrashes: number(row['max_crashes']),
  life: number(row['life']),
  claim: number(row['claim']),
  parentId: textOrNull(row['parent_job_id']),
  tenant: textOrNull(row['tenant']),
  replayOf: textOrNull(row['replay_of']),
  userInitiated: row['user_initiated'] === 1,
  tags: row['tags'] ? (JSON.parse(text(row['tags'])) as string[]) : [],
  key: shownKey(textOrNull(row['tenant']), textOrNull(row['unique_key'])),
  limitKey: textOrNull(row['limit_key']),
  timeoutMs: milliseconds(row['timeout_seconds']),
  held: row['held'] === 1,
  worker: workerName(row['lease_owner']),
  createdAt: number(row['created_at']),
  queuedAt: numberOrNull(row['queued_at']),
  runAt: number(row['run_at']),
  startedAt: numberOrNull(row['started_at']),
  completedAt: numberOrNull(row['completed_at']),
  timeoutAt: numberOrNull(row['timeout_at']),
  expiresAt: numberOrNull(row['expires_at']),
  totalMs: milliseconds(row['total_seconds']),
  deadlineAt: numberOrNull(row['deadline_at']),
  cancelRequestedAt: numberOrNull(row['cancel_requested_at']),
  batch,
});

export const toClaimed = (row: Row): ClaimedJob => ({
  seq: number(row['seq']),
  id: text(row['id']),
  type: text(row['type']),
  queue: text(row['queue']),
  priority: number(row['priority']),
  payload: text(row['payload']),
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
  timeoutMs: milliseconds(row['timeout_seconds']),
  deadlineAt: numberOrNull(row['deadline_at']),
  startedAt: number(row['started_at']),
  runAt: number(row['run_at']),
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

export const number = (value: Value | undefined): number => Number(value);

export const numberOrNull = (value: Value | undefined): number | null =>
  value === null || value === undefined ? null : Number(value);

export const text = (value: Value | undefined): string => String(value);

export const textOrNull = (value: Value | undefined): string | null =>
  value === null || value === undefined ? null : String(value);

const milliseconds = (seconds: Value | undefined): number | null =>
  seconds === null ? null : Math.round(number(seconds) * 1000);
