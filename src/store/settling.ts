/**
 * What settling a batch decides from its row, its children's counts and what touched it; the statements, and the order in which rows
 * are locked, are each database's own (sql/batch.ts of both). The policy itself: src/job/batch.ts.
 */
import {
  type BatchCounts,
  type BatchState,
  type CallbackKind,
  callbacksOf,
  type FailurePolicy,
  unfinishedOf,
} from '../job/batch.ts';
import type { NewCallback, NewJob } from '../job/enqueue-options.ts';
import type { FinalStatus } from '../job/states.ts';
import { flag, number, numberOrNull, type Row, text } from './rows.ts';
import type { Touch } from './touches.ts';

/** Children cancelled by one transaction; the next goes on. */
export const MAX_CANCELS = 1000;

/** Whether its children must be counted: an end, a percent or a policy may be due. @param spare what its row says is left, after this touch. */
export const mustCount = (
  row: Row,
  { look, at }: Touch,
  hasUnfinished: boolean,
  spare: { readonly moves: number; readonly losses: number },
): boolean => {
  const isDone = !flag(row['open']) && !hasUnfinished;
  const runsOut = row['timed_out_at'] === null && isOverdue(row, at);
  return isDone || runsOut || look || spare.moves <= 0 || spare.losses < 0;
};

const isOverdue = (row: Row, at: number): boolean => (numberOrNull(row['deadline_at']) ?? Infinity) <= at;

/** Time that runs out when everything is done is no time-out. */
export const stateOf = (row: Row, counts: BatchCounts, at: number): BatchState => {
  const open = flag(row['open']);
  const isOut = isOverdue(row, at) && (open || unfinishedOf(counts) > 0);
  return {
    id: text(row['id']),
    policy: JSON.parse(text(row['policy'])) as FailurePolicy,
    open,
    counts,
    cancelReason: row['cancel_requested_at'] === null ? null : text(row['cancel_reason']),
    timedOutAt: numberOrNull(row['timed_out_at']) ?? (isOut ? numberOrNull(row['deadline_at']) : null),
  };
};

/** The jobs that a batch hands in at its end. @param rows its callbacks: `kind` and `body`. */
export const callbackJobs = (
  row: Row,
  rows: readonly Row[],
  counts: BatchCounts,
  status: FinalStatus,
  at: number,
): NewJob[] => {
  const bodies = new Map(rows.map(({ kind, body }) => [kind as CallbackKind, text(body)]));
  const called = callbacksOf(status).flatMap((kind) => bodies.get(kind) ?? []);
  const batch = { id: row['id'], type: row['type'], status, ...counts };
  return called.map((body) => jobOfCallback(JSON.parse(body) as NewCallback, batch, number(row['life']), at));
};

/** One id per callback and life: it cannot come twice, whatever happens. */
export const callbackId = (id: string, life: number): string => (life === 1 ? id : `${id}:${life}`);

const jobOfCallback = (callback: NewCallback, batch: object, life: number, at: number): NewJob => {
  const { job, delayMs, startMs } = callback;
  const runAt = callback.runAt ?? at + delayMs;
  return {
    ...job,
    tenant: job.tenant ?? null,
    id: callbackId(job.id, life),
    payload: `{"batch":${JSON.stringify(batch)},"payload":${job.payload}}`,
    status: 'queued',
    runAt,
    expiresAt: startMs === null ? null : runAt + startMs,
    ...{ key: null, keyUntil: null, onConflict: 'return', parentId: null, replayOf: null },
  } as const;
};
