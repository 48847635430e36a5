/**
 * Group commit: calls that arrive together are written in one transaction, and each caller's promise resolves when that has
 * committed. A lone call is not delayed; several transactions may be on their way at once.
 *
 * 1. `add` queues a piece of work; it runs now, or with all others at the end of this turn of the event loop. Neighbours of one kind
 *    (inserts, ends of attempts) become one statement.
 * 2. `#write` runs a group between BEGIN and COMMIT, synced to disk if any of it was promised to be. A claim ends its group: the
 *    lock under which it runs should not be held while other work goes on. What adds jobs to a parent holds it from the beginning,
 *    where others lock it last, so it goes apart; so does each verb of schedules.
 * 3. If one piece throws, the transaction is rolled back and each piece runs alone, so that only the bad one fails.
 * 4. What another transaction stood in the way of is tried again, and so is what a lost connection rolled back. If the answer to
 *    COMMIT was lost, the server is asked what became of that transaction: nothing is written twice, nothing is given up by mistake.
 */
import { storeClosed } from '../../job/errors.ts';
import type { Patience } from '../../util/patience.ts';
import { sleep } from '../../util/sleep.ts';
import { attempt, type Batch, MUST_BE_ALONE, type Piece, type Shared, type Synced } from './attempt.ts';
import { explain, isConflict, isLost, isReadOnly, isStale } from './explain.ts';
import type { Transaction, Unsettled } from './transaction.ts';

/**
 * What a caller was promised is synced; what can only cost a repeated run is not. Who has a job is always synced: the server may crash
 * while the workers live on, and a forgotten claim would let two of them run it, a forgotten end would leave it running for ever.
 */
export const PROMISED = { synced: true };
export const promised = (adds: boolean) => ({ ...PROMISED, adds });
export const REPEATABLE = { synced: false };
export const OWNED = { synced: 'always' } as const;

export interface CommitsOptions {
  /** Sync promised work to disk; false survives a killed process, but not a power cut. */
  readonly syncs: boolean;
  /** How long to try while other transactions stand in the way, in milliseconds. */
  readonly busyMs: number;
}

/** Transactions on their way at once. More would only make each group smaller. */
const MOST_AT_ONCE = 3;
const MAX_RETRY_MS = 50;
/** A connection that was cut is made anew at once, and then with patience; who calls is not kept waiting for long. */
const LOST_RETRIES_MS = [0, 50, 200, 500];
/** Each such try ends one connection: more than the pool has. */
const MAX_STALE = 10;
const SETTLE_AFTER_MS = 50;

export class Commits {
  readonly #shared: Shared;
  readonly #options: CommitsOptions;
  #waiting: Piece[] = [];
  #turn: 'quiet' | 'flushed' | 'scheduled' = 'quiet';
  readonly #writing = new Set<Promise<void>>();
  /** Limits were set when the last claim looked. */
  #limited = true;
  /** A transaction that begins to listen is on its way: others follow it. */
  #isHeld = false;
  #closed = false;

  constructor(shared: Shared, options: CommitsOptions) {
    this.#shared = shared;
    this.#options = options;
  }

