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

/** Statements of one schema: the schema's name and the positions of the values are put in once. */
export class Statements {
  readonly schema: string;
  /** The schema as it stands in statements. */
  readonly quoted: string;
  readonly #compiled = new Map<string, { text: string; names: string[] }>();

  constructor(schema: string) {
    this.schema = schema;
    this.quoted = quoteName(schema);
  }

  of(statement: string): { text: string; names: string[] } {
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
    const compiled = { text, names };
    this.#compiled.set(statement, compiled);
    return compiled;
  }
}

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
    const { text, names } = this.#statements.of(statement);
    const values = names.map((name) => toText(params[name]));
    return this.#inTurn(() => this.client.query({ text, values, types: TYPES }));
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
