/** Requests that may come again: what became of their jobs is kept beside them, in the transaction that inserted them. */

import type { RequestKey } from '../../request-key.ts';
import { text } from '../../rows.ts';
import type { InsertOutcome } from '../../store.ts';
import { sql } from '../driver.ts';
import type { Transaction } from '../transaction.ts';
import { type Insertion, insertJobs } from './insert.ts';

/**
 * Takes the key, or the place of an answer that is out of date. Who comes at the same time waits here until the first has committed,
 * and then gets no row.
 */
const TAKE = sql`
  INSERT INTO backline.job_requests AS r (key, fingerprint, outcomes, until) VALUES ($key, $fingerprint, '', $until)
  ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, outcomes = '', until = excluded.until WHERE r.until <= $now::bigint
  RETURNING key`;
const FIND = sql`SELECT fingerprint, outcomes FROM backline.job_requests WHERE key = $key`;
const KEEP = sql`UPDATE backline.job_requests SET outcomes = $outcomes WHERE key = $key`;
const GIVE_BACK = sql`DELETE FROM backline.job_requests WHERE key = $key`;
const IS_KEPT = sql`SELECT EXISTS (SELECT 1 FROM backline.job_requests WHERE key = $key AND outcomes = $outcomes) AS there`;

export const insertOnce = async (
  txn: Transaction,
  request: RequestKey,
  given: readonly Insertion[],
  now: number,
): Promise<InsertOutcome[] | null> => {
  const known = await answerTo<InsertOutcome[]>(txn, request, now);
  if (known !== undefined) return known;
  const outcomes = await insertJobs(txn, given);
  await keepAnswer(txn, request, outcomes);
  return outcomes;
};

/**
 * Takes the key for a request that is new: what it is answered must be kept, or the key given back.
 * @returns what the request was answered before: undefined if it is new, null if its key was used for another.
 */
export const answerTo = async <T>(
  txn: Transaction,
  { key, fingerprint, until }: RequestKey,
  now: number,
): Promise<T | null | undefined> => {
  while (!(await txn.get(TAKE, { key, fingerprint, until, now }))) {
    const known = await txn.get(FIND, { key });
    // If it is gone again, it was just forgotten: the key is free.
    if (known) return known['fingerprint'] === fingerprint ? (JSON.parse(text(known['outcomes'])) as T) : null;
  }
  return undefined;
};

export const keepAnswer = async (txn: Transaction, { key }: RequestKey, answer: unknown): Promise<void> => {
  const kept = { key, outcomes: JSON.stringify(answer) };
  await txn.run(KEEP, kept);
  // Where no job went in, this row is all that tells whether the transaction was committed.
  txn.witness ??= { statement: IS_KEPT, params: kept };
};

export const giveBackKey = async (txn: Transaction, { key }: RequestKey): Promise<void> => {
  await txn.run(GIVE_BACK, { key });
};