  /** Runs `batch` with the items in the next transaction. */
  add<I, O>(
    batch: Batch<I, O>,
    items: readonly I[],
    given: { synced: Synced; claims?: boolean; listens?: boolean; adds?: boolean; apart?: boolean },
  ): Promise<O[]> {
    return new Promise<O[]>((resolve, reject) => {
      if (this.#closed) return reject(storeClosed());
      this.#waiting.push({
        batch: batch as Batch<unknown, unknown>,
        items,
        synced: given.synced,
        claims: given.claims === true,
        listens: given.listens === true,
        adds: given.adds === true,
        apart: given.apart === true,
        resolve: resolve as (values: unknown[]) => void,
        reject,
      });
      if (this.#turn !== 'quiet') return;
      this.#turn = 'scheduled';
      queueMicrotask(() => this.#flush());
    });
  }

  /**
   * Goes on with batches of which something is left to cancel; a little later if somebody has jobs of them in hand. What fails here
   * is found by the next `expire`.
   */
  settleAgain(unsettled: ReadonlyMap<string, Unsettled>): void {
    const again = async (txn: Transaction): Promise<null[]> => {
      for (const [id, { at }] of unsettled) txn.touches.look(id, at);
      return [];
    };
    const settle = () => this.add(again, [null], { synced: false }).catch(() => {});
    if ([...unsettled.values()].some(({ waits }) => waits)) setTimeout(settle, SETTLE_AFTER_MS).unref();
    else settle();
  }

  /** Writes what was handed in, then refuses everything. Always settles. */
  async close(patience: Patience): Promise<void> {
    this.#closed = true;
    while (this.#waiting.length + this.#writing.size > 0) {
      this.#flush();
      if (!(await patience.until(Promise.race(this.#writing)))) break;
    }
    for (const piece of this.#waiting.splice(0)) piece.reject(storeClosed());
  }

  #mayWrite(): boolean {
    return !this.#isHeld && this.#writing.size < MOST_AT_ONCE;
  }

  #flush(): void {
    if (this.#mayWrite() && this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      const holds = group.some(({ listens }) => listens);
      this.#isHeld = holds;
      const writing = this.#write(group).finally(() => {
        this.#writing.delete(writing);
        if (holds) this.#isHeld = false;
        if (this.#turn === 'quiet') this.#flush();
      });
      this.#writing.add(writing);
    }
    // The turn ends with setImmediate: what arrives until then is one group.
    if (this.#turn === 'flushed') return;
    this.#turn = 'flushed';
    setImmediate(() => {
      this.#turn = 'quiet';
      if (this.#waiting.length > 0 && this.#mayWrite()) this.#flush();
    });
  }

  /** In order; never throws. */
  async #write(group: readonly Piece[]): Promise<void> {
    for (let rest = group; rest.length > 0; ) {
      const end = rest.findIndex((piece, i) => endsWith(piece, rest[i + 1]));
      const part = rest.slice(0, end + 1);
      rest = rest.slice(end + 1);
      try {
        await this.#persist(part);
      } catch (error) {
        if (part.length === 1 || isLost(error) || isConflict(error)) this.#refuse(part, error);
        else for (const piece of part) await this.#persist([piece]).catch((fault) => this.#refuse([piece], fault));
      }
    }
  }

  #refuse(pieces: readonly Piece[], error: unknown): void {
    for (const piece of pieces) piece.reject(explain(error, this.#shared.where, this.#options.busyMs));
  }

  /** Tries as long as it makes sense. @throws the last error; then nothing of the group is written. */
  async #persist(group: readonly Piece[]): Promise<void> {
    const since = performance.now();
    let retryMs = 1;
    for (let lost = 0, stale = 0; ; ) {
      try {
        return await this.#transact(group);
      } catch (error) {
        if (isConflict(error)) {
          if (performance.now() - since > this.#options.busyMs) throw error;
          await sleep(retryMs * (0.5 + Math.random()));
          retryMs = Math.min(MAX_RETRY_MS, retryMs * 2);
        } else if (isLost(error) && lost < LOST_RETRIES_MS.length && !this.#closed)
          await sleep(LOST_RETRIES_MS[lost++]!);
        else if (!isStale(error) || stale++ === MAX_STALE) throw error;
      }
    }
  }

  async #transact(group: readonly Piece[]): Promise<void> {
    const client = await this.#shared.pool.connect();
    const synced = group.some((piece) => piece.synced === 'always' || (piece.synced && this.#options.syncs));
    const hasClaims = group.some(({ claims }) => claims);
    const listens = group.some((piece) => piece.listens);
    let broken: unknown;
    try {
      const claims = !hasClaims ? 'none' : this.#limited ? 'alone' : 'shared';
      const limits = await attempt(this.#shared, client, group, { synced, claims, listens });
      if (limits === MUST_BE_ALONE) {
        this.#limited = true;
        await attempt(this.#shared, client, group, { synced, claims: 'alone', listens });
      } else if (limits !== null) this.#limited = limits;
    } catch (error) {
      // A server that has become read-only may have a successor, and only a new connection finds it.
      broken = isLost(error) || isStale(error) || isReadOnly(error) ? error : undefined;
      throw error;
    } finally {
      client.release!(broken);
    }
  }
}

/** Whether a transaction ends between the two. See `Piece`. */
const endsWith = (piece: Piece, next: Piece | undefined): boolean =>
  next === undefined || piece.apart || next.apart || (piece.claims && !next.claims) || piece.adds !== next.adds;
