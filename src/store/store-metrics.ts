/** What happened, as a store tells it: part of its contract (store.ts). */
import type { Histogram } from '../job/histogram.ts';

export interface MetricsRange {
  /** The start of a minute; from here on, in steps. */
  readonly since: number;
  /** Before this time. */
  readonly until: number;
  /** A multiple of a minute. */
  readonly stepMs: number;
  /** One of them; all if null. */
  readonly queue: string | null;
  readonly type: string | null;
}

export interface StoreMetrics {
  /** One row per step, queue and type in which anything happened, oldest first. */
  readonly flow: readonly FlowRow[];
  /** One row per step in which a sample was taken, oldest first; of all types. */
  readonly depth: readonly DepthRow[];
}

export interface FlowRow {
  /** The start of the step. */
  readonly at: number;
  readonly queue: string;
  readonly type: string;
  readonly created: number;
  /** Attempts that began. */
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  readonly timeout: number;
  readonly cancelled: number;
  /** Attempts that failed, timed out or crashed, and are followed by another. */
  readonly retried: number;
  /** From when they could begin to when they did, over the `waited` of which that is known. */
  readonly waited: number;
  readonly waitMs: number;
  /** Attempts that ended, and how long they took in all; not those that were put off or handed back. */
  readonly ran: number;
  readonly runMs: number;
  readonly waitTimes: Histogram;
  readonly runTimes: Histogram;
}

/** The deepest sample of a step. */
export interface DepthRow {
  readonly at: number;
  /** Jobs in `created` and `queued`. */
  readonly waiting: number;
  readonly running: number;
}
