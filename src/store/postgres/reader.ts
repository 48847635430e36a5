/** Questions: each on a connection of the pool, outside of any transaction of ours. */
import { sleep } from '../../util/sleep.ts';
import { Connection, type PgClient, type PgPool, type Statements } from './driver.ts';
import { explain, isConflict, isLost } from './explain.ts';
import { NOW } from './lease.ts';

const TRIES = 3;
const RETRY_MS = 50;

export class Reader {
  readonly #pool: PgPool;
  readonly #statements: Statements;
  readonly #where: string;

  constructor(pool: PgPool, statements: Statements, where: string) {
    this.#pool = pool;
    this.#statements = statements;
    this.#where = where;
  }

  /** What a lost connection or a conflict cut short is simply asked again. */
  async read<T>(work: (db: Connection) => Promise<T>): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.once(work);
      } catch (error) {
        if (tries === TRIES || !(isLost(error) || isConflict(error))) throw explain(error, this.#where);
        await sleep((tries - 1) * RETRY_MS);
      }
    }
  }

  async once<T>(work: (db: Connection) => Promise<T>): Promise<T> {
    const client: PgClient = await this.#pool.connect();
    try {
      const answer = await work(new Connection(client, this.#statements));
      client.release!();
      return answer;
    } catch (error) {
      client.release!(isLost(error) ? error : undefined);
      throw error;
    }
  }
}

/** Idle connections do not hold the process open: while they are being ended, something must, or nobody waits for the end. */
export const heldOpen = async <T>(work: () => Promise<T>): Promise<T> => {
  const hold = setInterval(() => {}, 60_000);
  try {
    return await work();
  } finally {
    clearInterval(hold);
  }
};

/** @returns what the server's clock is ahead of ours: its time, against the middle of the time it took to ask. */
export const measureClock = async (db: Connection): Promise<number> => {
  const asked = Date.now();
  const began = performance.now();
  const { ms } = (await db.get(NOW)) as { ms: number };
  return Math.round(ms - asked - (performance.now() - began) / 2);
};
