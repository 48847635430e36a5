import type { NewBatch, NewJob } from '../../../job/enqueue-options.ts';
import { isFinal, type Status } from '../../../job/states.ts';
import { owned } from '../../../job/tenant.ts';
import { number, text, textOrNull, toChange } from '../../rows.ts';
import type { InsertOutcome } from '../../store.ts';
import { type Row, sql } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';
import { keyIsFull, unpark } from './limit.ts';
import { IS_BATCH } from './target.ts';

/** One row per call inside the group's transaction. ON CONFLICT: the key was looked at before, so a conflict is the id's. */
const INSERT = sql`
  INSERT INTO jobs (id, type, queue, status, priority, run_at, gate, max_attempts, max_crashes, limit_key, unique_key,
    parent_job_id, replay_of, user_initiated, held, timeout_seconds, total_seconds, created_at, queued_at, expires_at, tags, schedule_id, slot_at,
    large, payload, tenant)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO NOTHING`;
const INSERT_PAYLOAD = sql`INSERT INTO job_payloads VALUES (?, ?) ON CONFLICT DO UPDATE SET payload = excluded.payload`;
const INSERT_TAG = sql`INSERT INTO job_tags VALUES (?, ?)`;
const ENSURE_QUEUE = sql`INSERT INTO job_queues (name) VALUES (?) ON CONFLICT DO NOTHING`;
const PARENT = sql`SELECT status, tenant, ${IS_BATCH} AS is_batch FROM jobs WHERE id = ?`;
const START_BATCH = sql`UPDATE jobs SET started_at = @now, deadline_at = @now + total_seconds * 1000 WHERE seq = @seq`;
const INSERT_BATCH = sql`INSERT INTO job_batches (job, policy, open) VALUES (?, ?, ?)`;
const INSERT_CALLBACK = sql`INSERT INTO job_callbacks VALUES (?, ?, ?, ?, ?)`;

/** Literal states: a partial index is used only if the statement repeats its predicate. */
const KEY_HOLDER = sql`
  SELECT seq, id, type, queue, status, attempts, limit_key FROM jobs
  WHERE unique_key = ? AND unique_key IS NOT NULL AND status IN ('created', 'queued', 'running')`;
const WINDOW_HOLDER = sql`
  SELECT j.seq, j.id, j.type, j.queue, j.status, j.attempts, j.limit_key
  FROM job_key_windows w JOIN jobs j ON j.id = w.job WHERE w.key = +? AND w.until > +?`;
const OPEN_WINDOW = sql`
  INSERT INTO job_key_windows VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET job = excluded.job, until = excluded.until`;

const REPLACE = sql`
  UPDATE jobs SET type = @type, queue = @queue, priority = @priority, run_at = @runAt, gate = @gate, payload = @payload,
    large = @large, max_attempts = @maxAttempts, max_crashes = @maxCrashes, timeout_seconds = @timeoutSeconds, total_seconds = @totalSeconds,
    expires_at = @expiresAt, limit_key = @limitKey, tags = @tags
  WHERE seq = @seq AND status IN ('created', 'queued')`;
const DELETE_PAYLOAD = sql`DELETE FROM job_payloads WHERE seq = ?`;
const DELETE_TAGS = sql`DELETE FROM job_tags WHERE job = ? AND tag IN (SELECT value FROM json_each(?))`;
const TAGS_OF = sql`SELECT tags FROM jobs WHERE seq = ?`;

/** Payloads up to this size lie in the row itself. */
const INLINE_CHARACTERS = 1024;
/** What the row holds in place of a large payload; `large` tells. */
const ELSEWHERE = 'null';

/**
 * Inserts jobs in order. What cannot be inserted is reported, and the others go in; but children of a batch that did not go in
 * do not become children of whatever has its id.
 */
export const insertJobs = (txn: Transaction, jobs: readonly NewJob[], now: number): InsertOutcome[] => {
  const refused = new Set<string>();
  return jobs.map((job) => {
    if (job.parentId !== null && refused.has(job.parentId)) return { kind: 'no-parent', id: job.id };
    ensureQueue(txn, job.queue);
    const outcome = insertJob(txn, job, now);
    if (job.batch && outcome.kind !== 'inserted') refused.add(job.id);
    return outcome;
  });
};

/** Calls that arrive together share a transaction, and mostly a queue. */
const ensureQueue = (txn: Transaction, name: string): void => {
  if (txn.queues.has(name)) return;
  txn.run(ENSURE_QUEUE, name);
  txn.queues.add(name);
};

