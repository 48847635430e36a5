/** One transaction of the group commit: begin, the pieces in order, counters and journal, commit; and what became of it. */
import { storeUnavailable } from '../../job/errors.ts';
import { sleep } from '../../util/sleep.ts';
import type { AnyChange } from '../watchers.ts';
import { Connection, type PgClient, type PgPool, type Row, type Statements, sql } from './driver.ts';
import { isLost } from './explain.ts';
import type { Journal } from './journal.ts';
import type { Locks } from './locks.ts';
import type { Positions } from './positions.ts';
import { settleBatches } from './sql/batch.ts';
import { settleFreed } from './sql/limit.ts';
import { Transaction, type Unsettled, type Writing } from './transaction.ts';

/** One kind of work that many calls can share one run of. */
export type Batch<I, O> = (txn: Transaction, items: readonly I[]) => Promise<O[]>;

/** Whether to wait until it is on the disk: never, if it was promised and promises are synced, or whatever was promised. */
export type Synced = boolean | 'always';

export interface Piece {
  /** Pieces of the same batch that stand beside each other run once, with the items of all. */
  readonly batch: Batch<unknown, unknown>;
  readonly items: readonly unknown[];
  readonly synced: Synced;
  /** A claim: keeps out other claims if limits are set, and ends its transaction. */
  readonly claims: boolean;
  /** It begins to listen: all transactions that do not know it yet must be over, and what is handed in after it begins after it. */
  readonly listens: boolean;
  /** Jobs come in that have a parent: their batches are locked before anything else, so nothing else is done while they are. */
  readonly adds: boolean;
  /** A verb of schedules: it locks rows that others lock after theirs, or keeps out all claims, so it has its transaction to itself. */
  readonly apart: boolean;
  readonly resolve: (values: unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

/** What all transactions of a store share. */
export interface Shared {
  readonly where: string;
  readonly pool: PgPool;
  readonly statements: Statements;
  readonly locks: Locks;
  readonly journal: Journal;
  readonly positions: Positions;
  readonly isWatched: () => boolean;
  /** Queues that are known to exist: they are never deleted. */
  readonly queues: Set<string>;
  /** Something was committed that other processes may want to look at. */
  readonly onCommit: () => void;
  /** Counters were written, and wait to be added up. */
  readonly onCounted: () => void;
  /** Batches of which something is left to cancel, in a transaction that has committed. */
  readonly onUnsettled: (unsettled: ReadonlyMap<string, Unsettled>) => void;
  /** Nobody waits for long any more. */
  readonly isClosed: () => boolean;
}

export interface AttemptOptions {
  readonly synced: boolean;
  /** Which lock of the claims to hold, if any is among the pieces. */
  readonly claims: 'none' | 'shared' | 'alone';
  readonly listens: boolean;
}

/** Retry with all other claims kept out: limits are set. Nothing was written. */
export const MUST_BE_ALONE = 'must be alone';

/** How long to ask what became of a transaction whose COMMIT was not answered. */
const UNKNOWN_MS = 60_000;
const ASK_MS = 100;

/**
 * A server that crashes may give the numbers of the transactions that it forgot to others. So who asks must know that it did: the
 * table of the epoch is unlogged, and a crash or a fail-over empties it.
 */
const STATUS = sql`
  SELECT pg_xact_status($xid::text::xid8) AS status, coalesce((SELECT mark = $epoch FROM backline.job_epoch), false) AS same`;
const NEW_EPOCH = sql`INSERT INTO backline.job_epoch (mark) VALUES (gen_random_uuid()::text) ON CONFLICT DO NOTHING`;
/** What the server says of a number that it has not given out yet: it has forgotten that it did. */
const IN_THE_FUTURE = '22023';

/**
 * Settings for this transaction only, so that a pooler may sit in between. Never a plan that reads whole tables: they were perhaps
 * never analysed, and all look-ups here have their index. What a process leaves idle that was cut off, or stands still, ends by
 * itself: it would hold up others.
 */
const settings = (synced: boolean): string => `
  SELECT set_config('synchronous_commit', ${
    synced
      ? `CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END`
      : `'off'`
  }, true), set_config('jit', 'off', true), set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('idle_in_transaction_session_timeout', '10s', true)`;

const CLAIM_LOCK = { none: null, shared: 'pg_advisory_xact_lock_shared', alone: 'pg_advisory_xact_lock' } as const;

/**
 * Runs the pieces in one transaction, and answers their callers once it has committed.
 * @returns whether limits are set, if a claim looked; or MUST_BE_ALONE.
 * @throws the error for which nothing was written.
 */
export const attempt = async (
  shared: Shared,
  client: PgClient,
  pieces: readonly Piece[],
  options: AttemptOptions,
): Promise<boolean | null | typeof MUST_BE_ALONE> => {
  const db = new Connection(client, shared.statements);
  const begunAt = performance.now();
  const begun = db.script(beginning(shared, options)).then(([row]) => {
    db.answeredBy(Number(row!['pid']));
    return {
      begunAt,
      xid: String(row!['xid']),
      epoch: row!['epoch'] === null ? null : String(row!['epoch']),
      othersListen: row!['listened'] === true,
      listened: row!['listened'] === true || shared.isWatched(),
    };
  });
  begun.catch(() => {});
  const txn = new Transaction(shared.where, db, begun, shared.queues);
  txn.readied = shared.positions.active ? [] : null;
  let results: unknown[][];
  try {
    results = await runPieces(shared, txn, pieces, options);
    if (txn.limits === true && options.claims === 'shared') {
      await db.script('ROLLBACK');
      return MUST_BE_ALONE;
    }
  } catch (error) {
    // What was sent behind a beginning that failed says only that the transaction is aborted.
    const cause = await begun.then(
      () => error,
      (first) => first,
    );
    if (!isLost(cause)) await db.script('ROLLBACK');
    throw cause;
  }
  await commit(shared, db, txn, await begun);
  for (const name of txn.newQueues) shared.queues.add(name);
  if (txn.readied) shared.positions.lower(txn.readied);
  for (const [i, piece] of pieces.entries()) piece.resolve(results[i]!);
  if (txn.counted) shared.onCounted();
  if (txn.woke || txn.changes.length > 0) shared.onCommit();
  if (txn.unsettled.size > 0) shared.onUnsettled(txn.unsettled);
  return txn.limits;
};

/** Who wants a lock alone does not keep others waiting behind it for long: it is tried again. */
const ALONE = `SELECT set_config('lock_timeout', '2s', true);`;

/** The number is asked for first: on a server that only follows another this says so plainly, and what comes next would not. */
const beginning = ({ locks, journal }: Shared, { synced, claims, listens }: AttemptOptions): string => {
  const lock = CLAIM_LOCK[claims];
  return `BEGIN ISOLATION LEVEL READ COMMITTED;${settings(synced)};${listens || claims === 'alone' ? ALONE : ''}
    SELECT pg_current_xact_id(), ${listens ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'}(${locks.listen})${lock === null ? '' : `, ${lock}(${locks.claim})`};
    SELECT pg_current_xact_id()::text AS xid, pg_backend_pid() AS pid, (SELECT mark FROM backline.job_epoch) AS epoch,
      EXISTS (SELECT 1 FROM backline.job_listeners WHERE origin <> '${journal.origin}') AS listened`;
};

/** Neighbours of one kind run once, and each gets its own part of the answer. */
const runPieces = async (
  shared: Shared,
  txn: Transaction,
  pieces: readonly Piece[],
  { claims }: AttemptOptions,
): Promise<unknown[][]> => {
  txn.alone = claims === 'alone';
  const results: unknown[][] = [];
  for (let i = 0; i < pieces.length; ) {
    const { batch } = pieces[i]!;
    if (pieces[i]!.claims) await settle(txn, shared.locks);
    let end = i + 1;
    while (end < pieces.length && pieces[end]!.batch === batch) end++;
    const group = pieces.slice(i, end);
    const answers = await batch(
      txn,
      group.flatMap(({ items }) => items),
    );
    let from = 0;
    for (const { items } of group) {
      results.push(answers.slice(from, from + items.length));
      from += items.length;
    }
    i = end;
  }
  await settle(txn, shared.locks);
  return results;
};

/** A batch that cancels its jobs may free limit keys. */
const settle = async (txn: Transaction, locks: Locks): Promise<void> => {
  await settleBatches(txn, { within: false });
  await settleFreed(txn, locks);
};

interface Begun {
  /** By the monotonic clock. */
  readonly begunAt: number;
  readonly xid: string;
  /** Null after a crash of the server, until somebody has committed. */
  readonly epoch: string | null;
  readonly othersListen: boolean;
}

/** @throws the error for which nothing was written. */
const commit = async (shared: Shared, db: Connection, txn: Transaction, begun: Begun): Promise<void> => {
  const { journal } = shared;
  const writing: Promise<unknown>[] = [];
  const send = ({ statement, params }: Writing) => {
    const sent = db.send(statement, params);
    // It may fail before anybody waits for it.
    sent.catch(() => {});
    writing.push(sent);
    return sent;
  };
  for (const writing of txn.takeCounts()) send(writing);
  if (begun.epoch === null) send({ statement: NEW_EPOCH, params: {} });
  if (begun.othersListen && txn.changes.length > 0) send(journal.appending(txn.changes));
  const reading = journal.listens && shared.isWatched() ? send(journal.reading()) : null;
  const committed = db.command('COMMIT');
  committed.catch(() => {});
  // What others did comes before what is committed here, because it may be what this followed.
  if (reading) {
    const rows = await reading.then(
      ({ rows }): readonly Row[] => rows,
      () => [],
    );
    journal.heard(rows, begun);
  }
  const told = journal.tell(
    committed.then(
      (command): readonly AnyChange[] => (command === 'COMMIT' ? txn.changes : []),
      () => [],
    ),
  );
  try {
    await Promise.all(writing);
    await committed;
  } catch (error) {
    await judge(shared, db, txn, begun, error);
    // It did commit; in its turn it was taken for nothing, so it is told now.
    return journal.tell(Promise.resolve(txn.changes));
  }
  await told;
};

/** @returns if the transaction has committed all the same. @throws the error for which nothing was written. */
const judge = async (shared: Shared, db: Connection, txn: Transaction, begun: Begun, error: unknown): Promise<void> => {
  if (!isLost(error)) {
    await db.script('ROLLBACK');
    throw error;
  }
  const since = performance.now();
  // What was claimed is asked for without end: under a live lease, and unknown to its worker, it would be stuck.
  while (!shared.isClosed() && (txn.claimed || performance.now() - since < UNKNOWN_MS)) {
    const fate = await fateOf(shared, begun, txn.witness);
    if (fate === 'committed') return;
    if (fate === 'aborted') throw error;
    if (fate === 'unknown') break;
    await sleep(ASK_MS);
  }
  throw storeUnavailable(
    shared.where,
    `the connection was lost during COMMIT, and whether transaction ${begun.xid} was written is not known`,
  );
};

/** @returns null if the server does not say yet. */
const fateOf = async (
  { pool, statements }: Shared,
  { xid, epoch }: Begun,
  witness: Transaction['witness'],
): Promise<'committed' | 'aborted' | 'unknown' | null> => {
  let client: PgClient;
  try {
    client = await pool.connect();
  } catch {
    return null;
  }
  try {
    const db = new Connection(client, statements);
    const { status, same } = (await db.get(STATUS, { xid, epoch }))!;
    const isThere =
      status === 'committed' && same !== true && witness
        ? (await db.get(witness.statement, witness.params))?.['there'] === true
        : null;
    client.release!();
    if (status === 'committed') return same === true ? 'committed' : isThere === null ? 'unknown' : fate(isThere);
    // After a crash nothing goes on that was under way before: whoever has this number now is another.
    if (status === 'in progress') return same === true ? null : 'aborted';
    return status === 'aborted' ? 'aborted' : 'unknown';
  } catch (error) {
    client.release!(error);
    return (error as { code?: unknown }).code === IN_THE_FUTURE ? 'aborted' : null;
  }
};

const fate = (isThere: boolean) => (isThere ? 'committed' : 'aborted');
