/**
 * What happened, per minute, queue and type: counted while a transaction works, and written with it, however many jobs moved. How it
 * is written is each database's own.
 */
import { bucketOf } from '../job/histogram.ts';
import { PerKind } from './kinds.ts';

export const MINUTE_MS = 60_000;

/** What can be counted; `retried`: an attempt ended, and another follows. */
export type Counted = 'created' | 'completed' | 'failed' | 'timeout' | 'cancelled' | 'retried';

export class Tally {
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
  #tallies: Tally[] = [];
  /** One for each minute. */
  readonly #byKind = new PerKind<Tally[]>(() => []);
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

  /** What was counted since the last call. */
  take(): readonly Tally[] {
    const tallies = this.#tallies;
    this.#tallies = [];
    this.#byKind.clear();
    this.#last = undefined;
    return tallies;
  }

  /** Most calls are for the same queue and type as the one before. */
  #of(queue: string, type: string, at: number): Tally {
    const minute = at - (at % MINUTE_MS);
    const last = this.#last;
    if (last && last.minute === minute && last.queue === queue && last.type === type) return last;
    const tallies = this.#byKind.of(queue, type);
    let tally = tallies.find((one) => one.minute === minute);
    if (!tally) {
      tally = new Tally(minute, queue, type);
      tallies.push(tally);
      this.#tallies.push(tally);
    }
    this.#last = tally;
    return tally;
  }
}

const addOne = (histogram: number[], ms: number): void => {
  const bucket = bucketOf(ms);
  while (histogram.length <= bucket) histogram.push(0);
  histogram[bucket]!++;
};