const insertJob = (txn: Transaction, given: NewJob, now: number): InsertOutcome => {
  const parent = given.parentId === null ? undefined : txn.get(PARENT, given.parentId);
  const wrong = given.parentId === null ? null : wrongParent(given.id, parent);
  if (wrong) return wrong;
  const job = owned(given, textOrNull(parent?.['tenant']));
  const holder = job.key === null ? undefined : holderOf(txn, job, now);
  if (holder) return onTakenKey(txn, job, holder, now);
  const status = job.batch ? 'running' : job.status;
  const gate = gateOf(txn, job, now);
  const large = job.payload.length > INLINE_CHARACTERS;
  const { changes, lastInsertRowid } = txn.db
    .statement(INSERT)
    .run(
      job.id,
      job.type,
      job.queue,
      status,
      job.priority,
      job.runAt,
      gate,
      job.maxAttempts,
      job.maxCrashes,
      job.limitKey,
      job.key,
      job.parentId,
      job.replayOf,
      job.userInitiated ? 1 : 0,
      status === 'created' ? 1 : 0,
      seconds(job.timeoutMs),
      seconds(job.totalMs),
      now,
      status === 'queued' ? now : null,
      job.expiresAt,
      job.tags.length > 0 ? JSON.stringify(job.tags) : null,
      job.slot?.scheduleId ?? null,
      job.slot?.at ?? null,
      large ? 1 : 0,
      large ? ELSEWHERE : job.payload,
      job.tenant,
    );
  if (changes === 0) return { kind: 'duplicate-id', id: job.id };
  const seq = Number(lastInsertRowid);
  failpoints.hit?.('job-inserted');
  writeBeside(txn, seq, job, large);
  if (job.key !== null && job.keyUntil !== null) txn.run(OPEN_WINDOW, job.key, job.id, job.keyUntil);
  txn.moved(job, null, status, now);
  txn.rollups.count(job, 'created', now);
  txn.tell(() => ({ ...ofNew(job, seq), kind: 'status', at: now, from: null, to: status, attempts: 0 }));
  if (job.batch) startBatch(txn, seq, job.id, job.batch, now);
  return { kind: 'inserted', id: job.id, seq };
};

/** Why a job cannot become a child of this one. */
const wrongParent = (id: string, parent: Row | undefined): InsertOutcome | null => {
  if (!parent) return { kind: 'no-parent', id };
  const status = text(parent['status']) as Status;
  return parent['is_batch'] === 1 && isFinal(status) ? { kind: 'parent-ended', id, status } : null;
};

const startBatch = (txn: Transaction, seq: number, id: string, batch: NewBatch, now: number): void => {
  const { policy, open, callbacks } = batch;
  txn.run(START_BATCH, { seq, now });
  txn.run(INSERT_BATCH, seq, JSON.stringify(policy), open ? 1 : 0);
  for (const { on, job, ...times } of callbacks)
    txn.run(INSERT_CALLBACK, seq, on, job.id, job.type, JSON.stringify({ on, job, ...times }));
  failpoints.hit?.('batch-inserted');
  txn.touches.look(id, now);
};

const ofNew = ({ id, type, queue, runAt }: NewJob, seq: number) => ({ seq, id, type, queue, runAt });

const writeBeside = (txn: Transaction, seq: number, job: NewJob, large: boolean): void => {
  if (large) {
    txn.run(INSERT_PAYLOAD, seq, job.payload);
    failpoints.hit?.('payload-inserted');
  }
  for (const tag of new Set(job.tags)) txn.run(INSERT_TAG, tag, seq);
};

const seconds = (ms: number | null): number | null => (ms === null ? null : ms / 1000);

const gateOf = (txn: Transaction, job: NewJob, now: number): number => {
  if (job.runAt > now) return 1;
  const { limitKey } = job;
  return limitKey !== null && job.status === 'queued' && keyIsFull(txn, { ...job, limitKey }) ? 2 : 0;
};

const holderOf = (txn: Transaction, job: NewJob, now: number): Row | undefined =>
  txn.get(KEY_HOLDER, job.key) ?? txn.get(WINDOW_HOLDER, job.key, now);

const onTakenKey = (txn: Transaction, job: NewJob, holder: Row, now: number): InsertOutcome => {
  const status = text(holder['status']) as Status;
  const found = { id: text(holder['id']), seq: number(holder['seq']), status };
  if (job.onConflict === 'return') return { kind: 'existing', ...found };
  const waits = status === 'created' || status === 'queued';
  if (job.onConflict === 'reject' || !waits) return { kind: 'key-taken', id: job.id, existing: found.id, status };
  replace(txn, job, holder, status, now);
  return { kind: 'replaced', ...found };
};

const replace = (txn: Transaction, job: NewJob, holder: Row, status: Status, now: number): void => {
  const seq = number(holder['seq']);
  const large = job.payload.length > INLINE_CHARACTERS;
  txn.run(DELETE_TAGS, seq, String(txn.get(TAGS_OF, seq)!['tags'] ?? '[]'));
  txn.run(DELETE_PAYLOAD, seq);
  txn.run(REPLACE, {
    seq,
    type: job.type,
    queue: job.queue,
    priority: job.priority,
    runAt: job.runAt,
    // Open even if its key is full: it keeps its old number, so it may stand before rows that are open. The claim decides.
    gate: job.runAt > now ? 1 : 0,
    payload: large ? ELSEWHERE : job.payload,
    large: large ? 1 : 0,
    maxAttempts: job.maxAttempts,
    maxCrashes: job.maxCrashes,
    timeoutSeconds: seconds(job.timeoutMs),
    totalSeconds: seconds(job.totalMs),
    expiresAt: job.expiresAt,
    limitKey: job.limitKey,
    tags: job.tags.length > 0 ? JSON.stringify(job.tags) : null,
  });
  writeBeside(txn, seq, job, large);
  // It stays the child of its parent, for which nothing has changed.
  txn.moved({ queue: text(holder['queue']), type: text(holder['type']), parentId: null }, status, null, now);
  txn.moved({ ...job, parentId: null }, null, status, now);
  if (holder['limit_key'] !== null) unpark(txn, [text(holder['limit_key'])]);
  const row = { ...holder, type: job.type, queue: job.queue, run_at: job.runAt };
  txn.tell(() => toChange(row, 'status', status, status, now));
};
