/** What the store counted per minute → series, rates and times for people. */
import { checkOptions, type Duration, duration, flag, instant } from '../job/check.ts';
import { queueCheck, typeCheck } from '../job/enqueue-options.ts';
import { invalidOption } from '../job/errors.ts';
import { addHistogram, percentile } from '../job/histogram.ts';
import type { FlowRow, MetricsRange, StoreMetrics } from '../store/store-metrics.ts';

export interface MetricsOptions {
  /** From when: a Date, epoch milliseconds or ISO text with an offset; its minute is included whole. Default: an hour before `until`. */
  readonly since?: Date | number | string;
  /** Before when. Default: until now. */
  readonly until?: Date | number | string;
  /** Of one queue only. */
  readonly queue?: string;
  /** Of one job type only; depths are always of all types. */
  readonly type?: string;
  /** Length of one step of the series, in whole minutes. Default `'1m'`. */
  readonly step?: Duration;
  /** Also each queue's own figures and series. Default: no. */
  readonly perQueue?: boolean;
}

/** How many jobs and attempts did what. */
export interface FlowCounts {
  readonly created: number;
  /** Attempts that began. */
  readonly started: number;
  readonly completed: number;
  readonly failed: number;
  readonly timeout: number;
  readonly cancelled: number;
  /** Attempts that failed, timed out or crashed, and were followed by another. */
  readonly retried: number;
}

/** One step of the series. */
export interface MetricsPoint extends FlowCounts {
  /** Its start, epoch milliseconds. */
  readonly at: number;
  /** The largest number of jobs in `created` and `queued` that was seen in this step; null where nobody looked. */
  readonly waiting: number | null;
  /** The same of running jobs. */
  readonly running: number | null;
  /** How long attempts that began in this step had waited, and how long those that ended in it had run; null if there were none. */
  readonly waitMs: Percentiles | null;
  readonly runMs: Percentiles | null;
}

/** Milliseconds that half, 95 and 99 of a hundred stayed below; right within a factor of two. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export interface MetricsFigures extends FlowCounts {
  readonly createdPerSecond: number;
  readonly completedPerSecond: number;
  /** Share of failed and timed-out among jobs that ended by themselves, 0 to 1; null if none did. */
  readonly errorRate: number | null;
  /** How long attempts waited from when they could begin, and how long they ran, in milliseconds; null if there were none. */
  readonly averageWaitMs: number | null;
  readonly averageRunMs: number | null;
  readonly waitMs: Percentiles | null;
  readonly runMs: Percentiles | null;
}

/** A queue's figures, and how many of its jobs did what in each step of the series. */
export interface QueueFigures extends MetricsFigures {
  readonly series: { readonly [What in 'created' | 'completed' | 'failed']: readonly number[] };
}

