/** A PostgreSQL schema as one end of a move. What a lost connection cut short is done again, and nothing twice. */
import { moveConflict, targetNotEmpty, workersAlive } from '../../job/errors.ts';
import { sleep } from '../../util/sleep.ts';
import { number, text } from '../rows.ts';
import {
  aliveAmong,
  type ChunkSize,
  type Key,
  type Mark,
  type Numbers,
  type Position,
  type Row,
  type Side,
  TABLES,
  type Table,
} from '../side.ts';
import type { IntegrityReport } from '../store.ts';
import { type Address, parseAddress } from './address.ts';
import { Connection, type CuttablePool, Statements, sql } from './driver.ts';
import { numbersOf, rangeOf, readRows } from './dump.ts';
import { explain, isConflict, isLost } from './explain.ts';
import { NOW } from './lease.ts';
import { settleNumbers, writeRows } from './load.ts';
import { closeFence, markMoved, markOf, openFence, removeMark, WRITTEN, writeMark } from './mark.ts';
import { connectTo } from './open.ts';
import { checkTables, workersOf } from './sql/read.ts';

/** How long to wait between tries while the server is away; it may be restarting. */
const RETRIES_MS = [0, 100, 500, 1000, 2000, 5000, 10_000];

/** A server that is silent must not hold up the end. */
const CLOSE_MS = 2000;

const STORE = sql`SELECT mark FROM backline.job_store`;
const JOBS = sql`SELECT count(*)::bigint AS n FROM backline.job_body`;
const SETTINGS = sql`
  SELECT (SELECT count(*) FROM backline.job_queues WHERE paused OR max_running IS NOT NULL) + (SELECT count(*) FROM backline.job_limits)
    + (SELECT count(*) FROM backline.job_key_windows) + (SELECT count(*) FROM backline.job_requests)
    + (SELECT count(*) FROM backline.job_minutes)
    + (SELECT count(*) FROM backline.job_minute_deltas) AS n`;
const EMPTY = sql`TRUNCATE ${[...WRITTEN.filter((name) => name !== 'job_queues'), 'job_counts', 'job_count_deltas']
  .map((name) => `backline.${name}`)
  .join(', ')}`;
/** Their rows stay: whoever has a queue in mind need not make it again. */
const RESET_QUEUES = sql`
  UPDATE backline.job_queues SET paused = false, paused_reason = NULL, paused_by = NULL, paused_until = NULL, max_running = NULL`;
const OPEN = sql`UPDATE backline.job_move SET open = true`;
const ANALYZE = WRITTEN.map((name) => `ANALYZE backline.${name}`);

/** How a transaction of the move differs from any other. */
type Mode =
  /** Look-ups by key, whatever the planner believes of tables that were never analysed. */
  | 'read'
  /** Not synced: what a power cut takes away, it takes together with the position. */
  | 'write'
  /** Synced, with what was written before it. */
  | 'settle';

const SETTINGS_OF: Readonly<Record<Mode, string>> = {
  read: `SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL jit = off`,
  write: 'SET LOCAL synchronous_commit = off',
  settle: `SET LOCAL lock_timeout = '15s'`,
};

/** @throws what opening the database throws; NO_DATABASE without `create`. */
export const openPostgresSide = async (url: string, create: boolean): Promise<Side> =>
  new PostgresSide(parseAddress(url), await connectTo(url, create));

class PostgresSide implements Side {
  readonly where: string;
  readonly #address: Address;
  readonly #pool: CuttablePool;
  readonly #statements: Statements;

  constructor(address: Address, pool: CuttablePool) {
    this.where = address.where;
    this.#address = address;
    this.#pool = pool;
    this.#statements = new Statements(address.schema);
  }

