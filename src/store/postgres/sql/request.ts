/** Requests that may come again: what became of their jobs is kept beside them, in the transaction that inserted them. */

import { text } from '../../rows.ts';
import type { InsertOutcome, RequestKey } from '../../store.ts';
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
const IS_KEPT = sql`SELECT EXISTS (SELECT 1 FROM backline.job_requests WHERE key = $key AND outcomes = $outcomes) AS there`;

export const insertOnce = async (
  txn: Transaction,
  { key, fingerprint, until }: RequestKey,
  given: readonly Insertion[],
  now: number,
): Promise<InsertOutcome[] | null> => {
  while (!(await txn.get(TAKE, { key, fingerprint, until, now }))) {
    const known = await txn.get(FIND, { key });
    // If it is gone again, it was just forgotten: the key is free.
    if (known)
      return known['fingerprint'] === fingerprint ? (JSON.parse(text(known['outcomes'])) as InsertOutcome[]) : null;
  }
  const outcomes = await insertJobs(txn, given);
  const kept = { key, outcomes: JSON.stringify(outcomes) };
  await txn.run(KEEP, kept);
  // Where no job went in, this row is all that tells whether the transaction was committed.
  txn.witness ??= { statement: IS_KEPT, params: kept };
  return outcomes;
};
