/**
 * How processes on one file hear of each other's changes. Every write transaction first reads what others appended, then
 * appends its own: so each process sees the changes of a job in the order in which they were committed. A row is written only
 * while another process listens, so one process alone pays nothing.
 */
import type { AnyChange } from '../watchers.ts';
import { type Connection, sql } from './driver.ts';
import { failpoints } from './failpoints.ts';

const OTHERS_LISTEN = sql`SELECT 1 FROM job_listeners WHERE origin <> ? LIMIT 1`;
const LISTEN = sql`INSERT INTO job_listeners VALUES (?, ?) ON CONFLICT DO UPDATE SET seen_at = excluded.seen_at`;
const UNLISTEN = sql`DELETE FROM job_listeners WHERE origin = ?`;
const FORGET = sql`DELETE FROM job_listeners WHERE seen_at < ?`;
const NEWEST = sql`SELECT coalesce(max(n), 0) AS n FROM job_journal`;
const READ = sql`SELECT n, origin, body FROM job_journal WHERE n > ? ORDER BY n`;
const APPEND = sql`INSERT INTO job_journal (origin, at, body) VALUES (?, ?, ?)`;
const PRUNE = sql`DELETE FROM job_journal WHERE n IN (SELECT n FROM job_journal WHERE at < ? ORDER BY n LIMIT 1000)`;

/** A listener that has not shown itself for so long is gone; journal rows are kept as long. */
const KEEP_MS = 600_000;
const REFRESH_MS = 60_000;

export class Journal {
  readonly #origin: string;
  #read = 0;
  #seenAt: number | null = null;

  /** @param origin random name of this process's connection. */
  constructor(origin: string) {
    this.#origin = origin;
  }

  /** Whether this process's listener row must be written (again). */
  mustRefresh(now: number): boolean {
    return this.#seenAt === null || Math.abs(now - this.#seenAt) > REFRESH_MS;
  }

  /** Registers this process as a listener, within a transaction; from its first call on, nothing is missed. */
  listen(db: Connection, now: number): void {
    if (!this.listens) this.#read = Number(db.get(NEWEST)!['n']);
    db.run(LISTEN, this.#origin, now);
    this.tidy(db, now);
  }

  /** The transaction of `listen` has committed. */
  listening(now: number): void {
    this.#seenAt = now;
  }

  /** Forgets listeners that are gone, and what no listener needs any more. */
  tidy(db: Connection, now: number): void {
    db.run(FORGET, now - KEEP_MS);
    db.run(PRUNE, now - KEEP_MS);
  }

  stop(db: Connection): void {
    if (this.#seenAt !== null) db.run(UNLISTEN, this.#origin);
    this.#seenAt = null;
  }

  get listens(): boolean {
    return this.#seenAt !== null;
  }

  othersListen(db: Connection): boolean {
    return db.get(OTHERS_LISTEN, this.#origin) !== undefined;
  }

  /** What others committed since the last look. */
  read(db: Connection): AnyChange[] {
    if (!this.listens) return [];
    const changes: AnyChange[] = [];
    for (const row of db.all(READ, this.#read)) {
      this.#read = Number(row['n']);
      if (row['origin'] !== this.#origin) changes.push(...(JSON.parse(String(row['body'])) as AnyChange[]));
    }
    return changes;
  }

  /** Appends the changes of the current transaction. `origin` is empty in a caller's own transaction: then all must hear. */
  append(db: Connection, changes: readonly AnyChange[], origin = this.#origin): void {
    if (changes.length === 0) return;
    db.run(APPEND, origin, changes[0]!.at, JSON.stringify(changes));
    failpoints.hit?.('journal-written');
  }
}