  identity = (): Promise<string> => this.#run('read', async (db) => `schema ${text((await db.get(STORE))!['mark'])}`);
  mark = (): Promise<Mark | null> => this.#run('read', (db) => markOf(db, this.#address.schema));
  workers = (): Promise<string | null> => this.#run('read', aliveOf);
  contents = (): Promise<string | null> => this.#run('read', contentsOf);
  /** Every row of every table is read, and by no index. */
  check = (): Promise<IntegrityReport> => this.#run('settle', checkTables);
  size = ({ name }: Table): Promise<number> => {
    const stored = name === 'jobs' ? 'job_body' : name;
    const question = `SELECT count(*)::bigint AS n FROM backline.${stored}`;
    return this.#run('settle', async (db) => number((await db.get(question))!['n']));
  };
  numbers = (): Promise<Numbers> => this.#run('read', numbersOf);

  begin = (mark: Omit<Mark, 'state' | 'position'>): Promise<void> =>
    this.#run('settle', async (db) => {
      const there = await markOf(db, this.#address.schema);
      if (there?.id === mark.id) return;
      if (there) throw moveConflict(this.where, 'another move has just begun');
      await writeMark(db, mark);
      // Now nobody can write any more: what is seen here stays so.
      const alive = await aliveOf(db);
      if (alive !== null) throw workersAlive(this.where, alive);
      const contents = mark.role === 'target' ? await contentsOf(db) : null;
      if (contents !== null) throw targetNotEmpty(this.where, contents);
    });

  moved = (): Promise<void> => this.#run('settle', markMoved);
  release = (): Promise<void> => this.#run('settle', removeMark);

  read = (table: Table, after: Key | null, size: ChunkSize): Promise<Row[]> =>
    this.#run('read', (db) => readRows(db, table, after, size));
  range = (table: Table, after: Key | null, last: Key): Promise<Row[]> =>
    this.#run('read', (db) => rangeOf(db, table, after, last));

  write = (id: string, table: Table, rows: readonly Row[], from: Position, to: Position): Promise<void> =>
    this.#run('write', async (db) => {
      if (!(await openFence(db, this.#address, id, from, to))) return;
      await writeRows(db, table, rows);
      await closeFence(db, to);
    });

  async settle(_: string, numbers: Numbers): Promise<void> {
    await this.#run('settle', (db) => settleNumbers(db, numbers));
    // The planner knows nothing yet of what it has; without a transaction around them, each lets go of its locks.
    for (const statement of ANALYZE) await this.#run('settle', (db) => db.script(statement));
  }

  empty = (): Promise<void> =>
    this.#run('settle', async (db) => {
      await db.run(OPEN);
      await db.script(EMPTY);
      await db.run(RESET_QUEUES);
      await closeFence(db, { table: TABLES[0]!.name, after: null, rows: 0 });
    });

  async close(): Promise<void> {
    const ended = new AbortController();
    const ending = this.#pool.end().catch(() => {});
    void ending.then(() => ended.abort());
    await sleep(CLOSE_MS, { signal: ended.signal });
    this.#pool.cut();
  }

  /** One transaction; again where another stood in its way, or the connection was lost. */
  async #run<T>(mode: Mode, work: (db: Connection) => Promise<T>): Promise<T> {
    for (let tries = 0; ; tries++) {
      try {
        return await this.#once(mode, work);
      } catch (error) {
        if (tries === RETRIES_MS.length || !(isLost(error) || isConflict(error))) throw explain(error, this.where);
        await sleep(RETRIES_MS[tries]!);
      }
    }
  }

  async #once<T>(mode: Mode, work: (db: Connection) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const db = new Connection(client, this.#statements);
    try {
      await db.script(`BEGIN; SET LOCAL statement_timeout = 0; ${SETTINGS_OF[mode]}`);
      const answer = await work(db);
      await db.script('COMMIT');
      client.release!();
      return answer;
    } catch (error) {
      // It may be in the middle of something; another is quickly made.
      client.release!(error);
      throw error;
    }
  }
}

const aliveOf = async (db: Connection): Promise<string | null> =>
  aliveAmong(await workersOf(db), number((await db.get(NOW))!['ms']));

/** What would be in the way, in words. A queue of which nothing is said is not. */
const contentsOf = async (db: Connection): Promise<string | null> => {
  const jobs = number((await db.get(JOBS))!['n']);
  if (jobs > 0) return `${jobs} jobs`;
  return number((await db.get(SETTINGS))!['n']) > 0 ? 'pauses, limits, keys or figures' : null;
};
