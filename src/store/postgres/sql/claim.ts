/**
 * The claim: order, pauses and limits are decided here, inside the one transaction that takes the jobs.
 *
 * 1. The worker must be registered; its row is held, so that it cannot be declared dead in the middle of this.
 * 2. Candidates are picked in order: priority, run time, insertion. A lane is a queue, a type and a priority; the index holds each lane
 *    in order of time, so that neither what is delayed nor what this worker does not know is ever walked.
 * 3. Without limits many claims run at once, each skipping the rows that others are just taking. Where limits are set, claims go one
 *    by one: only so are they exact. Candidates behind a full key are parked, and it is picked again.
 * 4. The rest is taken: their rows go from job_ready to job_running, under a new claim number.
 */
import { jobExpired } from '../../../job/errors.ts';
import type { ClaimedJob } from '../../../job/job.ts';
import { number, numberOrNull, text, textOrNull } from '../../rows.ts';
import type { ClaimAnswer, ClaimRequest } from '../../store.ts';
import { type Row, sql, texts, type Value } from '../driver.ts';
import { type Locks, tryStripes } from '../locks.ts';
import type { Positions } from '../positions.ts';
import { toClaimed } from '../rows.ts';
import type { Transaction } from '../transaction.ts';
import { settleFreed } from './limit.ts';
import { look } from './pick.ts';
import { endWaiting, PARKED, takeWaiting } from './waiting.ts';

const KEYS = sql`
  SELECT l.key, l.max_running, (SELECT count(*) FROM backline.job_running r WHERE r.limit_key = l.key) AS running
  FROM backline.job_limits l WHERE l.key = ANY ($keys::text[])`;

const PARK = sql`
  WITH gone AS (DELETE FROM backline.job_ready WHERE ctid = ANY ($ats::tid[]) RETURNING *)
  INSERT INTO backline.job_aside (seq, gate, queue, type, priority, run_at, limit_key, expires_at, parent_job_id)
  SELECT seq, ${String(PARKED)}, queue, type, priority, run_at, limit_key, expires_at, parent_job_id FROM gone`;

/** The rows are locked by this transaction, so their ctids hold; ANY of an array is always a scan of exactly these. */
const TAKE = sql`
  WITH gone AS (DELETE FROM backline.job_ready WHERE ctid = ANY ($ats::tid[]) RETURNING seq),
    begun AS MATERIALIZED (
      SELECT b.seq, b.id, b.type, b.queue, b.priority, b.run_at, b.limit_key, b.unique_key, b.claim + 1 AS claim, b.life,
        b.attempts + 1 AS attempts, b.crashes, b.max_crashes, $now::bigint AS started_at, $now::bigint + b.timeout_ms AS timeout_at,
        coalesce(b.deadline_at, $now::bigint + b.total_ms) AS deadline_at, b.max_attempts, b.parent_job_id, b.tenant, b.timeout_ms,
        b.payload, b.schedule_id, b.slot_at,
        greatest(b.run_at, b.queued_at) AS ready_at
      FROM gone g JOIN backline.job_body b ON b.seq = g.seq),
    running AS (
      INSERT INTO backline.job_running (seq, id, type, queue, priority, run_at, limit_key, unique_key, claim, life, attempts, crashes,
        max_crashes, owner, started_at, timeout_at, deadline_at, parent_job_id)
      SELECT seq, id, type, queue, priority, run_at, limit_key, unique_key, claim, life, attempts, crashes, max_crashes, $owner,
        started_at, timeout_at, deadline_at, parent_job_id FROM begun)
  SELECT * FROM begun ORDER BY priority, run_at, seq`;

/** Rounds of "park and pick again"; what is left over is done by the next claim, which is then due at once. */
const ROUNDS = 20;
const MORE = 500;
/** How soon to look again at jobs whose key was in use by a transaction that takes one of them out. */
const KEY_IN_USE_MS = 50;

