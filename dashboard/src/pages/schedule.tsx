/** One schedule: when it runs, how its runs went, what it starts, and everything that happened to it. */
import { useState } from 'preact/hooks';
import type { ScheduleView } from '../../../src/client.ts';
import { api } from '../api.ts';
import type { Frame } from '../live.ts';
import type { PageProps } from '../pages.ts';
import { Card } from '../parts/card.tsx';
import { CommandCard } from '../parts/command-card.tsx';
import { JsonBlock } from '../parts/json.tsx';
import { ClockChanges, NextRuns } from '../parts/next-runs.tsx';
import { Page } from '../parts/page.tsx';
import { ScheduleActions } from '../parts/schedule-actions.tsx';
import { ScheduleDialog } from '../parts/schedule-form.tsx';
import { ScheduleHistory } from '../parts/schedule-history.tsx';
import { RUNS, RunsTable, Strip } from '../parts/strip.tsx';
import { Time } from '../parts/time.tsx';
import { Empty, Loaded, Skeleton, TroubleView } from '../parts/views.tsx';
import { type Resource, useResource } from '../resource.ts';
import { href, query, setQuery } from '../router.ts';
import { durationText, standing } from '../schedules.ts';
import { count, full, span } from '../time.ts';

const NEXT = 5;

/** The frame of a job does not name its schedule, but the job's type. */
const concerns = (frame: Frame, id: string, type: string | undefined): boolean =>
  frame.kind === 'schedule' ? frame.schedule === id : frame.kind === 'job' && frame.type === type;

export default function Schedule({ params }: PageProps) {
  const id = params['id']!;
  const schedule: Resource<ScheduleView> = useResource(
    `schedule ${id}`,
    (signal) => api.schedules.get({ id }, { signal }),
    (frame) => concerns(frame, id, schedule.data.peek()?.type),
  );
  const data = schedule.data.value;
  const trouble = schedule.trouble.value;
  const gone = trouble?.code === 'SCHEDULE_NOT_FOUND';
  if (!data || gone)
    return (
      <Page title={id} heading={<Heading id={id} />}>
        {!trouble && <Skeleton lines={10} />}
        {gone && <Gone id={id} />}
        {trouble && !gone && <TroubleView trouble={trouble} what="The schedule" retry={schedule.reload} />}
      </Page>
    );
  const edit = () => setQuery({ edit: 'yes' }, { replace: false });
  return (
    <Page
      title={`Schedule ${id}`}
      heading={<Heading id={id} />}
      actions={<ScheduleActions schedule={data} onDone={schedule.reload} onEdit={edit} />}
    >
      {trouble && <TroubleView trouble={trouble} what="The schedule" retry={schedule.reload} kept />}
      <Subtitle schedule={data} />
      <Content key={data.version} schedule={data} />
      {query.value.get('edit') && data.allowed.includes('update') && (
        <ScheduleDialog schedule={data} onClose={() => setQuery({ edit: null })} onDone={schedule.reload} />
      )}
    </Page>
  );
}

const Heading = ({ id }: { readonly id: string }) => (
  <span class="crumbs">
    <a href={href('/schedules')}>Schedules</a>
    <span class="quiet" aria-hidden="true">
      /
    </span>
    {id}
  </span>
);

/** One that was removed still has its history, for a while. */
const Gone = ({ id }: { readonly id: string }) => (
  <>
    <Empty title="There is no such schedule">
      <p>
        No schedule has the id <code>{id}</code>, or not any more.
      </p>
      <a class="button" href={href('/schedules')}>
        All schedules
      </a>
    </Empty>
    <ScheduleHistory id={id} quiet />
  </>
);

const Subtitle = ({ schedule }: { readonly schedule: ScheduleView }) => {
  const { words, nextAt, pause, problem } = schedule;
  const { word, tone } = standing(schedule);
  return (
    <>
      <p class="row subtitle">
        <span class={`state ${tone}`}>{word}</span>
        <span>{words}</span>
        {nextAt && (
          <span class="quiet">
            next <Time at={nextAt} />
          </span>
        )}
      </p>
      {pause && (
        <p class="note">
          Paused <Time at={pause.at} />
          {pause.actor && ` by ${pause.actor}`}
          {pause.reason && `: ${pause.reason}`}
          {pause.until ? `. It goes on by itself at ${full(pause.until)}.` : '. No slot runs until it is resumed.'}
        </p>
      )}
      {problem && (
        <p class="note" role="alert">
          Its next run cannot be computed: {problem} It is tried again every minute.
        </p>
      )}
    </>
  );
};

const Content = ({ schedule }: { readonly schedule: ScheduleView }) => {
  const { id, type } = schedule;
  const mine = (frame: Frame) => concerns(frame, id, type);
  const next = useResource(`next ${id}`, (signal) => api.schedules.next({ id, count: NEXT }, { signal }), mine);
  return (
    <div class="columns-2 one-schedule">
      <div class="stack">
        <Runs id={id} type={type} />
        <ScheduleHistory id={id} concerns={mine} />
      </div>
      <div class="stack">
        <Card title="Next runs" aside={schedule.pause && 'if it were not paused'}>
          <Loaded of={next} what="The next runs">
            {(runs) => (
              <>
                <NextRuns runs={runs} />
                {runs.clockChanges.length > 0 && (
                  <details>
                    <summary>When the clocks change</summary>
                    <ClockChanges runs={runs} />
                  </details>
                )}
              </>
            )}
          </Loaded>
        </Card>
        <Starts schedule={schedule} />
        <Commands schedule={schedule} />
      </div>
    </div>
  );
};

