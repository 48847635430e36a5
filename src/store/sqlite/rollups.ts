/**
 * What happened, per minute, queue and type: counted while a transaction works, and written with it in one or two statements per
 * queue and type, however many jobs moved.
 */
import { addHistogram, bucketOf } from '../../job/histogram.ts';
import { type Connection, sql } from './driver.ts';

export const MINUTE_MS = 60_000;

const TIMES = sql`SELECT wait_times, run_times FROM job_minutes WHERE minute = ? AND queue = ? AND type = ?`;
const ADD = sql`
  INSERT INTO job_minutes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET created = created + excluded.created, started = started + excluded.started,
    completed = completed + excluded.completed, failed = failed + excluded.failed, timeout = timeout + excluded.timeout,
    cancelled = cancelled + excluded.cancelled, retried = retried + excluded.retried,
    wait_ms = wait_ms + excluded.wait_ms, ran = ran + excluded.ran, run_ms = run_ms + excluded.run_ms,
    wait_times = coalesce(excluded.wait_times, wait_times), run_times = coalesce(excluded.run_times, run_times)`;

/** What can be counted; `retried`: an attempt ended, and another follows. */
export type Counted = 'created' | 'completed' | 'failed' | 'timeout' | 'cancelled' | 'retried';

class Tally {
  readonly minute: number;
  readonly queue: string;
  readonly type: string;
  created = 0;
  started = 0;
  completed = 0;
  failed = 0;
  timeout = 0;
  cancelled = 0;
  retried = 0;
  waitMs = 0;
  ran = 0;
  runMs = 0;
  readonly waits: number[] = [];
  readonly runs: number[] = [];

  constructor(minute: number, queue: string, type: string) {
    this.minute = minute;
    this.queue = queue;
    this.type = type;
  }
}

interface Kind {
  readonly queue: string;
  readonly type: string;
}

export class Rollups {
  readonly #tallies: Tally[] = [];
  /** Queue → type → one for each minute. */
  readonly #byQueue = new Map<string, Map<string, Tally[]>>();
  #last: Tally | undefined;

  count({ queue, type }: Kind, what: Counted, at: number): void {
    this.#of(queue, type, at)[what]++;
  }

  /** An attempt began. @param readyAt since when it could have. */
  started({ queue, type }: Kind, readyAt: number, at: number): void {
    const tally = this.#of(queue, type, at);
    // A clock that was set back must not make time run backwards here.
    const ms = Math.max(0, at - readyAt);
    tally.started++;
    tally.waitMs += ms;
    addOne(tally.waits, ms);
  }

  /** An attempt ended by itself, by its time-out or a cancel. */
  ended({ queue, type }: Kind, what: Counted, startedAt: number, at: number): void {
    const tally = this.#of(queue, type, at);
    const ms = Math.max(0, at - startedAt);
    tally[what]++;
    tally.ran++;
    tally.runMs += ms;
    addOne(tally.runs, ms);
  }

  write(db: Connection): void {
    for (const tally of this.#tallies) {
      const { minute, queue, type, created, started, completed, failed, timeout, cancelled, retried } = tally;
      const { waitMs, ran, runMs, waits, runs } = tally;
      const old = started + ran > 0 ? db.get(TIMES, minute, queue, type) : undefined;
      const times = (more: number[], before: unknown) => (more.length === 0 ? null : added(more, before));
      db.run(
        ADD,
        minute,
        queue,
        type,
        created,
        started,
        completed,
        failed,
        timeout,
        cancelled,
        retried,
        waitMs,
        ran,
        runMs,
        times(waits, old?.['wait_times']),
        times(runs, old?.['run_times']),
      );
    }
    this.#tallies.length = 0;
    this.#byQueue.clear();
    this.#last = undefined;
  }

  /** Most calls are for the same queue and type as the one before. */
  #of(queue: string, type: string, at: number): Tally {
    const minute = at - (at % MINUTE_MS);
    const last = this.#last;
    if (last && last.minute === minute && last.queue === queue && last.type === type) return last;
    const tallies = this.#talliesOf(queue, type);
    let tally = tallies.find((one) => one.minute === minute);
    if (!tally) {
      tally = new Tally(minute, queue, type);
      tallies.push(tally);
      this.#tallies.push(tally);
    }
    this.#last = tally;
    return tally;
  }

  #talliesOf(queue: string, type: string): Tally[] {
    let types = this.#byQueue.get(queue);
    if (!types) {
      types = new Map();
      this.#byQueue.set(queue, types);
    }
    let tallies = types.get(type);
    if (!tallies) {
      tallies = [];
      types.set(type, tallies);
    }
    return tallies;
  }
}

const addOne = (histogram: number[], ms: number): void => {
  const bucket = bucketOf(ms);
  while (histogram.length <= bucket) histogram.push(0);
  histogram[bucket]!++;
};

const added = (more: number[], before: unknown): string => {
  if (typeof before === 'string') addHistogram(more, JSON.parse(before) as number[]);
  return JSON.stringify(more);
};
