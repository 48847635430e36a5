/** Work inside a caller's own transaction: on the caller's client, between a savepoint and its release; the caller's commit makes it true. */
import { badTransaction } from '../../job/errors.ts';
import type { Shared } from './attempt.ts';
import { Connection, type PgClient, sql } from './driver.ts';
import { explain, isLost } from './explain.ts';
import { notifyWithin } from './listen.ts';
import { settleBatches } from './sql/batch.ts';
import { settleFreed } from './sql/limit.ts';
import { Transaction } from './transaction.ts';

const MARK = sql`SELECT mark FROM backline.job_store`;

export class CallerTransactions {
  readonly #shared: Shared;
  /** Clients that were found to be connected to this very database. */
  readonly #known = new WeakSet<object>();
  #mark: string | undefined;

  constructor(shared: Shared) {
    this.#shared = shared;
  }

  know(queues: ReadonlySet<string>): boolean {
    return [...queues].every((name) => this.#shared.queues.has(name));
  }

  /** @throws BAD_TRANSACTION for what is no client of pg. */
  clientOf(tx: object): PgClient {
    const { query, connect, totalCount } = tx as { query?: unknown; connect?: unknown; totalCount?: unknown };
    if (typeof query !== 'function' || typeof connect !== 'function') throw badTransaction('is no client of pg');
    if (typeof totalCount === 'number')
      throw badTransaction(
        'is a pool, whose next query may go to another connection: pass the client that it gave you',
      );
    return tx as PgClient;
  }

  /** @throws BAD_TRANSACTION, and whatever the work throws; then nothing of it is left in the caller's transaction. */
  async run<T>(client: PgClient, work: (txn: Transaction) => Promise<T>): Promise<T> {
    const { statements, where, queues, locks, journal } = this.#shared;
    const db = new Connection(client, statements);
    await begin(db);
    try {
      await this.#mustBeOurs(client, db);
      const txn = new Transaction(where, db, Promise.resolve({ listened: true }), queues);
      const result = await work(txn);
      await settleBatches(txn, { within: true });
      await settleFreed(txn, locks);
      for (const { statement, params } of txn.takeCounts()) await db.run(statement, params);
      if (txn.changes.length > 0) {
        // All must hear, this process included: it cannot know when the caller commits. And whether anybody listens is not asked:
        // somebody may begin to before that.
        const { statement, params } = journal.appending(txn.changes, '');
        await db.run(statement, params);
        await notifyWithin(db, statements.schema);
      }
      await db.script('RELEASE SAVEPOINT backline');
      return result;
    } catch (error) {
      if (!isLost(error)) await db.script('ROLLBACK TO SAVEPOINT backline; RELEASE SAVEPOINT backline').catch(() => {});
      throw explain(error, where);
    }
  }

  async #mustBeOurs(client: PgClient, db: Connection): Promise<void> {
    if (this.#known.has(client)) return;
    const theirs = await db.get(MARK).catch(() => undefined);
    if (theirs === undefined || theirs['mark'] !== (await this.#ourMark()))
      throw badTransaction('belongs to another database');
    this.#known.add(client);
  }

  async #ourMark(): Promise<string> {
    if (this.#mark !== undefined) return this.#mark;
    const client = await this.#shared.pool.connect();
    try {
      const row = await new Connection(client, this.#shared.statements).get(MARK);
      this.#mark = String(row?.['mark']);
      client.release!();
      return this.#mark;
    } catch (error) {
      client.release!(error);
      throw error;
    }
  }
}

/** Only inside a transaction is there such a thing as a savepoint. Source: PostgreSQL, appendix A, class 25. */
const begin = async (db: Connection): Promise<void> => {
  try {
    await db.script('SAVEPOINT backline');
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === '25P01') throw badTransaction('has no open transaction');
    if (code === '25P02') throw badTransaction('has failed already, and can only be rolled back');
    throw error;
  }
};
