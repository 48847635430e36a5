/** Requests that may come again: what became of their jobs is kept beside them, in the transaction that inserted them. */
import type { NewJob } from '../../../job/enqueue-options.ts';
import { text } from '../../rows.ts';
import type { InsertOutcome, RequestKey } from '../../store.ts';
import { sql } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';
import { insertJobs } from './insert.ts';

const FIND = sql`SELECT fingerprint, outcomes FROM job_requests WHERE key = ? AND until > ?`;
/** An answer that is out of date may still stand there. */
const KEEP = sql`INSERT OR REPLACE INTO job_requests (key, fingerprint, outcomes, until) VALUES (?, ?, ?, ?)`;

export const insertOnce = (
  txn: Transaction,
  { key, fingerprint, until }: RequestKey,
  jobs: readonly NewJob[],
  now: number,
): InsertOutcome[] | null => {
  const known = txn.get(FIND, key, now);
  if (known)
    return known['fingerprint'] === fingerprint ? (JSON.parse(text(known['outcomes'])) as InsertOutcome[]) : null;
  const outcomes = insertJobs(txn, jobs, now);
  failpoints.hit?.('request-inserted');
  txn.run(KEEP, key, fingerprint, JSON.stringify(outcomes), until);
  return outcomes;
};
