/** One queue: how it is, why it does not move, what happened in it, what comes next. */
import type { QueueView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { lateOf, waitingOf } from '../health.ts';
import type { PageProps } from '../pages.ts';
import { Card } from '../parts/card.tsx';
import { FlowCharts } from '../parts/flow-charts.tsx';
import { JobLines } from '../parts/job-lines.tsx';
import { Page } from '../parts/page.tsx';
import { QueueActions } from '../parts/queue-actions.tsx';
import { Places } from '../parts/queue-table.tsx';
import { RangeChoice } from '../parts/range-choice.tsx';
import { StateStrip } from '../parts/state-strip.tsx';
import { Time } from '../parts/time.tsx';
import { Empty, Loaded, Skeleton, TroubleView } from '../parts/views.tsx';
import { Why } from '../parts/why.tsx';
import { rangeOf } from '../ranges.ts';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { count, span } from '../time.ts';

export default function Queue({ params }: PageProps) {
  const name = params['name']!;
  const all = useResource(
    'queues',
    (signal) => api.queues.list(undefined, { signal }),
    (frame) => (frame.kind === 'queue' || frame.kind === 'job') && frame.queue === name,
  );
  const queue = all.data.value?.queues.find((one) => one.name === name);
  const trouble = all.trouble.value;
  const heading = (
    <span class="crumbs">
      <a href={href('/queues')}>Queues</a>
      <span class="quiet" aria-hidden="true">
        /
      </span>
      {name}
    </span>
  );
  return (
    <Page
      title={`Queue ${name}`}
      heading={heading}
      aside={queue?.paused && <span class="tag warn">paused</span>}
      actions={queue && <QueueActions queue={queue} onDone={all.reload} />}
    >
      {trouble && <TroubleView trouble={trouble} what="The queue" retry={all.reload} kept={queue !== undefined} />}
      {!all.data.value && !trouble && <Skeleton lines={10} />}
      {all.data.value && !queue && (
        <Empty title="There is no such queue">
          <p>
            No job was ever handed in to <code>{name}</code>.
          </p>
          <a class="button" href={href('/queues')}>
            All queues
          </a>
        </Empty>
      )}
      {queue && <Content queue={queue} at={all.data.value!.at} />}
    </Page>
  );
}

const Content = ({ queue, at }: { readonly queue: QueueView; readonly at: string }) => {
  const { name, counts } = queue;
  const range = rangeOf();
  const next = useResource(
    `next of ${name}`,
    async (signal) => {
      const [{ jobs: due }, { jobs: running }] = await Promise.all([
        api.jobs.list({ queue: [name], order: 'next', limit: 10 }, { signal }),
        api.jobs.list({ queue: [name], status: ['running'], limit: 10 }, { signal }),
      ]);
      return { due, running };
    },
    (frame) => frame.kind === 'queue' || (frame.kind === 'job' && frame.queue === name),
  );
  const metrics = useResource(
    `metrics of ${name} ${JSON.stringify([range.text, range.chosen])}`,
    (signal) => api.metrics.get({ ...range.ask(Date.now()), queue: name }, { signal }),
    (frame) => frame.kind === 'job' && frame.queue === name,
    5000,
  );
  const first = next.data.value?.due[0];
  return (
    <>
      {queue.paused && <Paused queue={queue} />}
      <StateStrip counts={counts} and={`queue:${name}`} />
      <Facts queue={queue} at={at} />
      {first && <Why id={first.id} running={false} title="Why its first job does not run" />}
      <div class="row">
        <h2>What happened</h2>
        <RangeChoice range={range} queue={name} />
      </div>
      <Loaded of={metrics} what="The figures" skeleton={<Skeleton lines={6} />}>
        {(found) => <FlowCharts metrics={found} during={range.text} />}
      </Loaded>
      <div class="columns-2 even">
        <Card title="Next" actions={<a href={href(`/jobs?q=queue:${name}+status:queued`)}>All that wait</a>}>
          <Loaded of={next} what="What waits">
            {({ due }) => (
              <JobLines
                jobs={due}
                none={waitingOf(queue) === 0 ? 'Nothing waits.' : 'Nothing is due: what waits is for later, or held.'}
              />
            )}
          </Loaded>
        </Card>
        <Card title="Running" actions={<a href={href(`/jobs?q=queue:${name}+status:running`)}>All that run</a>}>
          <Loaded of={next} what="What runs">
            {({ running }) => <JobLines jobs={running} none="Nothing runs." />}
          </Loaded>
        </Card>
      </div>
    </>
  );
};

const Paused = ({ queue: { pausedReason, pausedBy, pausedAt, pausedUntil } }: { readonly queue: QueueView }) => (
  <p class="note">
    <strong>Paused{pausedReason ? `: ${pausedReason}` : '.'}</strong> {pausedBy && `By ${pausedBy}. `}
    {pausedAt && (
      <>
        Since <Time at={pausedAt} />.{' '}
      </>
    )}
    {pausedUntil ? (
      <>
        Until <Time at={pausedUntil} />.
      </>
    ) : (
      'Until somebody lets it go on.'
    )}
  </p>
);

const Facts = ({ queue, at }: { readonly queue: QueueView; readonly at: string }) => {
  const late = lateOf(queue, at);
  return (
    <dl class="tiles">
      <div class="card tile">
        <dt class="quiet">Waiting</dt>
        <dd>
          <strong class="figure">{count(waitingOf(queue))}</strong>{' '}
          {queue.counts.created > 0 && <span class="quiet">{count(queue.counts.created)} held</span>}
        </dd>
      </div>
      <div class="card tile">
        <dt class="quiet">Oldest that is due</dt>
        <dd>
          <strong class="figure">{late === 0 ? 'none' : span(late)}</strong>
        </dd>
      </div>
      <div class="card tile">
        <dt class="quiet">Running</dt>
        <dd class="big">
          <Places queue={queue} /> {queue.maxRunning === null && <span class="quiet">no limit</span>}
        </dd>
      </div>
    </dl>
  );
};
