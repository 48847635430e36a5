/** What happened over time: throughput, depth, and how long jobs waited or ran; of everything, or of one queue. */
import { useMemo } from 'preact/hooks';
import type { MetricsView } from '../../../src/client.ts';
import { query, setQuery } from '../router.ts';
import { count, counted, span } from '../time.ts';
import { Chart } from './chart.tsx';

interface FlowChartsProps {
  readonly metrics: MetricsView;
  /** The time in words: `last hour`. */
  readonly during: string;
}

const perMinute = (n: number, stepMs: number): number => n / (stepMs / 60_000);
const few = (n: number): string => (n > 0 && n < 10 ? n.toFixed(1).replace(/\.0$/, '') : count(Math.round(n)));
const most = (values: readonly (number | null)[]): number => Math.max(0, ...values.map((value) => value ?? 0));

export const FlowCharts = ({ metrics, during }: FlowChartsProps) => {
  const { series, stepMs } = metrics;
  const times = useMemo(() => series.map(({ at }) => Date.parse(at)), [series]);
  const shared = { times, stepMs };
  return (
    <div class="charts">
      <Throughput {...shared} metrics={metrics} during={during} />
      <Depth {...shared} metrics={metrics} during={during} />
      <Times {...shared} metrics={metrics} during={during} />
    </div>
  );
};

type Part = FlowChartsProps & { readonly times: readonly number[]; readonly stepMs: number };

const Throughput = ({ metrics: { series, total }, during, times, stepMs }: Part) => {
  const { told, lines } = useMemo(() => {
    const rate = (n: number) => perMinute(n, stepMs);
    const done = series.map(({ completed }) => rate(completed));
    const failed = series.map((point) => rate(point.failed + point.timeout));
    const made = series.map(({ created }) => rate(created));
    const both = done.map((n, i) => n + failed[i]!);
    return {
      told: [
        { label: 'done', tone: 'completed', values: done },
        { label: 'failed', tone: 'failed', values: failed },
        { label: 'made', tone: 'quiet', values: made },
      ],
      // What failed stands before all that ended, so that the two are stacked.
      lines: [
        { label: 'done', tone: 'completed', values: both, kind: 'bars' },
        { label: 'failed', tone: 'failed', values: failed, kind: 'bars' },
        { label: 'made', tone: 'quiet', values: made, kind: 'line', dash: [3, 3] },
      ] as const,
    };
  }, [series]);
  const lost = total.failed + total.timeout;
  return (
    <Chart
      {...{ times, stepMs, lines, told }}
      name="throughput"
      title="Throughput"
      aside="jobs a minute"
      text={few}
      says={`Throughput, ${during}: ${counted(total.completed, 'job')} done and ${count(lost)} failed, at most ${few(most(told[0]!.values))} done in a minute.`}
    />
  );
};

const Depth = ({ metrics: { series }, during, times, stepMs }: Part) => {
  const { told, lines } = useMemo(() => {
    const waiting = series.map((point) => point.waiting);
    const running = series.map((point) => point.running);
    const both = waiting.map((n, i) => (n === null ? null : n + (running[i] ?? 0)));
    return {
      told: [
        { label: 'waiting', tone: 'waiting', values: waiting },
        { label: 'running', tone: 'running', values: running },
      ],
      lines: [
        { label: 'waiting', tone: 'waiting', values: both, kind: 'area' },
        { label: 'running', tone: 'running', values: running, kind: 'area' },
      ] as const,
    };
  }, [series]);
  return (
    <Chart
      {...{ times, stepMs, lines, told }}
      name="depth"
      title="Depth"
      aside="jobs that wait and run"
      text={few}
      says={`Depth, ${during}: at most ${counted(most(told[0]!.values), 'job')} waited and ${count(most(told[1]!.values))} ran at the same time.`}
    />
  );
};

const PERCENTILES = [
  ['p99', [2, 3]],
  ['p95', [7, 4]],
  ['p50', []],
] as const;

const Times = ({ metrics: { series, total }, during, times, stepMs }: Part) => {
  const run = query.value.get('times') === 'run';
  const which = run ? 'runMs' : 'waitMs';
  const lines = useMemo(
    () =>
      PERCENTILES.map(([name, dash]) => ({
        ...{ label: name, tone: 'running', dash, kind: 'line' as const },
        values: series.map((point) => point[which]?.[name] ?? null),
      })),
    [series, which],
  );
  const all = total[which];
  const title = run ? 'Run time' : 'Wait';
  return (
    <Chart
      key={which}
      {...{ times, stepMs, lines }}
      name="times"
      title={title}
      log
      text={span}
      mark={(ms) => span(ms).split(' ').slice(0, 2).join(' ')}
      actions={
        <button type="button" class="button plain small" onClick={() => setQuery({ times: run ? null : 'run' })}>
          {run ? 'Show the wait' : 'Show the run time'}
        </button>
      }
      says={
        all
          ? `${title}, ${during}: half took at most ${span(all.p50)}, 95 of 100 at most ${span(all.p95)}, 99 at most ${span(all.p99)}.`
          : `${title}, ${during}: nothing ${run ? 'ended' : 'began'}.`
      }
    />
  );
};
