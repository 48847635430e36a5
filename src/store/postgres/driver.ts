/**
 * The one file that knows the PostgreSQL driver: pg, which users install beside Backline. Statements name their values (`$now`) and
 * the schema `backline.`; both are put in place here, once per statement.
 */
import { createRequire } from 'node:module';
import { driverMissing, invalidOption } from '../../job/errors.ts';

export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;
export type Params = Readonly<Record<string, Value>>;

export interface PgResult {
  readonly rows: Row[];
  readonly rowCount: number | null;
  readonly command: string;
}

interface PgQuery {
  /** The server keeps what it made of a statement with a name, for this connection. */
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly (string | null)[];
  readonly types?: typeof TYPES;
}

/** What a `Client` and a `PoolClient` of pg have in common; also what a caller passes as `tx`. */
export interface PgClient {
  query(query: PgQuery): Promise<PgResult>;
  query(text: string): Promise<PgResult | PgResult[]>;
  on(event: 'error' | 'end', listener: (error?: Error) => void): unknown;
  on(event: 'notification', listener: (message: { channel: string; payload?: string }) => void): unknown;
  connect(): Promise<unknown>;
  end(): Promise<void>;
  unref?(): void;
  release?(error?: unknown): void;
  /** Whether it sends a query before the one before it was answered; from pg 8.23 on. */
  readonly pipeline?: boolean;
  /** Of the backend, as it was said at the beginning. */
  readonly processID?: number | null;
  readonly connection?: { readonly stream?: { destroy(): void } };
}

/** Ends a connection to a server that may be silent: `end` waits for the answers that are still to come. */
export const cutOff = (client: PgClient): void => {
  client.connection?.stream?.destroy();
  client.end().catch(() => {});
};

export interface PgPool {
  connect(): Promise<PgClient>;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'connect' | 'remove', listener: (client: PgClient) => void): unknown;
}

/** A pool that can also let go of a server that does not answer. */
export interface CuttablePool extends PgPool {
  /** Ends every connection, whatever is under way on it. */
  cut(): void;
}

export interface PgConfig {
  readonly connectionString: string;
  readonly application_name: string;
  readonly connectionTimeoutMillis: number;
  readonly query_timeout?: number;
  readonly keepAlive: boolean;
  readonly keepAliveInitialDelayMillis: number;
  readonly pipeline?: boolean;
}

interface Pg {
  readonly Pool: new (
    config: PgConfig & { max: number; allowExitOnIdle: boolean; idleTimeoutMillis: number; Client: Pg['Client'] },
  ) => PgPool;
  readonly Client: new (config: PgConfig) => PgClient & { connect(done: (error?: Error) => void): void };
}

const require = createRequire(import.meta.url);

/** @throws DRIVER_MISSING. */
export const loadPg = (): Pg => {
  try {
    return require('pg') as Pg;
  } catch (error) {
    throw driverMissing('pg', error);
  }
};

/**
 * A client for a pool. Where logging in fails on our side (no password, say) the pool forgets the client, but its connection would
 * stand open until the server has had enough, and hold the process.
 */
export const leavingClient = ({ Client }: Pg): Pg['Client'] =>
  class extends Client {
    override connect(): Promise<unknown>;
    override connect(done: (error?: Error) => void): void;
    override connect(done?: (error?: Error) => void): unknown {
      if (!done) return super.connect();
      return super.connect((error) => {
        if (error) this.end().catch(() => {});
        done(error);
      });
    }
  };

/** Marks SQL for editors; the text is passed on unchanged. Values never go into it, only fixed parts. */
export const sql = (parts: TemplateStringsArray, ...fixed: string[]): string => String.raw({ raw: parts }, ...fixed);

/** Answers are read as text: whole numbers become numbers (none here passes 2^53), everything else stays text. */
const TYPES = {
  getTypeParser: (oid: number): ((text: string) => Value) => {
    if (NUMBERS.has(oid)) return Number;
    return oid === BOOLEAN ? (text) => text === 't' : (text) => text;
  },
};
/** int8, int2, int4, float8, numeric. Source: PostgreSQL, src/include/catalog/pg_type.dat */
const NUMBERS = new Set([20, 21, 23, 701, 1700]);
const BOOLEAN = 16;

const MAX_STATEMENTS = 1000;
/** From its third use on a statement gets a name, as long as there are few: each connection's backend keeps them all. */
const USES = 3;
const MAX_NAMED = 50;

interface Compiled {
  readonly text: string;
  /** Of its values, by position. */
  readonly names: string[];
  uses: number;
}

/** Statements of one schema: the schema's name and the positions of the values are put in once. */
export class Statements {
  readonly schema: string;
  /** The schema as it stands in statements. */
  readonly quoted: string;
  readonly #compiled = new Map<string, Compiled>();
  /** Never taken back: a connection may know them. */
  readonly #named = new Map<string, string>();

