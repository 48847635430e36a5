/**
 * Wake-ups between processes: LISTEN on one connection, NOTIFY after commits. Both are hints. Behind a transaction pooler, or while
 * the connection is down, nothing arrives, and polling finds everything all the same.
 */
import {
  Connection,
  loadPg,
  type PgClient,
  type PgConfig,
  type PgPool,
  quoteName,
  type Statements,
  sql,
} from './driver.ts';

const NOTIFY = sql`SELECT pg_notify($channel, $origin)`;

/** The longest name PostgreSQL knows. Two schemas that share a channel only wake each other without need. */
const NAME_BYTES = 63;
export const channelOf = (schema: string): string => `backline_${schema}`.slice(0, NAME_BYTES);

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 10_000;

export class Listener {
  readonly #config: PgConfig;
  readonly #channel: string;
  readonly #onNote: (origin: string) => void;
  #client: PgClient | undefined;
  #retryMs = FIRST_RETRY_MS;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(config: PgConfig, schema: string, onNote: (origin: string) => void) {
    this.#config = config;
    this.#channel = channelOf(schema);
    this.#onNote = onNote;
    void this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    let client: PgClient | undefined;
    let isOver = false;
    const again = () => {
      if (isOver) return;
      isOver = true;
      this.#client = undefined;
      client?.end().catch(() => {});
      if (this.#closed) return;
      this.#timer = setTimeout(() => void this.#connect(), this.#retryMs * (0.5 + Math.random())).unref();
      this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
    };
    try {
      // Even this can throw: a certificate that was there at the start may be gone.
      client = new (loadPg().Client)(this.#config);
      client.on('error', again);
      client.on('end', again);
      client.on('notification', ({ payload }) => this.#onNote(payload ?? ''));
      await client.connect();
      // It must not hold the process open.
      client.unref?.();
      await client.query(`LISTEN ${quoteName(this.#channel)}`);
    } catch {
      return again();
    }
    if (this.#closed) return again();
    this.#client = client;
    this.#retryMs = FIRST_RETRY_MS;
    // What was told while nobody listened.
    this.#onNote('');
  }
}

/** A NOTIFY within a transaction would make all commits wait for each other, so it follows them: at once, then at most so often. */
const NOTIFY_EVERY_MS = 5;

export class Notifier {
  readonly #pool: PgPool;
  readonly #statements: Statements;
  readonly #origin: string;
  #state: 'quiet' | 'sending' | 'again' = 'quiet';
  #closed = false;

  constructor(pool: PgPool, statements: Statements, origin: string) {
    this.#pool = pool;
    this.#statements = statements;
    this.#origin = origin;
  }

  /** Never throws, and nobody waits for it. */
  notify(): void {
    if (this.#closed) return;
    if (this.#state !== 'quiet') {
      this.#state = 'again';
      return;
    }
    this.#state = 'sending';
    void this.#send().finally(() => {
      setTimeout(() => {
        const again = this.#state === 'again';
        this.#state = 'quiet';
        if (again) this.notify();
      }, NOTIFY_EVERY_MS);
    });
  }

  close(): void {
    this.#closed = true;
  }

  async #send(): Promise<void> {
    let client: PgClient | undefined;
    try {
      client = await this.#pool.connect();
      const channel = channelOf(this.#statements.schema);
      await new Connection(client, this.#statements).run(NOTIFY, { channel, origin: this.#origin });
      client.release!();
    } catch (error) {
      client?.release?.(error);
    }
  }
}

/** Within a caller's own transaction: it is sent when that commits. */
export const notifyWithin = async (db: Connection, schema: string): Promise<void> => {
  await db.run(NOTIFY, { channel: channelOf(schema), origin: '' });
};
