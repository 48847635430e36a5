/**
 * Group commit: calls that arrive together are written in one transaction, and each caller's promise resolves when that has
 * committed. A lone call is not delayed: after a quiet turn of the event loop it is written as soon as the current code is done.
 *
 * 1. `add` queues a piece of work; it runs now, or with all others at the end of this turn.
 * 2. `#flush` runs all queued work between BEGIN IMMEDIATE and COMMIT, synced to disk if any of it was promised to be.
 * 3. If one piece throws, the transaction is rolled back and each piece runs alone, so that only the bad one fails.
 * 4. If another process holds the lock, the whole group waits and tries again, and the event loop goes on meanwhile.
 */
import { storeClosed } from '../../job/errors.ts';
import type { AnyChange } from '../watchers.ts';
import { type Connection, explain, isBusy } from './driver.ts';
import { failpoints } from './failpoints.ts';
import type { Journal } from './journal.ts';
import { settleBatches } from './sql/batch.ts';
import { Transaction } from './transaction.ts';

interface Piece {
  readonly work: (txn: Transaction) => unknown;
  readonly synced: boolean;
  readonly resolve: (value: never) => void;
  readonly reject: (error: unknown) => void;
}

export interface CommitsOptions {
  readonly where: string;
  /** Sync promised work to disk; false survives a killed process, but not a power cut. */
  readonly syncs: boolean;
  /** How long to try while another program holds the lock, in milliseconds. */
  readonly busyMs: number;
}

const MAX_RETRY_MS = 25;

export class Commits {
  readonly #db: Connection;
  readonly #journal: Journal;
  readonly #options: CommitsOptions;
  readonly #deliver: (changes: readonly AnyChange[]) => void;
  readonly #isWatched: () => boolean;
  #queue: Piece[] = [];
  #turn: 'quiet' | 'flushed' | 'scheduled' | 'waiting' = 'quiet';
  #busySince: number | null = null;
  #retryMs = 1;
  #synchronous: 1 | 2 = 1;
  #closed = false;

  constructor(
    db: Connection,
    journal: Journal,
    options: CommitsOptions,
    isWatched: () => boolean,
    deliver: (changes: readonly AnyChange[]) => void,
  ) {
    this.#db = db;
    this.#journal = journal;
    this.#options = options;
    this.#isWatched = isWatched;
    this.#deliver = deliver;
  }

  /** Runs `work` in the next transaction. @param synced the caller was promised that it survives a power cut. */
  add<T>(work: (txn: Transaction) => T, synced: boolean): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#closed) return reject(storeClosed());
      this.#queue.push({ work, synced, resolve: resolve as (value: never) => void, reject });
      if (this.#turn === 'quiet') {
        this.#turn = 'scheduled';
        queueMicrotask(() => this.#flush());
      }
    });
  }

  /** Writes what is queued, then refuses everything. Always returns. */
  close(): void {
    this.#closed = true;
    if (this.#queue.length > 0) this.#flush();
    for (const piece of this.#queue.splice(0)) piece.reject(storeClosed());
  }

  #flush(): void {
    const group = this.#queue;
    if (group.length === 0) return;
    this.#queue = [];
    try {
      this.#commit(group);
      this.#busySince = null;
      this.#retryMs = 1;
      this.#nextTurn();
    } catch (error) {
      if (isBusy(error)) this.#waitFor(group, error);
      else this.#fail(group, error);
    }
  }

  /** The turn ends with setImmediate: what arrives until then is one group. Microtasks alone would starve the event loop. */
  #nextTurn(): void {
    this.#turn = 'flushed';
    setImmediate(() => {
      if (this.#turn === 'waiting') return;
      this.#turn = 'quiet';
      if (this.#queue.length > 0) this.#flush();
    });
  }

  #commit(group: readonly Piece[]): void {
    const db = this.#db;
    this.#setSynchronous(this.#options.syncs && group.some(({ synced }) => synced) ? 2 : 1);
    db.exec('BEGIN IMMEDIATE');
    let heard: AnyChange[] = [];
    let txn: Transaction;
    const results: unknown[] = [];
    try {
      failpoints.hit?.('transaction-begun');
      heard = this.#journal.read(db);
      const othersListen = this.#journal.othersListen(db);
      txn = new Transaction(db, othersListen || this.#isWatched());
      for (const { work } of group) results.push(work(txn));
      settleBatches(txn);
      txn.writeCounts();
      if (othersListen) this.#journal.append(db, txn.changes);
      failpoints.hit?.('before-commit');
      db.exec('COMMIT');
    } catch (error) {
      if (db.inTransaction) db.exec('ROLLBACK');
      // What others committed stays true, and is not read again.
      if (heard.length > 0) this.#deliver(heard);
      throw error;
    }
    failpoints.hit?.('after-commit');
    for (let i = 0; i < group.length; i++) group[i]!.resolve(results[i] as never);
    if (heard.length > 0 || txn.changes.length > 0) this.#deliver(heard.concat(txn.changes));
    this.settleAgain(txn);
  }

  /** Goes on with batches that had too much to cancel for one transaction. What fails here is found by the next `expire`. */
  settleAgain({ unsettled }: Transaction): void {
    if (unsettled.size === 0) return;
    this.add((txn) => {
      for (const [id, at] of unsettled) txn.touches.look(id, at);
    }, false).catch(() => {});
  }

  /** Never a prepared pragma: it would act when it is compiled, not when it runs. */
  #setSynchronous(level: 1 | 2): void {
    if (level === this.#synchronous) return;
    this.#db.exec(`PRAGMA synchronous = ${level}`);
    this.#synchronous = level;
  }

  #waitFor(group: readonly Piece[], error: unknown): void {
    const now = performance.now();
    this.#busySince ??= now;
    const waitedMs = Math.round(now - this.#busySince);
    if (waitedMs >= this.#options.busyMs || this.#closed) {
      this.#busySince = null;
      for (const piece of group) piece.reject(explain(error, this.#options.where, waitedMs));
      return this.#nextTurn();
    }
    this.#queue = [...group, ...this.#queue];
    this.#turn = 'waiting';
    setTimeout(() => this.#flush(), this.#retryMs * (0.5 + Math.random()));
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
  }

  #fail(group: readonly Piece[], error: unknown): void {
    if (group.length === 1) group[0]!.reject(explain(error, this.#options.where));
    else
      for (let i = 0; i < group.length; i++) {
        const busy = this.#alone(group[i]!);
        if (busy) return this.#waitFor(group.slice(i), busy);
      }
    this.#nextTurn();
  }

  /** @returns the error if another process holds the lock, so that the piece and those after it must wait. */
  #alone(piece: Piece): unknown {
    try {
      this.#commit([piece]);
    } catch (error) {
      if (isBusy(error)) return error;
      piece.reject(explain(error, this.#options.where));
    }
    return undefined;
  }
}
