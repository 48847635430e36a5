/** Changes of many jobs: how many there are of each kind, and one step of such a change. */
import type { SurveyRow } from '../../../job/bulk.ts';
import type { BulkDoing, BulkOutcome, BulkStep, SurveyOptions } from '../../../job/bulk-step.ts';
import type { CheckedFilter } from '../../../job/filter.ts';
import { FINAL, REVIVABLE, type Status } from '../../../job/states.ts';
import { number, text, textOrNull } from '../../rows.ts';
import { type Connection, sql, texts } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { cancelChunk } from './cancel.ts';
import { adjustJob, appendLogs, saveProgress } from './change.ts';
import { insertJobs } from './insert.ts';
import { keptByBatch, removeChunk } from './maintain.ts';
import { reviveChunk } from './revive.ts';
import { whereOf } from './target.ts';

const among = (statuses: readonly Status[]): string => `ended IN (${statuses.map((one) => `'${one}'`).join(', ')})`;
const IS_KEPT = `(${among(FINAL)} AND ${keptByBatch('parent_job_id')})`;

/** Parents of what would not go: of children outside of the filter, that run or are kept, and of parents that stay for these. */
const stays = (where: string) => `
  WITH RECURSIVE stays(id) AS (
    SELECT parent_job_id FROM backline.jobs
    WHERE parent_job_id IS NOT NULL AND NOT ((${where}) IS TRUE AND NOT runs AND (${IS_KEPT}) IS NOT TRUE)
    UNION SELECT p.parent_job_id FROM stays s JOIN backline.job_body p ON p.id = s.id WHERE p.parent_job_id IS NOT NULL)`;

const BLOCKED = {
  family: `(id IN (SELECT id FROM stays) OR ${IS_KEPT})`,
  // Of several that have the same key, the first comes back.
  key: `(${among(REVIVABLE)} AND unique_key IS NOT NULL AND (
    EXISTS (SELECT 1 FROM backline.job_keys k WHERE k.key = unique_key)
    OR row_number() OVER (PARTITION BY unique_key, ${among(REVIVABLE)} ORDER BY seq) > 1))`,
  nothing: 'false',
} as const;

export const surveyOf = async (
  db: Connection,
  filter: CheckedFilter,
  { same, blockedBy }: SurveyOptions,
): Promise<SurveyRow[]> => {
  const { text: where, values } = whereOf(filter);
  const statement = `
    ${blockedBy === 'family' ? stays(where) : ''}
    SELECT status, is_batch, held, asked, same, blocked, count(*) AS n, min(created_at) AS oldest, max(created_at) AS newest FROM (
      SELECT status, created_at, policy IS NOT NULL AS is_batch, held, runs AND cancel_requested_at IS NOT NULL AS asked,
        coalesce(priority = $samePriority::int, false) OR coalesce(run_at = $sameRunAt::bigint, false)
          OR coalesce(run_at <= $dueBy::bigint, false) AS same,
        coalesce(${BLOCKED[blockedBy]}, false) AS blocked
      FROM backline.jobs WHERE ${where}) found
    GROUP BY 1, 2, 3, 4, 5, 6`;
  const params = { ...values, samePriority: same.priority, sameRunAt: same.runAt, dueBy: same.dueBy };
  return (await db.all(statement, params)).map((row) => ({
    status: text(row['status']) as Status,
    isBatch: row['is_batch'] === true,
    held: row['held'] === true,
    cancelRequested: row['asked'] === true,
    same: row['same'] === true,
    blocked: row['blocked'] === true,
    n: number(row['n']),
    oldest: number(row['oldest']),
    newest: number(row['newest']),
  }));
};

/** Locked, so that nobody gives the job to another worker while it is at this step. */
const MINE = sql`
  SELECT cancel_requested_at, cancel_reason FROM backline.job_running WHERE seq = $seq AND claim = $claim AND id = $id FOR UPDATE`;

/** The change and how far it has come are one transaction: a crash repeats nothing, and counts nothing twice. */
export const bulkStep = async (txn: Transaction, step: BulkStep, now: number): Promise<BulkOutcome> => {
  const { job, ids, doing, n, note } = step;
  const row = await txn.get(MINE, { seq: job.seq, claim: job.claim, id: job.id });
  if (!row) return { kind: 'lost' };
  if (row['cancel_requested_at'] !== null) return { kind: 'cancelled', reason: textOrNull(row['cancel_reason']) ?? '' };
  const done = await act(txn, ids, doing, now);
  const { percent, message, fields } = note(done);
  await saveProgress(txn, [{ job, percent, note: message }], now);
  await appendLogs(txn, [{ seq: job.seq, claim: job.claim, n, at: now, level: 'info', message, fields }]);
  return { kind: 'done', done };
};

const act = async (txn: Transaction, ids: readonly string[], doing: BulkDoing, now: number): Promise<number> => {
  const target = { ids };
  switch (doing.kind) {
    case 'cancel': {
      const { cancelled, requested } = await cancelChunk(txn, target, 0, doing.reason, now);
      return cancelled + requested;
    }
    case 'retry': {
      // A batch brings back jobs that are not among these: they are not counted.
      const before = await revivable(txn, ids);
      await reviveChunk(txn, target, 0, now);
      return before - (await revivable(txn, ids));
    }
    case 'remove':
      return (await removeChunk(txn, target, Number.MAX_SAFE_INTEGER, now)).removed;
    case 'adjust': {
      let done = 0;
      for (const id of ids) if ((await adjustJob(txn, id, doing.change, now)).kind === 'done') done++;
      return done;
    }
    case 'insert': {
      const refused = new Set<string>();
      const outcomes = await insertJobs(
        txn,
        doing.jobs.map((job) => ({ job, now, refused })),
      );
      return outcomes.filter(({ kind }) => kind === 'inserted').length;
    }
  }
};

const REVIVABLE_AMONG = sql`
  SELECT count(*) AS n FROM backline.jobs WHERE id = ANY ($ids::text[]) AND ${among(REVIVABLE)}`;

const revivable = async (txn: Transaction, ids: readonly string[]): Promise<number> =>
  number((await txn.get(REVIVABLE_AMONG, { ids: texts(ids) }))!['n']);