/** Where limits are set, a claim must keep all others out: if it does not, it says so in the transaction, and takes nothing. */
export const claimJobs = async (
  txn: Transaction,
  locks: Locks,
  positions: Positions,
  request: ClaimRequest,
  now: number,
): Promise<ClaimAnswer> => {
  if (request.n <= 0) return { jobs: [], nextAt: null };
  return txn.alone ? claimWithin(txn, locks, positions, request, now) : claimFreely(txn, positions, request, now);
};

/** Twice as many candidates as are wanted: some may be on their way to another worker. If that was too few, more. */
const claimFreely = async (
  txn: Transaction,
  positions: Positions,
  request: ClaimRequest,
  now: number,
): Promise<ClaimAnswer> => {
  for (let most = 2 * request.n + 10, round = 0; ; most *= 8, round++) {
    const { rows, candidates, nextAt } = await look(txn, positions, request, now, {
      limits: 'freely',
      n: request.n,
      most,
    });
    if (txn.limits) return { jobs: [], nextAt: now };
    const expired = rows.filter((row) => isExpired(row, now));
    if (expired.length > 0) await expireRows(txn, expired, now);
    else if (rows.length === request.n || candidates < most || round === 2)
      return { jobs: await take(txn, rows, request.owner, now), nextAt };
    if (round === ROUNDS) return { jobs: [], nextAt: now };
  }
};

/** Picks until nothing had to be put aside: only then is the order right for what is taken. */
const claimWithin = async (
  txn: Transaction,
  locks: Locks,
  positions: Positions,
  request: ClaimRequest,
  now: number,
): Promise<ClaimAnswer> => {
  const keys = new Keys(txn, locks);
  let sorted: Sorted = { take: [], full: [], expired: [], cut: false };
  let blocked = 0;
  for (let round = 0, n = request.n; round < ROUNDS; round++, n = Math.max(request.n, MORE)) {
    // What an expired row set free comes forward before the next look.
    await settleFreed(txn, locks);
    const { rows, nextAt } = await look(txn, positions, request, now, {
      ...{ limits: 'within', n, most: n, blocked },
      skipped: keys.skipped,
    });
    await keys.learn(rows);
    sorted = sort(rows, keys, request.n, now);
    if (sorted.full.length + sorted.expired.length > 0) {
      if (sorted.expired.length > 0) await expireRows(txn, sorted.expired, now);
      const parked = keys.mayPark(sorted.full);
      if (parked.length > 0) await txn.run(PARK, { ats: texts(parked.map((row) => text(row['at']))) });
      blocked = Math.min(MORE, 4 * blocked + 8);
    } else if (sorted.cut && sorted.take.length < request.n && rows.length === n) {
      // Rows of full queues may have crowded out what other queues have.
      blocked = 0;
    } else {
      const soon = keys.skipped.length > 0 ? now + KEY_IN_USE_MS : null;
      const times = [nextAt, soon].filter((at) => at !== null);
      return {
        jobs: await take(txn, sorted.take, request.owner, now),
        nextAt: times.length > 0 ? Math.min(...times) : null,
      };
    }
  }
  return { jobs: await take(txn, sorted.take, request.owner, now), nextAt: now };
};

interface Sorted {
  readonly take: Row[];
  readonly full: Row[];
  readonly expired: Row[];
  /** Whether rows were passed over because their queue has no more room. */
  cut: boolean;
}

/** In order, until enough may run; what lies behind that cut is not touched. */
const sort = (rows: readonly Row[], keys: Keys, n: number, now: number): Sorted => {
  const sorted: Sorted = { take: [], full: [], expired: [], cut: false };
  const taken = new Map<Value, number>();
  const inQueue = new Map<Value, number>();
  for (const row of rows) {
    const key = textOrNull(row['limit_key']);
    const queue = row['queue']!;
    if (isExpired(row, now)) sorted.expired.push(row);
    else if ((inQueue.get(queue) ?? 0) >= number(row['room'])) sorted.cut = true;
    else if (key !== null && (taken.get(key) ?? 0) >= keys.roomOf(key)) sorted.full.push(row);
    else {
      inQueue.set(queue, (inQueue.get(queue) ?? 0) + 1);
      if (key !== null) taken.set(key, (taken.get(key) ?? 0) + 1);
      sorted.take.push(row);
    }
    if (sorted.take.length === n) break;
  }
  return sorted;
};

