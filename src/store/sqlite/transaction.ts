/**
 * What the verbs of one transaction share: the connection, the counters that change with it, and the changes that watchers
 * will hear of after the commit.
 */
import type { Status } from '../../job/states.ts';
import { Rollups } from '../rollups.ts';
import { StatusCounters } from '../status-counters.ts';
import type { StoreChange } from '../store.ts';
import { Touches } from '../touches.ts';
import { type Connection, sql, type Value } from './driver.ts';
import { failpoints } from './failpoints.ts';
import { writeTallies } from './rollups.ts';

const ADD_COUNT = sql`INSERT INTO job_counts VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`;
const ADD_META = sql`INSERT INTO job_meta VALUES (?, ?) ON CONFLICT DO UPDATE SET value = value + excluded.value`;

export class Transaction {
  readonly db: Connection;
  /** Changes so far, in order; stays empty if nobody listens. */
  readonly changes: StoreChange[] = [];
  /** Queues that this transaction has made sure of. */
  readonly queues = new Set<string>();
  /** What happened, per minute. */
  readonly rollups = new Rollups();
  /** Parents, by id, that may be batches to settle before the commit. */
  readonly touches = new Touches();
  /** Batches that have more to cancel than one transaction should, and the time of that: settled again after the commit. */
  readonly unsettled = new Map<string, number>();
  readonly #listened: boolean;
  readonly #counters = new StatusCounters();

  constructor(db: Connection, listened: boolean) {
    this.db = db;
    this.#listened = listened;
  }

  get(text: string, ...params: Value[] | [Readonly<Record<string, Value>>]) {
    return this.db.get(text, ...params);
  }

  all(text: string, ...params: Value[] | [Readonly<Record<string, Value>>]) {
    return this.db.all(text, ...params);
  }

  run(text: string, ...params: Value[] | [Readonly<Record<string, Value>>]): number {
    return this.db.run(text, ...params);
  }

  /** One job moved; `from` is null for a new one, `to` for one that is deleted. */
  moved(
    job: { queue: string; type: string; parentId: string | null },
    from: Status | null,
    to: Status | null,
    at: number,
  ): void {
    this.#counters.moved(job, from, to);
    this.touches.moved(job.parentId, from, to, at);
  }

  /** Tells watchers. The change is made only if somebody listens. */
  tell(change: () => StoreChange): void {
    if (this.#listened) this.changes.push(change());
  }

  addToMeta(name: string, n: number): void {
    this.run(ADD_META, name, n);
  }

  /** Writes the counters: one statement per queue, status and type, however many jobs moved. */
  writeCounts(): void {
    const steps = this.#counters.take();
    for (const { queue, status, type, n } of steps) this.run(ADD_COUNT, queue, status, type, n);
    writeTallies(this.db, this.rollups.take());
    if (steps.length > 0) failpoints.hit?.('counts-written');
  }
}
