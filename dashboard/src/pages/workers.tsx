/** Who does the work: who is alive, what each runs now, what each can run, and what nobody can. */
import type { ComponentChildren } from 'preact';
import type { JobView, StatsView, WorkerView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { orphanTypes } from '../health.ts';
import { Card } from '../parts/card.tsx';
import { Page } from '../parts/page.tsx';
import { Time } from '../parts/time.tsx';
import { Empty, Loaded, Skeleton } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { href, query, setQuery } from '../router.ts';
import { counted, now, span } from '../time.ts';

/** So many running jobs are named; all of them are a link away. */
const NAMED = 500;
/** Squares for slots; of more a number tells. */
const SQUARES = 64;
/** A loop that was blocked for longer keeps others waiting. */
const BLOCKED_MS = 1000;

interface Data {
  readonly at: string;
  readonly workers: readonly WorkerView[];
  readonly jobs: readonly JobView[];
  readonly stats: StatsView;
}

export default function Workers() {
  const all = useResource<Data>(
    'workers',
    async (signal) => {
      const [{ at, workers }, { jobs }, stats] = await Promise.all([
        api.workers.list(undefined, { signal }),
        api.jobs.list({ status: ['running'], limit: NAMED }, { signal }),
        api.stats.get(undefined, { signal }),
      ]);
      return { at, workers, jobs, stats };
    },
    ({ kind }) => kind === 'worker' || kind === 'job',
    2000,
  );
  const data = all.data.value;
  return (
    <Page title="Workers" aside={data && data.workers.length > 0 && <Summary {...data} />}>
      <Loaded of={all} what="The workers" skeleton={<Skeleton lines={8} />}>
        {(found) => (
          <>
            <Orphans {...found} />
            {found.workers.length === 0 ? <Nobody stats={found.stats} /> : <List {...found} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

const Summary = ({ workers }: Data) => {
  const alive = workers.filter((worker) => worker.alive);
  const busy = alive.reduce((sum, { running }) => sum + running, 0);
  const slots = alive.reduce((sum, worker) => sum + worker.slots, 0);
  const silent = workers.length - alive.length;
  return (
    <span class="quiet">
      {alive.length} alive{silent > 0 && `, ${silent} silent`} · {busy} of {counted(slots, 'slot')} taken
    </span>
  );
};

const Nobody = ({ stats: { byStatus } }: Pick<Data, 'stats'>) => (
  <Empty title="No worker is here">
    <p>
      {byStatus.queued > 0 ? `${counted(byStatus.queued, 'job')} wait for one. ` : ''}Start one, in a process of its
      own:
    </p>
    <pre class="block" tabIndex={0}>
      backline work
    </pre>
    <p class="quiet">This page shows it as soon as it is there.</p>
  </Empty>
);

/** Types of which jobs wait, and that nobody alive can run. */
const Orphans = ({ stats, workers }: Data) => {
  const types = orphanTypes(stats, workers);
  if (types.length === 0 || workers.length === 0) return null;
  return (
    <div class="note">
      <p>
        <strong>No worker that is alive knows {types.length === 1 ? 'this type' : 'these types'}:</strong>
      </p>
      <ul>
        {types.map(([type, n]) => (
          <li key={type}>
            <a href={href(`/jobs?q=status:queued+type:${encodeURIComponent(type)}`)}>{type}</a>, {counted(n, 'job')}
          </li>
        ))}
      </ul>
    </div>
  );
};

const List = ({ workers, jobs }: Data) => {
  const part = query.value.get('text') ?? '';
  const shown = workers.filter(({ name, host, types }) => [name, host, ...types].some((text) => text.includes(part)));
  const running = Map.groupBy(jobs, ({ worker }) => worker ?? '');
  return (
    <Card
      title="All workers"
      actions={
        <input
          type="search"
          placeholder="Name, host or type"
          aria-label="Part of a worker's name, its host or a type"
          value={part}
          onInput={({ currentTarget }) => setQuery({ text: currentTarget.value })}
        />
      }
    >
      {shown.length === 0 && <Empty title="No worker has this in it" />}
      <ul class="workers">
        {shown.map((worker) => (
          <Worker key={worker.owner} worker={worker} jobs={running.get(worker.name) ?? []} />
        ))}
      </ul>
    </Card>
  );
};

const Worker = ({ worker, jobs }: { readonly worker: WorkerView; readonly jobs: readonly JobView[] }) => {
  const { name, host, pid, alive, beatAt, startedAt, blockedMs, queues, types } = worker;
  const silent = now.value - Date.parse(beatAt);
  return (
    <li>
      <h3>
        {name} <span class={alive ? 'tag good' : 'tag bad'}>{alive ? 'alive' : 'silent'}</span>
      </h3>
      <Slots worker={worker} />
      <dl class="facts">
        <Fact name="Host">
          {host}, process {pid}
        </Fact>
        <Fact name="Started">
          <Time at={startedAt} />
        </Fact>
        <Fact name="Heard of">{silent < 2000 ? 'just now' : `${span(silent)} ago`}</Fact>
        <Fact name="Blocked">
          <span class={blockedMs >= BLOCKED_MS ? 'warn-text' : undefined}>
            {blockedMs === 0 ? 'no' : span(blockedMs)}
          </span>
        </Fact>
        <Fact name="Queues">
          {queues === null ? 'all' : queues.map((queue) => <QueueLink key={queue} name={queue} />)}
        </Fact>
        <Fact name="Types">
          <Names names={types} />
        </Fact>
      </dl>
      {!alive && <p class="quiet">Its jobs go on elsewhere as soon as it is given up.</p>}
      {jobs.length > 0 && (
        <ul class="due">
          {jobs.slice(0, 10).map(({ id, type, startedAt: since, queue, progress }) => (
            <li key={id}>
              <a href={href(`/jobs/${encodeURIComponent(id)}`)}>{type}</a>
              <span class="quiet">
                {queue}
                {progress > 0 && ` · ${Math.round(progress)} %`}
              </span>
              <span>{since ? span(now.value - Date.parse(since)) : ''}</span>
            </li>
          ))}
          {jobs.length > 10 && <li class="quiet">and {jobs.length - 10} more</li>}
        </ul>
      )}
    </li>
  );
};

const Slots = ({ worker: { slots, running, alive } }: { readonly worker: WorkerView }) => (
  <p class="slots">
    {slots <= SQUARES && (
      <span aria-hidden="true">
        {Array.from({ length: slots }, (_, i) => (
          <i key={i} class={i < running ? 'taken' : undefined} />
        ))}
      </span>
    )}
    <span class="quiet">
      {running} of {counted(slots, 'slot')} {alive ? 'taken' : 'were taken'}
    </span>
  </p>
);

const Fact = ({ name, children }: { readonly name: string; readonly children: ComponentChildren }) => (
  <div>
    <dt>{name}</dt>
    <dd>{children}</dd>
  </div>
);

const QueueLink = ({ name }: { readonly name: string }) => (
  <>
    <a href={href(`/queues/${encodeURIComponent(name)}`)}>{name}</a>{' '}
  </>
);

const FEW = 6;

const Names = ({ names }: { readonly names: readonly string[] }) =>
  names.length <= FEW ? (
    <span>{names.join(', ') || 'none'}</span>
  ) : (
    <details>
      <summary>
        {names.slice(0, 3).join(', ')} and {names.length - 3} more
      </summary>
      {names.slice(3).join(', ')}
    </details>
  );
