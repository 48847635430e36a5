/** Requests that may come again: what became of their jobs is kept beside them, in the transaction that inserted them. */
import type { NewJob } from '../../../job/enqueue-options.ts';
import type { RequestKey } from '../../request-key.ts';
import { text } from '../../rows.ts';
import type { InsertOutcome } from '../../store.ts';
import { sql } from '../driver.ts';
import { failpoints } from '../failpoints.ts';
import type { Transaction } from '../transaction.ts';
import { insertJobs } from './insert.ts';

const FIND = sql`SELECT fingerprint, outcomes FROM job_requests WHERE key = ? AND until > ?`;
/** An answer that is out of date may still stand there. */
const KEEP = sql`INSERT OR REPLACE INTO job_requests (key, fingerprint, outcomes, until) VALUES (?, ?, ?, ?)`;

export const insertOnce = (
  txn: Transaction,
  request: RequestKey,
  jobs: readonly NewJob[],
  now: number,
): InsertOutcome[] | null => {
  const known = answerTo<InsertOutcome[]>(txn, request, now);
  if (known !== undefined) return known;
  const outcomes = insertJobs(txn, jobs, now);
  failpoints.hit?.('request-inserted');
  keepAnswer(txn, request, outcomes);
  return outcomes;
};

/** @returns what the request was answered before: undefined if it is new, null if its key was used for another. */
export const answerTo = <T>(txn: Transaction, { key, fingerprint }: RequestKey, now: number): T | null | undefined => {
  const known = txn.get(FIND, key, now);
  if (!known) return undefined;
  return known['fingerprint'] === fingerprint ? (JSON.parse(text(known['outcomes'])) as T) : null;
};

export const keepAnswer = (txn: Transaction, { key, fingerprint, until }: RequestKey, answer: unknown): void => {
  txn.run(KEEP, key, fingerprint, JSON.stringify(answer), until);
};
