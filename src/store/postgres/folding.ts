/** Counters that transactions appended are added up behind everybody's back; what is left is done by the next. */

import { number } from '../rows.ts';
import { sql } from './driver.ts';
import type { Locks } from './locks.ts';
import { eachBucket, SUMS, TALLIED } from './rollups.ts';
import { foldCounts } from './sql/maintain.ts';
import type { Transaction } from './transaction.ts';

const AFTER_MS = 1000;

export class Folding {
  readonly #write: (work: (txn: Transaction) => Promise<void>) => Promise<void>;
  readonly #locks: Locks;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(locks: Locks, write: (work: (txn: Transaction) => Promise<void>) => Promise<void>) {
    this.#locks = locks;
    this.#write = write;
  }

  soon(): void {
    this.#timer ??= setTimeout(() => this.#fold(), AFTER_MS).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #fold(): void {
    this.#timer = undefined;
    if (this.#stopped) return;
    const fold = async (txn: Transaction): Promise<void> => {
      await foldCounts(txn);
      await foldMinutes(txn, this.#locks);
    };
    this.#write(fold).catch(() => {});
  }
}

const added = (name: string): string =>
  `CASE WHEN m.${name} IS NULL THEN excluded.${name} WHEN excluded.${name} IS NULL THEN m.${name}
    ELSE ${eachBucket((n) => `m.${name}[${n}] + excluded.${name}[${n}]`)} END`;

const FOLD = sql`
  WITH gone AS (
      DELETE FROM backline.job_minute_deltas WHERE ctid = ANY (ARRAY(SELECT ctid FROM backline.job_minute_deltas LIMIT 20000)) RETURNING *),
    folded AS (
      INSERT INTO backline.job_minutes AS m
      SELECT minute, queue, type, ${SUMS} FROM gone GROUP BY minute, queue, type
      ON CONFLICT (minute, queue, type) DO UPDATE SET ${TALLIED.map((name) => `${name} = m.${name} + excluded.${name}`).join(', ')},
        wait_times = ${added('wait_times')}, run_times = ${added('run_times')})
  SELECT count(*) AS n FROM gone`;

const TRY = sql`SELECT pg_try_advisory_xact_lock($lock::bigint) AS got`;
const WAIT = sql`SELECT pg_advisory_xact_lock($lock::bigint)`;

/** One process at a time is enough, and leaves nobody waiting. @returns how many rows were folded. */
export const foldMinutes = async (txn: Transaction, locks: Locks): Promise<number> => {
  const row = await txn.get(TRY, { lock: locks.fold });
  return row!['got'] === true ? number((await txn.get(FOLD))!['n']) : 0;
};

/** Folds all there is, once those who do it already are done. */
export const foldAllMinutes = async (txn: Transaction, locks: Locks): Promise<void> => {
  await txn.run(WAIT, { lock: locks.fold });
  while (number((await txn.get(FOLD))!['n']) > 0);
};
