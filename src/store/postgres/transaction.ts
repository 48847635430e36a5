/**
 * What the verbs of one transaction share: the connection, the counters that change with it, the batches that it touches, the limit
 * keys that it frees, and the changes that watchers will hear of after the commit.
 */
import type { Status } from '../../job/states.ts';
import { Rollups } from '../rollups.ts';
import { type CounterStep, StatusCounters } from '../status-counters.ts';
import type { StoreChange } from '../store.ts';
import { Touches } from '../touches.ts';
import { type Connection, numbers, type Params, type Row, sql, texts } from './driver.ts';
import type { Place } from './positions.ts';
import { writingOf } from './rollups.ts';

const ADD_COUNTS = sql`
  INSERT INTO backline.job_count_deltas
  SELECT * FROM unnest($queues::text[], $statuses::text[], $types::text[], $ns::bigint[])`;

export interface Writing {
  readonly statement: string;
  readonly params: Params;
}

/** Something touched a batch at this time; and whether another transaction, which has a job of it in hand, is to be let go first. */
export interface Unsettled {
  readonly at: number;
  readonly waits: boolean;
}

export class Transaction {
  /** The database, for messages. */
  readonly where: string;
  readonly #db: Connection;
  /** Settled when the transaction has begun; its answer comes with that of the first statement. */
  readonly #begun: Promise<{ readonly listened: boolean }>;
  #listened = false;
  /** Changes so far, in order; stays empty if nobody listens. */
  readonly changes: StoreChange[] = [];
  /** How many jobs of a limit key have left the worker or the queue, since the last look at its parked ones. */
  readonly freed = new Map<string, number>();
  /** Queues that are known to exist, or made sure of by this transaction. */
  readonly queues: ReadonlySet<string>;
  readonly newQueues = new Set<string>();
  /** Whether it keeps the claims of all others out; and whether a claim in it saw that limits are set. */
  alone = false;
  limits: boolean | null = null;
  /** Whether anything may have become claimable, so that other processes should look. */
  woke = false;
  /** Whether it wrote counters, which wait to be added up. */
  counted = false;
  /** What happened, per minute. */
  readonly rollups = new Rollups();
  /** Parents that may be batches to settle before the commit. */
  readonly touches = new Touches();
  /** Batches of which something is left to cancel: settled again after the commit. */
  readonly unsettled = new Map<string, Unsettled>();
  /** Whether jobs were taken for a worker. */
  claimed = false;
  /** Asks whether something is `there` that only this transaction can have written. */
  witness: { readonly statement: string; readonly params: Params } | null = null;
  /** Rows that were put among the ready ones; null if nobody must know. */
  readied: Place[] | null = null;
  readonly #counters = new StatusCounters();

  constructor(
    where: string,
    db: Connection,
    begun: Promise<{ readonly listened: boolean }>,
    queues: ReadonlySet<string>,
  ) {
    this.where = where;
    this.#db = db;
    this.#begun = begun;
    this.queues = queues;
  }

  async all(text: string, params: Params = {}): Promise<Row[]> {
    const [{ rows }, { listened }] = await Promise.all([this.#db.send(text, params), this.#begun]);
    this.#listened = listened;
    return rows;
  }

  async get(text: string, params: Params = {}): Promise<Row | undefined> {
    return (await this.all(text, params))[0];
  }

  /** @returns how many rows were changed. */
  async run(text: string, params: Params = {}): Promise<number> {
    const [{ rowCount }, { listened }] = await Promise.all([this.#db.send(text, params), this.#begun]);
    this.#listened = listened;
    return rowCount ?? 0;
  }

  /** One job moved; `from` is null for a new one, `to` for one that is deleted. */
  moved(
    job: { queue: string; type: string; parentId: string | null },
    from: Status | null,
    to: Status | null,
    at: number,
  ): void {
    this.#counters.moved(job, from, to);
    if (to === 'queued') this.woke = true;
    this.touches.moved(job.parentId, from, to, at);
  }

  /** A result came after its lease was lost. */
  late(): void {
    this.#counters.late();
  }

  /** A job of this key no longer runs, or no longer stands open: one that waits behind the limit may come forward. */
  free(limitKey: string | null): void {
    if (limitKey !== null) this.freed.set(limitKey, (this.freed.get(limitKey) ?? 0) + 1);
  }

  /** Tells watchers. The change is made only if somebody listens. */
  tell(change: () => StoreChange): void {
    if (this.#listened) this.changes.push(change());
  }

  /** What is left to write for the counters of this transaction: a statement or two, however many jobs moved. */
  takeCounts(): Writing[] {
    const counts = [writingOfCounts(this.#counters.take()), writingOf(this.rollups.take())].filter(
      (writing) => writing !== null,
    );
    this.counted = counts.length > 0;
    return counts;
  }
}

const writingOfCounts = (steps: readonly CounterStep[]): Writing | null =>
  steps.length === 0
    ? null
    : {
        statement: ADD_COUNTS,
        params: {
          queues: texts(steps.map(({ queue }) => queue)),
          statuses: texts(steps.map(({ status }) => status)),
          types: texts(steps.map(({ type }) => type)),
          ns: numbers(steps.map(({ n }) => n)),
        },
      };