  constructor(schema: string) {
    this.schema = schema;
    this.quoted = quoteName(schema);
  }

  of(statement: string): Compiled {
    const known = this.#compiled.get(statement);
    if (known) return known;
    const names: string[] = [];
    const text = statement
      .replace(/\bbackline\./g, () => `${this.quoted}.`)
      .replace(/\$([a-zA-Z]\w*)/g, (_, name: string) => {
        const at = names.indexOf(name);
        return `$${at === -1 ? names.push(name) : at + 1}`;
      });
    // Filters make ever new texts.
    if (this.#compiled.size >= MAX_STATEMENTS) this.#compiled.clear();
    const compiled = { text, names, uses: 0 };
    this.#compiled.set(statement, compiled);
    return compiled;
  }

  /** The name of a statement that is worth one. */
  nameOf(compiled: Compiled): string | undefined {
    const known = this.#named.get(compiled.text);
    if (known !== undefined || ++compiled.uses < USES || this.#named.size === MAX_NAMED) return known;
    const name = `backline_${this.#named.size}`;
    this.#named.set(compiled.text, name);
    return name;
  }
}

/**
 * Connections with one backend at the other end for as long as they live. A pooler gives out a number of its own, and another backend for
 * each transaction, which would not know the names that the one before was told.
 */
const direct = new WeakSet<PgClient>();

/** A connection that speaks in statements of one schema. */
export class Connection {
  readonly client: PgClient;
  readonly #statements: Statements;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: PgClient, statements: Statements) {
    this.client = client;
    this.#statements = statements;
  }

  async all(statement: string, params: Params = {}): Promise<Row[]> {
    return (await this.send(statement, params)).rows;
  }

  async get(statement: string, params: Params = {}): Promise<Row | undefined> {
    return (await this.send(statement, params)).rows[0];
  }

  /** @returns how many rows were changed. */
  async run(statement: string, params: Params = {}): Promise<number> {
    return (await this.send(statement, params)).rowCount ?? 0;
  }

  /** Without waiting for what was sent before, where the driver can. */
  send(statement: string, params: Params = {}): Promise<PgResult> {
    const compiled = this.#statements.of(statement);
    const values = compiled.names.map((name) => toText(params[name]));
    const name = direct.has(this.client) ? this.#statements.nameOf(compiled) : undefined;
    const query = { text: compiled.text, values, types: TYPES };
    return this.#inTurn(() => this.client.query(name === undefined ? query : { ...query, name }));
  }

  /** @param pid of the backend that just answered. Hot statements need not be parsed and planned each time if it stays the same. */
  answeredBy(pid: number): void {
    if (pid === this.client.processID) direct.add(this.client);
  }

  /** Several statements without values, in one message. @returns the rows of the last. */
  script(statements: string): Promise<Row[]> {
    const { text } = this.#statements.of(statements);
    return this.#inTurn(async () => {
      const results = await this.client.query(text);
      return (Array.isArray(results) ? results.at(-1)! : results).rows;
    });
  }

  /** A statement that has no rows. @returns what the server says was done. */
  command(text: string): Promise<string> {
    return this.#inTurn(async () => ((await this.client.query(text)) as PgResult).command);
  }

  #inTurn<T>(query: () => Promise<T>): Promise<T> {
    if (this.client.pipeline === true) return query();
    const answer = this.#last.then(query, query);
    this.#last = answer.catch(() => {});
    return answer;
  }
}

/** PostgreSQL's text cannot hold the character 0: a replacement stands for it, else the end of a job could never be written. */
const clean = (text: string): string => (text.includes('\0') ? text.replaceAll('\0', '\uFFFD') : text);

const toText = (value: Value | undefined): string | null => {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? clean(value) : String(value);
};

/** A list of texts as one value, for `$names::text[]`. @throws INVALID_OPTION for what is no text: nothing is made one by accident. */
export const texts = (values: readonly (string | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : `"${escaped(value)}"`)).join(',')}}`;

const escaped = (value: string): string => {
  if (typeof value !== 'string') throw invalidOption('a value for the database', value, 'text');
  return value.includes('\\') || value.includes('"') ? value.replace(/[\\"]/g, '\\$&') : value;
};

/** A list of whole numbers as one value, for `$names::bigint[]`. */
export const numbers = (values: readonly (number | null)[]): string =>
  `{${values.map((value) => (value === null ? 'NULL' : Math.round(value))).join(',')}}`;

export const flags = (values: readonly boolean[]): string =>
  `{${values.map((value) => (value ? 't' : 'f')).join(',')}}`;

export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;
