/** Is everything fine? What is not, where, and what happened lately. */
import type { MetricsView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { useFailures } from '../failures.ts';
import { concernsOf, lateOf, type Seen, waitingOf } from '../health.ts';
import { Card } from '../parts/card.tsx';
import { GroupTable } from '../parts/failure-groups.tsx';
import { FlowCharts } from '../parts/flow-charts.tsx';
import { NothingYet } from '../parts/no-jobs.tsx';
import { Page } from '../parts/page.tsx';
import { QueueTable } from '../parts/queue-table.tsx';
import { RangeChoice } from '../parts/range-choice.tsx';
import { Spark } from '../parts/spark.tsx';
import { StateStrip } from '../parts/state-strip.tsx';
import { Time } from '../parts/time.tsx';
import { Loaded, Skeleton } from '../parts/views.tsx';
import { type Range, rangeOf } from '../ranges.ts';
import { type Resource, useResource } from '../resource.ts';
import { href } from '../router.ts';
import { count, counted, span } from '../time.ts';

type Now = Omit<Seen, 'failed' | 'failures'>;

const useNow = (): Resource<Now> =>
  useResource(
    'overview',
    async (signal) => {
      const [health, stats, { at, queues }, { workers }, { schedules }] = await Promise.all([
        api.health.get(undefined, { signal }),
        api.stats.get(undefined, { signal }),
        api.queues.list(undefined, { signal }),
        api.workers.list(undefined, { signal }),
        api.schedules.list({ limit: 200 }, { signal }),
      ]);
      return { at, health, stats, queues, workers, schedules };
    },
    () => true,
    2000,
  );

/** Counted per minute: looking more often shows little more. */
const useMetrics = (range: Range): Resource<MetricsView> =>
  useResource(
    `metrics ${JSON.stringify([range.text, range.chosen])}`,
    (signal) => api.metrics.get({ ...range.ask(Date.now()), perQueue: true }, { signal }),
    (frame) => frame.kind === 'job',
    5000,
  );

export default function Overview() {
  const range = rangeOf();
  const now = useNow();
  const metrics = useMetrics(range);
  const failures = useFailures(5);
  const figures = metrics.data.value;
  const groups = failures.data.value;
  return (
    <Page title="Overview" actions={<RangeChoice range={range} />}>
      <Loaded of={now} what="The overview" skeleton={<Skeleton lines={12} />}>
        {(seen) =>
          isNew(seen, figures) ? (
            <NothingYet />
          ) : (
            <>
              <Health
                seen={{ ...seen, failed: { count: lostIn(figures), during: duringOf(range) }, failures: groups }}
              />
              <StateStrip counts={seen.stats.byStatus} />
              <Tiles seen={seen} metrics={figures} />
              <Loaded of={metrics} what="The figures" skeleton={<Skeleton lines={6} />}>
                {(found) => <FlowCharts metrics={found} during={range.text} />}
              </Loaded>
              <div class="columns-2">
                <Card title="Needs attention" actions={<a href={href('/errors')}>All errors</a>}>
                  <Loaded of={failures} what="The errors">
                    {(found) =>
                      found.groups.length === 0 ? (
                        <p class="quiet">No job that is kept has failed.</p>
                      ) : (
                        <GroupTable groups={found.groups} allowed={found.allowed} short />
                      )
                    }
                  </Loaded>
                </Card>
                <Next seen={seen} />
              </div>
              <Card title="Queues" actions={<a href={href('/queues')}>All about queues</a>}>
                <QueueTable at={seen.at} queues={seen.queues.slice(0, 12)} metrics={figures} during={range.text} />
              </Card>
              {figures && <Types metrics={figures} during={range.text} />}
            </>
          )
        }
      </Loaded>
    </Page>
  );
}

const lostIn = (metrics: MetricsView | undefined): number =>
  metrics ? metrics.total.failed + metrics.total.timeout : 0;
const duringOf = ({ chosen, text }: Range): string => (chosen ? `the time from ${text}` : `the ${text}`);

/** Nothing is there, and nothing was lately. */
const isNew = ({ stats, schedules }: Now, metrics: MetricsView | undefined): boolean =>
  stats.total === 0 && schedules.length === 0 && (metrics?.total.started ?? 0) === 0;

/** The answer in one line, and what it rests on. */
const Health = ({ seen }: { readonly seen: Seen }) => {
  const concerns = concernsOf(seen);
  const { running } = seen.stats.byStatus;
  const waiting = seen.queues.reduce((sum, queue) => sum + waitingOf(queue), 0);
  const bad = concerns.some(({ level }) => level === 'bad');
  const [first] = concerns;
  const title = !first
    ? 'Everything is fine.'
    : concerns.length === 1
      ? bad
        ? 'Something is wrong.'
        : 'One thing is worth a look.'
      : `${concerns.length} things need attention.`;
  return (
    <section class={`card health ${bad ? 'bad' : first ? 'look' : 'fine'}`} aria-label="Health">
      <p role="status">
        <strong>{title}</strong>{' '}
        <span class="quiet">
          {counted(running, 'job')} {running === 1 ? 'runs' : 'run'}, {count(waiting)}{' '}
          {waiting === 1 ? 'waits' : 'wait'}
          {!first && `, none failed in ${seen.failed.during}`}.
        </span>
      </p>
      {first && (
        <ul>
          {concerns.slice(0, 6).map(({ key, says, to, level }) => (
            <li key={key} class={level}>
              <a href={href(encodeURI(to))}>{says}</a>
            </li>
          ))}
          {concerns.length > 6 && <li class="quiet">and {concerns.length - 6} more, below</li>}
        </ul>
      )}
    </section>
  );
};

const Tiles = ({ seen, metrics }: { readonly seen: Now; readonly metrics: MetricsView | undefined }) => {
  const series = metrics?.series ?? [];
  const minutes = (metrics?.stepMs ?? 60_000) / 60_000;
  // The step that now is in has only begun.
  const last = series.at(-2) ?? series.at(-1);
  const perMinute = (n: number | undefined) => (n === undefined ? '–' : count(Math.round(n / minutes)));
  const alive = seen.workers.filter((worker) => worker.alive);
  const slots = alive.reduce((sum, worker) => sum + worker.slots, 0);
  const busy = alive.reduce((sum, worker) => sum + worker.running, 0);
  const late = Math.max(0, ...seen.queues.filter(({ paused }) => !paused).map((queue) => lateOf(queue, seen.at)));
  return (
    <dl class="tiles">
      <Tile
        name="Done a minute"
        to="/jobs?q=status:completed"
        text={perMinute(last?.completed)}
        tone="completed"
        values={series.map(({ completed }) => completed)}
      />
      <Tile
        name="Failed a minute"
        to="/errors"
        text={perMinute(last && last.failed + last.timeout)}
        tone="failed"
        values={series.map(({ failed, timeout }) => failed + timeout)}
      />
      <Tile
        name="Waiting"
        to="/jobs?q=status:queued"
        text={count(seen.queues.reduce((sum, queue) => sum + waitingOf(queue), 0))}
        tone="waiting"
        values={series.map(({ waiting }) => waiting)}
      />
      <Tile
        name="Oldest wait"
        to="/queues"
        text={late === 0 ? 'none' : span(late)}
        tone="retrying"
        values={series.map(({ waitMs }) => waitMs?.p99 ?? null)}
      />
      <Tile
        name="Workers"
        to="/workers"
        text={count(alive.length)}
        more={`${busy} of ${counted(slots, 'slot')}`}
        tone="running"
        values={series.map(({ running }) => running)}
      />
    </dl>
  );
};

interface TileProps {
  readonly name: string;
  readonly to: string;
  readonly text: string;
  readonly more?: string;
  readonly tone: string;
  readonly values: readonly (number | null)[];
}

const Tile = ({ name, to, text, more, tone, values }: TileProps) => (
  <div class="card tile">
    <dt>
      <a href={href(to)}>{name}</a>
    </dt>
    <dd>
      <strong class="figure">{text}</strong> {more && <span class="quiet">{more}</span>}
      {values.some((value) => value !== null) && <Spark values={values} tone={tone} label={`${name} over time`} />}
    </dd>
  </div>
);

const SHOWN = 8;

const Next = ({ seen: { schedules } }: { readonly seen: Now }) => {
  const due = schedules
    .filter(({ nextAt }) => nextAt !== null)
    .sort((a, b) => Date.parse(a.nextAt!) - Date.parse(b.nextAt!))
    .slice(0, SHOWN);
  return (
    <Card title="Due next" actions={<a href={href('/schedules')}>All schedules</a>}>
      {due.length === 0 ? (
        <p class="quiet">No schedule has a next run.</p>
      ) : (
        <ol class="due">
          {due.map(({ id, words, nextAt }) => (
            <li key={id}>
              <a href={href(`/schedules/${encodeURIComponent(id)}`)}>{id}</a>
              <span class="quiet">{words}</span>
              <Time at={nextAt!} />
            </li>
          ))}
        </ol>
      )}
    </Card>
  );
};

/** What fails most, and what takes longest: the types of jobs that ended in this time. */
const Types = ({ metrics, during }: { readonly metrics: MetricsView; readonly during: string }) => {
  const types = Object.entries(metrics.types)
    .map(([name, figures]) => ({ name, figures, failed: figures.failed + figures.timeout }))
    .sort((a, b) => b.failed - a.failed || b.figures.completed - a.figures.completed)
    .slice(0, SHOWN);
  if (types.length === 0) return null;
  return (
    <Card title="Types" aside={`${during}, what failed most first`}>
      <table class="lines">
        <thead>
          <tr>
            <th scope="col">Type</th>
            {['Done', 'Failed', 'Retried', 'Wait p95', 'Run p95'].map((name) => (
              <th key={name} scope="col" class="number">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {types.map(({ name, figures: { completed, retried, waitMs, runMs, errorRate }, failed }) => (
            <tr key={name}>
              <th scope="row">
                <a href={href(`/jobs?q=type:${encodeURIComponent(name)}`)}>{name}</a>
              </th>
              <td class="number" data-name="Done">
                {count(completed)}
              </td>
              <td class="number" data-name="Failed">
                <span>
                  {count(failed)}
                  {failed > 0 && errorRate !== null && <span class="quiet"> ({(errorRate * 100).toFixed(0)} %)</span>}
                </span>
              </td>
              <td class="number" data-name="Retried">
                {count(retried)}
              </td>
              <td class="number" data-name="Wait p95">
                {waitMs ? span(waitMs.p95) : '–'}
              </td>
              <td class="number" data-name="Run p95">
                {runMs ? span(runMs.p95) : '–'}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Card>
  );
};
