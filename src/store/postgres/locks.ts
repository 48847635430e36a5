/**
 * Locks that PostgreSQL holds until the end of a transaction (so that a pooler may give the connection to somebody else), in memory
 * (so that they leave no dead rows). Their numbers are derived from the schema and what they are for.
 */
import { createHash } from 'node:crypto';
import { numbers, sql } from './driver.ts';
import type { Transaction } from './transaction.ts';

export interface Locks {
  /** Shared by every claim; alone for whoever must see that no claim is on its way: a claim under limits, a change of a limit. */
  readonly claim: string;
  /** Shared by every transaction that may tell listeners; alone for one that begins to listen. */
  readonly listen: string;
  /** Alone for who migrates. */
  readonly migrate: string;
  /** Alone for who adds up what transactions have counted per minute. */
  readonly fold: string;
  /** Shared by transactions in which jobs of a key leave; alone for a claim that parks some behind it. */
  stripe(key: string): number;
}

const STRIPES = 256n;

const numberOf = (text: string): bigint => createHash('sha256').update(text).digest().readBigInt64BE(0);

export const locksOf = (schema: string): Locks => {
  const one = (purpose: string): string => String(numberOf(`backline ${schema} ${purpose}`));
  const stripes = Array.from({ length: Number(STRIPES) }, (_, i) => `${schema} ${i}`);
  // 52 bits: a number of JavaScript. Two that fall together only wait for each other without need.
  const known = stripes.map((name) => Number(BigInt.asUintN(52, numberOf(`backline key ${name}`))));
  return {
    claim: one('claim'),
    listen: one('listen'),
    migrate: one('migrate'),
    fold: one('fold'),
    stripe: (key) => known[Number(BigInt.asUintN(64, numberOf(key)) % STRIPES)]!,
  };
};

const SHARE = sql`
  SELECT count(pg_advisory_xact_lock_shared(lock)) FROM (SELECT DISTINCT lock FROM unnest($locks::bigint[]) AS l(lock) ORDER BY lock) l`;
const TRY_ALONE = sql`
  SELECT lock, pg_try_advisory_xact_lock(lock) AS got FROM (SELECT DISTINCT lock FROM unnest($locks::bigint[]) AS l(lock)) l`;

export const shareStripes = async (txn: Transaction, locks: readonly number[]): Promise<void> => {
  await txn.run(SHARE, { locks: numbers(locks) });
};

/** @returns those that are ours now; the others are in use, and nobody is waited for. */
export const tryStripes = async (txn: Transaction, locks: readonly number[]): Promise<Set<number>> => {
  const rows = await txn.all(TRY_ALONE, { locks: numbers(locks) });
  return new Set(rows.filter((row) => row['got'] === true).map((row) => Number(row['lock'])));
};