export interface Metrics {
  /** What was looked at, epoch milliseconds. */
  readonly since: number;
  readonly until: number;
  readonly stepMs: number;
  /** One point per step, oldest first, also where nothing happened. */
  readonly series: readonly MetricsPoint[];
  readonly total: MetricsFigures;
  readonly types: Readonly<Record<string, MetricsFigures>>;
  /** Empty unless `perQueue` was asked for. */
  readonly queues: Readonly<Record<string, QueueFigures>>;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** A week in minutes. */
const MAX_POINTS = 10_080;

const TABLE = { since: instant, until: instant, queue: queueCheck, type: typeCheck, step: duration, perQueue: flag };

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const checkMetricsRange = (given: unknown, now: number): MetricsRange & { readonly perQueue: boolean } => {
  // Until now: with what happened in this millisecond.
  const {
    until = now + 1,
    step = MINUTE_MS,
    queue = null,
    type = null,
    perQueue = false,
    ...rest
  } = checkOptions(TABLE, given, 'options');
  const since = Math.floor((rest.since ?? until - 1 - HOUR_MS) / MINUTE_MS) * MINUTE_MS;
  if (step < MINUTE_MS || step % MINUTE_MS !== 0) throw invalidOption('step', step, "whole minutes, such as '5m'");
  if (until <= since) throw invalidOption('until', new Date(until).toISOString(), 'a time after since');
  if ((until - since) / step > MAX_POINTS)
    throw invalidOption('step', step, `a length that makes at most ${MAX_POINTS} steps of the range`);
  return { since, until, stepMs: step, queue, type, perQueue };
};

export const metricsOf = (
  range: MetricsRange & { readonly perQueue?: boolean },
  { flow, depth }: StoreMetrics,
): Metrics => {
  const { since, until, stepMs } = range;
  const seconds = (until - since) / 1000;
  const types = Map.groupBy(flow, ({ type }) => type);
  const queues = Map.groupBy(range.perQueue ? flow : [], ({ queue }) => queue);
  return {
    since,
    until,
    stepMs,
    series: seriesOf(range, { flow, depth }),
    total: figuresOf(flow, seconds),
    types: Object.fromEntries([...types].map(([type, rows]) => [type, figuresOf(rows, seconds)])),
    queues: Object.fromEntries(
      [...queues].map(([queue, rows]) => [queue, { ...figuresOf(rows, seconds), series: stepsOf(range, rows) }]),
    ),
  };
};

const seriesOf = ({ since, until, stepMs }: MetricsRange, { flow, depth }: StoreMetrics): MetricsPoint[] => {
  const rows = Map.groupBy(flow, ({ at }) => at);
  const depths = new Map(depth.map((row) => [row.at, row]));
  const points: MetricsPoint[] = [];
  for (let at = since; at < until; at += stepMs) {
    const { waiting = null, running = null } = depths.get(at) ?? {};
    const own = rows.get(at) ?? [];
    points.push({ at, ...countsOf(own), waiting, running, ...timesOf(own) });
  }
  return points;
};

const stepsOf = ({ since, until, stepMs }: MetricsRange, rows: readonly FlowRow[]): QueueFigures['series'] => {
  const steps = () => Array.from({ length: Math.ceil((until - since) / stepMs) }, () => 0);
  const series = { created: steps(), completed: steps(), failed: steps() };
  for (const { at, created, completed, failed, timeout } of rows) {
    const step = (at - since) / stepMs;
    series.created[step]! += created;
    series.completed[step]! += completed;
    series.failed[step]! += failed + timeout;
  }
  return series;
};

const countsOf = (rows: readonly FlowRow[]): FlowCounts => ({
  created: sum(rows, 'created'),
  started: sum(rows, 'started'),
  completed: sum(rows, 'completed'),
  failed: sum(rows, 'failed'),
  timeout: sum(rows, 'timeout'),
  cancelled: sum(rows, 'cancelled'),
  retried: sum(rows, 'retried'),
});

const figuresOf = (rows: readonly FlowRow[], seconds: number): MetricsFigures => {
  const counts = countsOf(rows);
  const bad = counts.failed + counts.timeout;
  return {
    ...counts,
    createdPerSecond: counts.created / seconds,
    completedPerSecond: counts.completed / seconds,
    errorRate: ratio(bad, counts.completed + bad),
    averageWaitMs: ratio(sum(rows, 'waitMs'), sum(rows, 'waited')),
    averageRunMs: ratio(sum(rows, 'runMs'), sum(rows, 'ran')),
    ...timesOf(rows),
  };
};

const timesOf = (rows: readonly FlowRow[]): { waitMs: Percentiles | null; runMs: Percentiles | null } => ({
  waitMs: percentilesOf(rows.map(({ waitTimes }) => waitTimes)),
  runMs: percentilesOf(rows.map(({ runTimes }) => runTimes)),
});

const sum = (rows: readonly FlowRow[], what: keyof FlowCounts | 'waited' | 'waitMs' | 'ran' | 'runMs'): number =>
  rows.reduce((all, row) => all + row[what], 0);

const ratio = (part: number, all: number): number | null => (all === 0 ? null : part / all);

const percentilesOf = (histograms: readonly FlowRow['waitTimes'][]): Percentiles | null => {
  const all: number[] = [];
  for (const one of histograms) addHistogram(all, one);
  const [p50, p95, p99] = [percentile(all, 0.5), percentile(all, 0.95), percentile(all, 0.99)];
  return p50 === null ? null : { p50, p95: p95!, p99: p99! };
};
