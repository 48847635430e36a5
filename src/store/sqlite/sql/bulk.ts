/** Changes of many jobs: how many there are of each kind, and one step of such a change. */
import type { SurveyRow } from '../../../job/bulk.ts';
import type { BulkDoing, BulkOutcome, BulkStep, SurveyOptions } from '../../../job/bulk-step.ts';
import type { CheckedFilter } from '../../../job/filter.ts';
import { FINAL, REVIVABLE, type Status } from '../../../job/states.ts';
import { number, text, textOrNull } from '../../rows.ts';
import { type Connection, sql, type Value } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { adjustJob, appendLogs, cancelChunk, saveProgress } from './change.ts';
import { insertJobs } from './insert.ts';
import { KEPT_BY_BATCH, removeChunk } from './maintain.ts';
import { reviveChunk } from './revive.ts';
import { IS_BATCH, whereOf } from './target.ts';

const among = (statuses: readonly Status[]): string => `status IN (${statuses.map((one) => `'${one}'`).join(', ')})`;
const IS_KEPT = `(${among(FINAL)} AND ${KEPT_BY_BATCH})`;

/** Parents of what would not go: of children outside of the filter, that run or are kept, and of parents that stay for these. */
const stays = (where: string) => `
  WITH RECURSIVE stays(id) AS (
    SELECT parent_job_id FROM jobs
    WHERE parent_job_id IS NOT NULL AND NOT ((${where}) IS TRUE AND status <> 'running' AND NOT ${IS_KEPT})
    UNION SELECT p.parent_job_id FROM stays s JOIN jobs p ON p.id = s.id WHERE p.parent_job_id IS NOT NULL)`;

const BLOCKED = {
  family: `(id IN (SELECT id FROM stays) OR ${IS_KEPT})`,
  // Of several that have the same key, the first comes back.
  key: `(${among(REVIVABLE)} AND unique_key IS NOT NULL AND (
    EXISTS (SELECT 1 FROM jobs k WHERE k.unique_key = jobs.unique_key AND k.status IN ('created', 'queued', 'running'))
    OR row_number() OVER (PARTITION BY unique_key, ${among(REVIVABLE)} ORDER BY seq) > 1))`,
  nothing: '0',
} as const;

export const surveyOf = (db: Connection, filter: CheckedFilter, { same, blockedBy }: SurveyOptions): SurveyRow[] => {
  const { text: where, values } = whereOf(filter);
  const statement = `
    ${blockedBy === 'family' ? stays(where) : ''}
    SELECT status, is_batch, held, asked, same, blocked, count(*) AS n, min(created_at) AS oldest, max(created_at) AS newest FROM (
      SELECT status, created_at, ${IS_BATCH} AS is_batch, held, status = 'running' AND cancel_requested_at IS NOT NULL AS asked,
        coalesce(priority = ?, 0) OR coalesce(run_at = ?, 0) OR coalesce(run_at <= ?, 0) AS same, ${BLOCKED[blockedBy]} AS blocked
      FROM jobs WHERE ${where})
    GROUP BY 1, 2, 3, 4, 5, 6`;
  const before: Value[] = blockedBy === 'family' ? [...values] : [];
  return db.all(statement, ...before, same.priority, same.runAt, same.dueBy, ...values).map((row) => ({
    status: text(row['status']) as Status,
    isBatch: row['is_batch'] === 1,
    held: row['held'] === 1,
    cancelRequested: row['asked'] === 1,
    same: row['same'] === 1,
    blocked: row['blocked'] === 1,
    n: number(row['n']),
    oldest: number(row['oldest']),
    newest: number(row['newest']),
  }));
};

const MINE = sql`
  SELECT cancel_requested_at, cancel_reason FROM jobs WHERE seq = ? AND claim = ? AND id = ? AND status = 'running'`;

/** The change and how far it has come are one transaction: a crash repeats nothing, and counts nothing twice. */
export const bulkStep = (txn: Transaction, step: BulkStep, now: number): BulkOutcome => {
  const { job, ids, doing, n, note } = step;
  const row = txn.get(MINE, job.seq, job.claim, job.id);
  if (!row) return { kind: 'lost' };
  if (row['cancel_requested_at'] !== null) return { kind: 'cancelled', reason: textOrNull(row['cancel_reason']) ?? '' };
  const done = act(txn, ids, doing, now);
  const { percent, message, fields } = note(done);
  saveProgress(txn, [{ job, percent, note: message }], now);
  appendLogs(txn, [{ seq: job.seq, claim: job.claim, n, at: now, level: 'info', message, fields }]);
  return { kind: 'done', done };
};

const act = (txn: Transaction, ids: readonly string[], doing: BulkDoing, now: number): number => {
  const target = { ids };
  switch (doing.kind) {
    case 'cancel': {
      const { cancelled, requested } = cancelChunk(txn, target, 0, doing.reason, now);
      return cancelled + requested;
    }
    case 'retry': {
      // A batch brings back jobs that are not among these: they are not counted.
      const before = revivable(txn, ids);
      reviveChunk(txn, target, 0, now);
      return before - revivable(txn, ids);
    }
    case 'remove':
      return removeChunk(txn, target, Number.MAX_SAFE_INTEGER, now).removed;
    case 'adjust':
      return ids.filter((id) => adjustJob(txn, id, doing.change, now).kind === 'done').length;
    case 'insert':
      return insertJobs(txn, doing.jobs, now).filter(({ kind }) => kind === 'inserted').length;
  }
};

const REVIVABLE_AMONG = sql`
  SELECT count(*) AS n FROM jobs WHERE id IN (SELECT value FROM json_each(?)) AND ${among(REVIVABLE)}`;

const revivable = (txn: Transaction, ids: readonly string[]): number =>
  number(txn.get(REVIVABLE_AMONG, JSON.stringify(ids))!['n']);
