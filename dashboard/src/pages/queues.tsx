/** All queues: what waits in them and since when, what comes in and goes out, and their switches. */
import { api } from '../api.ts';
import { LATE_MS, lateOf, waitingOf } from '../health.ts';
import { Card } from '../parts/card.tsx';
import { NothingYet } from '../parts/no-jobs.tsx';
import { Page } from '../parts/page.tsx';
import { QueueActions } from '../parts/queue-actions.tsx';
import { QueueTable } from '../parts/queue-table.tsx';
import { RangeChoice } from '../parts/range-choice.tsx';
import { Empty, Loaded, Skeleton } from '../parts/views.tsx';
import { rangeOf } from '../ranges.ts';
import { useResource } from '../resource.ts';
import { query, setQuery } from '../router.ts';
import { counted } from '../time.ts';

export default function Queues() {
  const range = rangeOf();
  const queues = useResource(
    'queues',
    (signal) => api.queues.list(undefined, { signal }),
    ({ kind }) => kind === 'queue' || kind === 'job',
  );
  const metrics = useResource(
    `metrics ${JSON.stringify([range.text, range.chosen])}`,
    (signal) => api.metrics.get({ ...range.ask(Date.now()), perQueue: true }, { signal }),
    ({ kind }) => kind === 'job',
    5000,
  );
  const name = query.value.get('name') ?? '';
  return (
    <Page
      title="Queues"
      aside={queues.data.value && <Summary queues={queues.data.value.queues} at={queues.data.value.at} />}
      actions={<RangeChoice range={range} />}
    >
      <Loaded of={queues} what="The queues" skeleton={<Skeleton lines={8} />}>
        {({ at, queues: all }) => {
          const shown = all.filter((queue) => queue.name.includes(name));
          if (all.length === 0) return <NothingYet />;
          return (
            <Card
              title="All queues"
              actions={
                <input
                  type="search"
                  placeholder="Name"
                  aria-label="Part of a queue's name"
                  value={name}
                  onInput={({ currentTarget }) => setQuery({ name: currentTarget.value })}
                />
              }
            >
              {shown.length === 0 ? (
                <Empty title={`No queue has ${name} in its name`} />
              ) : (
                <QueueTable
                  {...{ at, queues: shown }}
                  metrics={metrics.data.value}
                  during={range.text}
                  actions={(queue) => <QueueActions queue={queue} onDone={queues.reload} small />}
                />
              )}
            </Card>
          );
        }}
      </Loaded>
    </Page>
  );
}

type All = Awaited<ReturnType<typeof api.queues.list>>;

const Summary = ({ queues, at }: All) => {
  const paused = queues.filter(({ paused }) => paused).length;
  const late = queues.filter((queue) => !queue.paused && lateOf(queue, at) >= LATE_MS).length;
  const waiting = queues.reduce((sum, queue) => sum + waitingOf(queue), 0);
  return (
    <span class="quiet">
      {[
        `${counted(waiting, 'job')} ${waiting === 1 ? 'waits' : 'wait'}`,
        ...(paused > 0 ? [`${paused} paused`] : []),
        ...(late > 0 ? [`${late} behind`] : []),
      ].join(' · ')}
    </span>
  );
};
