/**
 * What a transaction counted (src/store/rollups.ts) is appended, and added up behind everybody's back: all who work in the same minute
 * would otherwise change the same few rows, and each would wait until the one before has committed. Whoever asks reads both.
 *
 * Histograms are added bucket by bucket, each a sum of its own: no function has to be made in the schema, and nothing is joined.
 */
import { BUCKETS } from '../../job/histogram.ts';
import type { Tally } from '../rollups.ts';
import { numbers, type Params, sql, texts } from './driver.ts';

const ADD = sql`
  INSERT INTO backline.job_minute_deltas
  SELECT minute, queue, type, created, started, completed, failed, timeout, cancelled, retried, wait_ms, ran, run_ms, waits::int[], runs::int[]
  FROM unnest($minutes::bigint[], $queues::text[], $types::text[], $created::int[], $started::int[], $completed::int[], $failed::int[],
    $timeout::int[], $cancelled::int[], $retried::int[], $waitMs::bigint[], $ran::int[], $runMs::bigint[], $waits::text[], $runs::text[])
    AS g(minute, queue, type, created, started, completed, failed, timeout, cancelled, retried, wait_ms, ran, run_ms, waits, runs)`;

/** @returns what to write for them; null if nothing was counted. */
export const writingOf = (tallies: readonly Tally[]): { statement: string; params: Params } | null => {
  if (tallies.length === 0) return null;
  const of = (pick: (tally: Tally) => number): string => numbers(tallies.map(pick));
  const times = (pick: (tally: Tally) => readonly number[]): string =>
    texts(tallies.map((tally) => (pick(tally).length === 0 ? null : numbers(pick(tally)))));
  return {
    statement: ADD,
    params: {
      minutes: of(({ minute }) => minute),
      queues: texts(tallies.map(({ queue }) => queue)),
      types: texts(tallies.map(({ type }) => type)),
      created: of(({ created }) => created),
      started: of(({ started }) => started),
      completed: of(({ completed }) => completed),
      failed: of(({ failed }) => failed),
      timeout: of(({ timeout }) => timeout),
      cancelled: of(({ cancelled }) => cancelled),
      retried: of(({ retried }) => retried),
      waitMs: of(({ waitMs }) => waitMs),
      ran: of(({ ran }) => ran),
      runMs: of(({ runMs }) => runMs),
      waits: times(({ waits }) => waits),
      runs: times(({ runs }) => runs),
    },
  };
};

export const TALLIED = [
  'created',
  'started',
  'completed',
  'failed',
  'timeout',
  'cancelled',
  'retried',
  'wait_ms',
  'ran',
  'run_ms',
];

export const eachBucket = (of: (n: string) => string): string =>
  `ARRAY[${Array.from({ length: BUCKETS }, (_, i) => of(String(i + 1))).join(', ')}]`;
const sumOfTimes = (name: string): string =>
  `CASE WHEN count(${name}) > 0 THEN ${eachBucket((n) => `coalesce(sum(${name}[${n}]), 0)`)} END`;

/** Of all rows of a group. */
export const SUMS = [
  ...TALLIED.map((name) => `sum(${name})::bigint AS ${name}`),
  `${sumOfTimes('wait_times')} AS wait_times`,
  `${sumOfTimes('run_times')} AS run_times`,
].join(', ');