/** The limit keys that one claim came across: their room, and whether it may park jobs behind them. */
class Keys {
  readonly #txn: Transaction;
  readonly #locks: Locks;
  readonly #rooms = new Map<string, number>();
  readonly #ours = new Set<number>();
  /** Full, but a transaction that takes one of their jobs out is on its way: not parked, and not looked at again in this claim. */
  readonly skipped: string[] = [];

  constructor(txn: Transaction, locks: Locks) {
    this.#txn = txn;
    this.#locks = locks;
  }

  /** The lock first, and then the count: nobody can leave in between. Without the lock the count can only be too high. */
  async learn(rows: readonly Row[]): Promise<void> {
    const keys = [...new Set(rows.flatMap((row) => textOrNull(row['limit_key']) ?? []))].filter(
      (key) => !this.#rooms.has(key),
    );
    if (keys.length === 0) return;
    for (const lock of await tryStripes(
      this.#txn,
      keys.map((key) => this.#locks.stripe(key)),
    ))
      this.#ours.add(lock);
    for (const key of keys) this.#rooms.set(key, Number.POSITIVE_INFINITY);
    for (const row of await this.#txn.all(KEYS, { keys: texts(keys) }))
      this.#rooms.set(text(row['key']), number(row['max_running']) - number(row['running']));
  }

  roomOf(key: string): number {
    return this.#rooms.get(key) ?? 0;
  }

  /** Of rows behind a full key, those that may be parked; the keys of the others are skipped. */
  mayPark(rows: readonly Row[]): Row[] {
    return rows.filter((row) => {
      const key = text(row['limit_key']);
      const ours = this.#ours.has(this.#locks.stripe(key));
      if (!ours && !this.skipped.includes(key)) this.skipped.push(key);
      return ours;
    });
  }
}

const isExpired = (row: Row, now: number): boolean => {
  const at = numberOrNull(row['expires_at']);
  return at !== null && at <= now;
};

const expireRows = async (txn: Transaction, rows: readonly Row[], now: number): Promise<void> => {
  const times = new Map(rows.map((row) => [number(row['seq']), number(row['expires_at'])]));
  const taken = await takeWaiting(txn, [...times.keys()]);
  await endWaiting(txn, taken, 'cancelled', (seq) => jobExpired(times.get(seq)!).message, now);
};

/** Nobody else claims for this owner, and it waits for the answer. */
const RUNS = sql`SELECT EXISTS (SELECT 1 FROM backline.job_running WHERE seq = $seq AND owner = $owner) AS there`;

const take = async (txn: Transaction, rows: readonly Row[], owner: string, now: number): Promise<ClaimedJob[]> => {
  if (rows.length === 0) return [];
  const taken = await txn.all(TAKE, { ats: texts(rows.map((row) => text(row['at']))), owner, now });
  if (taken.length > 0) {
    txn.claimed = true;
    txn.witness = { statement: RUNS, params: { seq: number(taken[0]!['seq']), owner } };
  }
  return taken.map((row) => {
    const job = toClaimed(row);
    txn.moved(job, 'queued', 'running', now);
    txn.rollups.started(job, number(row['ready_at']), now);
    txn.tell(() => {
      const { seq, id, type, queue, attempts, runAt } = job;
      return { kind: 'status', seq, id, type, queue, attempts, runAt, at: now, from: 'queued', to: 'running' };
    });
    return job;
  });
};