const Runs = ({ id, type }: { readonly id: string; readonly type: string }) => {
  const [table, setTable] = useState(false);
  const runs = useResource(
    `runs ${id}`,
    async (signal) => (await api.schedules.runs({ ids: [id], limit: RUNS }, { signal })).schedules[0]?.jobs ?? [],
    (frame) => concerns(frame, id, type),
  );
  const q = encodeURIComponent(`schedule:${id}`);
  return (
    <Card
      title="Last runs"
      aside={<a href={href(`/jobs?q=${q}`)}>all of its jobs</a>}
      actions={
        <button type="button" class="button small" aria-pressed={table} onClick={() => setTable(!table)}>
          As a table
        </button>
      }
    >
      <Loaded of={runs} what="Its runs">
        {(jobs) => {
          if (jobs.length === 0) return <p class="quiet">It has not run yet, or its jobs are not kept any more.</p>;
          return table ? <RunsTable jobs={jobs} /> : <Picture jobs={jobs} />;
        }}
      </Loaded>
    </Card>
  );
};

const Picture = ({ jobs }: { readonly jobs: Parameters<typeof Strip>[0]['jobs'] }) => {
  const oldest = jobs.at(-1)!;
  const lost = jobs.filter(({ status }) => status === 'failed' || status === 'timeout').length;
  return (
    <figure>
      <Strip jobs={jobs} opens />
      <figcaption class="row quiet">
        <span>since {full(oldest.slotAt ?? oldest.createdAt)}</span>
        <span>{lost === 0 ? 'none failed' : `${lost} of ${jobs.length} failed (marked beneath the line)`}</span>
        <span>height: how long it ran</span>
      </figcaption>
    </figure>
  );
};

const LATE: Readonly<Record<string, string>> = { runOnce: 'one run for all', runAll: 'a run for each', skip: 'none' };
const BUSY: Readonly<Record<string, string>> = {
  skip: 'left out',
  queueOne: 'one waits',
  queueAll: 'all wait',
  cancelOther: 'takes the place of the oldest',
};

const factsOf = (schedule: ScheduleView): readonly (readonly [string, string])[] => {
  const { job, missed, overlap, maxInstances, counts, source, build, createdAt, updatedAt, version } = schedule;
  const { queue, priority, maxAttempts, timeoutMs, totalMs, startMs, key, limitKey, tags } = job;
  const all: readonly (readonly [string, string | null])[] = [
    ['Queue', queue],
    ['Priority', String(priority)],
    ['Attempts', String(maxAttempts)],
    ['Time-out', timeoutMs === null ? 'never' : span(timeoutMs)],
    ['In all', totalMs && span(totalMs)],
    ['Must start within', startMs && span(startMs)],
    ['Key', key],
    ['Limit', limitKey],
    ['Tags', tags.length > 0 ? tags.join(', ') : null],
    ['Missed runs', typeof missed === 'string' ? LATE[missed]! : `those within ${durationText(missed.window)}`],
    ['Overlap', `${BUSY[overlap]} while ${maxInstances} ${maxInstances === 1 ? 'is' : 'are'} unfinished`],
    [
      'So far',
      `${count(counts.fired)} ran, ${count(counts.missed)} missed, ${count(counts.skipped)} left out, ${count(counts.byHand)} by hand`,
    ],
    ['Said by', `${source}${build === null ? '' : `, build ${build}`}, version ${version}`],
    ['Made', full(createdAt)],
    ['Changed', updatedAt === createdAt ? null : full(updatedAt)],
  ].map(([name, text]) => [name as string, text === null || text === 0 ? null : String(text)]);
  return all.filter((one): one is readonly [string, string] => one[1] !== null);
};

const Starts = ({ schedule }: { readonly schedule: ScheduleView }) => (
  <Card title={`Starts ${schedule.type}`}>
    <dl class="facts">
      {factsOf(schedule).map(([name, text]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
    <h3>Input</h3>
    {schedule.payload === null ? <p class="quiet">None.</p> : <JsonBlock value={schedule.payload} what="The input" />}
  </Card>
);

const Commands = ({ schedule }: { readonly schedule: ScheduleView }) => {
  const { id, allowed } = schedule;
  const commands = [
    `backline schedules show ${id}`,
    `backline schedules next ${id}`,
    ...(allowed.includes('run') ? [`backline schedules run ${id}`] : []),
    ...(allowed.includes('pause') ? [`backline schedules pause ${id}`] : []),
    ...(allowed.includes('resume') ? [`backline schedules resume ${id}`] : []),
    `backline jobs ls --where schedule:${id}`,
  ];
  return <CommandCard commands={commands} value={schedule} what="The schedule" />;
};
