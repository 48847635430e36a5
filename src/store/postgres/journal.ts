/**
 * How processes hear of each other's changes, and in which order this one tells them. Each transaction appends its changes in one
 * row, while another process listens. A row becomes visible when its transaction commits, which need not be in the order of the
 * numbers: the reader remembers which numbers it has missed, and asks for them until their transactions are over. Of one job the
 * order is always right: who changes it later has waited for its row, so takes a later number, and is not visible before.
 *
 * What this process did itself is told when its commit was answered. Both kinds go through one line: in the order in which commits
 * were sent and rows were read, so a change is never told before the one that it follows.
 */
import type { AnyChange } from '../watchers.ts';
import { type Connection, type Params, type Row, sql } from './driver.ts';

const LISTEN = sql`
  INSERT INTO backline.job_listeners (origin, seen_at) VALUES ($origin, $now)
  ON CONFLICT (origin) DO UPDATE SET seen_at = excluded.seen_at`;
const UNLISTEN = sql`DELETE FROM backline.job_listeners WHERE origin = $origin`;
const FORGET = sql`DELETE FROM backline.job_listeners WHERE seen_at < $before::bigint`;
const PRUNE = sql`
  DELETE FROM backline.job_journal WHERE n IN (
    SELECT n FROM backline.job_journal WHERE at < $before::bigint ORDER BY at LIMIT 5000 FOR UPDATE SKIP LOCKED)`;
const APPEND = sql`INSERT INTO backline.job_journal (origin, at, body) VALUES ($origin, $at, $body)`;

/** All that is newer, and what was missed. The snapshot says before which transaction all are over: what they did not write, they never will. */
const READ = sql`
  SELECT s.xmin, j.n, j.origin, j.body
  FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS xmin) s
  LEFT JOIN LATERAL (
    SELECT n, origin, body FROM backline.job_journal WHERE n > $read::bigint
    UNION ALL SELECT n, origin, body FROM backline.job_journal WHERE n = ANY ($missed::bigint[])) j ON true
  ORDER BY j.n`;
/** Where to begin: what is there is not told, but a number that is missing below may still come. */
const BEGIN = sql`SELECT n FROM (SELECT n FROM backline.job_journal ORDER BY n DESC LIMIT 1000) j ORDER BY n`;

/** A listener that has not shown itself for so long is gone; journal rows are kept as long. */
const KEEP_MS = 600_000;
const REFRESH_MS = 60_000;

export class Journal {
  readonly origin: string;
  readonly #deliver: (changes: readonly AnyChange[]) => void;
  #read = 0;
  /** Numbers that were skipped: since when, and the first transaction of ours that began after that, which is younger than theirs. */
  readonly #missed = new Map<number, { readonly since: number; until: bigint | null }>();
  #seenAt: number | null = null;
  #line: Promise<unknown> = Promise.resolve();

  /** @param origin random name of this process's store. */
  constructor(origin: string, deliver: (changes: readonly AnyChange[]) => void) {
    this.origin = origin;
    this.#deliver = deliver;
  }

  get listens(): boolean {
    return this.#seenAt !== null;
  }

  /** Whether this process's listener row must be written (again). */
  mustRefresh(now: number): boolean {
    return this.#seenAt === null || Math.abs(now - this.#seenAt) > REFRESH_MS;
  }

  /** Whether others may have forgotten this listener: then it begins anew. */
  hasLapsed(now: number): boolean {
    return this.#seenAt === null || Math.abs(now - this.#seenAt) > KEEP_MS / 2;
  }

  /** Registers this process as a listener, within a transaction that keeps all others out if it has lapsed; from its commit on, nothing is missed. */
  async listen(db: Pick<Connection, 'all' | 'run'>, now: number): Promise<void> {
    if (this.hasLapsed(now)) this.#begin(await db.all(BEGIN));
    await db.run(LISTEN, { origin: this.origin, now });
  }

  /** The transaction of `listen` has committed. */
  listening(now: number): void {
    this.#seenAt = now;
  }

  /** Forgets listeners that are gone, and what no listener needs any more. */
  async tidy(db: Pick<Connection, 'run'>, now: number): Promise<void> {
    await db.run(FORGET, { before: now - KEEP_MS });
    await db.run(PRUNE, { before: now - KEEP_MS });
  }

  async stop(db: Pick<Connection, 'run'>): Promise<void> {
    if (this.#seenAt !== null) await db.run(UNLISTEN, { origin: this.origin });
    this.#seenAt = null;
  }

  /** What to append for the changes of a transaction. `origin` is empty in a caller's own transaction: then all must hear. */
  appending(changes: readonly AnyChange[], origin = this.origin): { statement: string; params: Params } {
    return { statement: APPEND, params: { origin, at: changes[0]!.at, body: JSON.stringify(changes) } };
  }

  /** The statement that reads what others wrote; its answer goes to `heard`. */
  reading(): { statement: string; params: Params } {
    return { statement: READ, params: { read: this.#read, missed: `{${[...this.#missed.keys()].join(',')}}` } };
  }

  /**
   * Takes the answer of `reading` up, in line. @param own the transaction that it was part of, and when that began.
   * @returns whether others had changed anything.
   */
  heard(rows: readonly Row[], own: { readonly xid: string; readonly begunAt: number } | null = null): boolean {
    const changes: AnyChange[] = [];
    for (const row of rows) {
      if (row['n'] === null) continue;
      const n = Number(row['n']);
      // Another read that was under way at the same time may have brought it already.
      if (n <= this.#read && !this.#missed.has(n)) continue;
      this.#saw(n);
      if (row['origin'] !== this.origin) changes.push(...(JSON.parse(String(row['body'])) as AnyChange[]));
    }
    if (own) this.#bound(BigInt(own.xid), own.begunAt);
    if (rows.length > 0) this.#forgetOver(BigInt(String(rows[0]!['xmin'])));
    if (changes.length > 0) this.tell(Promise.resolve(changes));
    return changes.length > 0;
  }

  /**
   * Tells changes in their turn. @param settled what is to be told; empty if nothing was written.
   * @returns when it was told.
   */
  tell(settled: Promise<readonly AnyChange[]>): Promise<void> {
    const told = Promise.all([settled, this.#line]).then(([changes]) => {
      if (changes.length > 0) this.#deliver(changes);
    });
    this.#line = told;
    return told;
  }

  #begin(rows: readonly Row[]): void {
    this.#missed.clear();
    const numbers = rows.map((row) => Number(row['n']));
    this.#read = numbers.at(-1) ?? 0;
    const there = new Set(numbers);
    for (let n = Math.max(1, this.#read - 1000); n < this.#read; n++) if (!there.has(n)) this.#miss(n);
  }

  #saw(n: number): void {
    if (n <= this.#read) {
      this.#missed.delete(n);
      return;
    }
    for (let missing = this.#read + 1; missing < n; missing++) this.#miss(missing);
    this.#read = n;
  }

  #miss(n: number): void {
    this.#missed.set(n, { since: performance.now(), until: null });
  }

  /** Whoever took a number had begun before it was missed, so a transaction of ours that began later is younger. */
  #bound(xid: bigint, begunAt: number): void {
    for (const missed of this.#missed.values()) if (missed.until === null && missed.since < begunAt) missed.until = xid;
  }

  #forgetOver(over: bigint): void {
    const before = performance.now() - KEEP_MS;
    for (const [n, { since, until }] of this.#missed)
      if ((until !== null && until <= over) || since < before) this.#missed.delete(n);
  }
}
