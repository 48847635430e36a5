/** All schedules: when each runs next, how its latest runs went, and whether it runs at all. */
import { useState } from 'preact/hooks';
import type { ScheduledJobView, ScheduleView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { useCommands } from '../commands.ts';
import { Button } from '../parts/button.tsx';
import { Page } from '../parts/page.tsx';
import { ScheduleActions } from '../parts/schedule-actions.tsx';
import { ScheduleDialog } from '../parts/schedule-form.tsx';
import { RUNS, Strip } from '../parts/strip.tsx';
import { Time } from '../parts/time.tsx';
import { Empty, Loaded, Skeleton } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { href, navigate, query, setQuery } from '../router.ts';
import { standing, zoneOf } from '../schedules.ts';
import { may } from '../session.ts';
import { counted, inZone, ownZone } from '../time.ts';

/** So many are asked for at once, with their runs. */
const PAGE = 100;

interface Found {
  readonly schedules: readonly ScheduleView[];
  readonly runs: ReadonlyMap<string, readonly ScheduledJobView[]>;
  readonly next: string | null;
}

const FILTERS = [
  ['', 'All'],
  ['no', 'Active'],
  ['yes', 'Paused'],
] as const;

/** As many pages as are on show, one behind the other. */
const load = async (pages: number, paused: string | null, type: string | null, signal: AbortSignal): Promise<Found> => {
  const filter = { ...(paused && { paused: paused === 'yes' }), ...(type && { type }) };
  const schedules: ScheduleView[] = [];
  const runs = new Map<string, readonly ScheduledJobView[]>();
  let next: string | null = null;
  for (let i = 0; i < pages && (i === 0 || next !== null); i++) {
    const page: Awaited<ReturnType<typeof api.schedules.list>> = await api.schedules.list(
      { limit: PAGE, ...filter, ...(next !== null && { after: next }) },
      { signal },
    );
    next = page.next;
    schedules.push(...page.schedules);
    const ids = page.schedules.map(({ id }) => id);
    if (ids.length === 0) continue;
    for (const { id, jobs } of (await api.schedules.runs({ ids, limit: RUNS }, { signal })).schedules)
      runs.set(id, jobs);
  }
  return { schedules, runs, next };
};

export default function Schedules() {
  const paused = query.value.get('paused');
  const type = query.value.get('type');
  const [pages, setPages] = useState(1);
  const types = new Set<string>();
  const found = useResource(
    `schedules ${pages} ${paused} ${type}`,
    (signal) => load(pages, paused, type, signal),
    (frame) => frame.kind === 'changed' || (frame.kind === 'job' && types.has(frame.type)),
  );
  const data = found.data.value;
  for (const one of data?.schedules ?? []) types.add(one.type);
  const create = () => setQuery({ new: 'yes' }, { replace: false });
  const shut = () => setQuery({ new: null });
  useCommands([{ title: 'New schedule', group: 'Schedules', keys: 'a', when: () => may('admin'), run: create }]);
  const n = data?.schedules.length ?? 0;
  return (
    <Page
      title="Schedules"
      aside={data && n > 0 && <span class="quiet">{data.next ? `the first ${n}` : counted(n, 'schedule')}</span>}
      actions={
        may('admin') && (
          <Button primary keys="a" onClick={create}>
            New schedule
          </Button>
        )
      }
    >
      <Filters paused={paused} type={type} />
      <Loaded of={found} what="The schedules" skeleton={<Skeleton lines={9} />}>
        {(shown) =>
          shown.schedules.length === 0 ? (
            <None filtered={paused !== null || type !== null} create={create} />
          ) : (
            <List found={shown} reload={found.reload} more={() => setPages(pages + 1)} busy={found.loading.value} />
          )
        }
      </Loaded>
      {query.value.get('new') && may('admin') && (
        <ScheduleDialog
          onClose={shut}
          onDone={async ({ id }) => navigate(`/schedules/${encodeURIComponent(id)}`, { replace: true })}
        />
      )}
    </Page>
  );
}

const Filters = ({ paused, type }: { readonly paused: string | null; readonly type: string | null }) => (
  <nav class="row filters" aria-label="Which schedules">
    {FILTERS.map(([value, text]) => (
      <button
        key={value}
        type="button"
        class="button small"
        aria-pressed={(paused ?? '') === value}
        onClick={() => setQuery({ paused: value }, { replace: false })}
      >
        {text}
      </button>
    ))}
    {type && (
      <button type="button" class="button small" onClick={() => setQuery({ type: null }, { replace: false })}>
        Only those of {type}: show all
      </button>
    )}
  </nav>
);

const None = ({ filtered, create }: { readonly filtered: boolean; readonly create: () => void }) =>
  filtered ? (
    <Empty title="No schedule fits">
      <Button onClick={() => setQuery({ paused: null, type: null }, { replace: false })}>Show all</Button>
    </Empty>
  ) : (
    <Empty title="No schedules yet">
      <p>A schedule starts jobs: at the times of a cron expression, at a fixed rate, or once.</p>
      <pre
        class="block"
        tabIndex={0}
      >{`npx backline schedules add nightly --type TYPE --cron '30 2 * * *' --tz Europe/Berlin`}</pre>
      {may('admin') && (
        <Button primary onClick={create}>
          Make the first one
        </Button>
      )}
    </Empty>
  );

interface ListProps {
  readonly found: Found;
  readonly reload: () => Promise<void>;
  readonly more: () => void;
  readonly busy: boolean;
}

const List = ({ found: { schedules, runs, next }, reload, more, busy }: ListProps) => (
  <>
    <ul class="schedules card" aria-label="Schedules">
      {schedules.map((schedule) => (
        <Line key={schedule.id} schedule={schedule} jobs={runs.get(schedule.id) ?? []} reload={reload} />
      ))}
    </ul>
    {next !== null && (
      <p>
        <Button onClick={more} disabled={busy}>
          Show {PAGE} more
        </Button>
      </p>
    )}
  </>
);

interface LineProps {
  readonly schedule: ScheduleView;
  readonly jobs: readonly ScheduledJobView[];
  readonly reload: () => Promise<void>;
}

const Line = ({ schedule, jobs, reload }: LineProps) => {
  const { id, type, words } = schedule;
  return (
    <li class="schedule">
      <div class="what">
        <h2>
          <a href={href(`/schedules/${encodeURIComponent(id)}`)}>{id}</a>
        </h2>
        <p>
          {words} <span class="quiet">· {type}</span>
        </p>
      </div>
      <Next schedule={schedule} />
      <div class="ran">
        {jobs.length > 0 ? <Strip jobs={jobs} /> : <span class="quiet">has not run</span>}
        <Last job={jobs[0]} />
      </div>
      <div class="acts">
        <ScheduleActions schedule={schedule} onDone={reload} small />
      </div>
    </li>
  );
};

/** Whether it runs, and when next: by its own clocks, and by those of whoever looks where these differ. */
const Next = ({ schedule }: { readonly schedule: ScheduleView }) => {
  const { nextAt, pause, problem } = schedule;
  const { word, tone } = standing(schedule);
  const zone = zoneOf(schedule);
  const own = ownZone();
  const there = nextAt && zone && zone !== own ? inZone(nextAt, zone) : null;
  return (
    <div class="next">
      <p>
        <span class={`state ${tone}`}>{word}</span>{' '}
        {nextAt && (
          <>
            next <Time at={nextAt} />
          </>
        )}
        {pause?.until && (
          <>
            until <Time at={pause.until} />
          </>
        )}
      </p>
      {there && (
        <p class="quiet">
          {there} {zone}
        </p>
      )}
      {nextAt && (
        <p class="quiet">
          {inZone(nextAt, own)} {own === 'UTC' ? 'UTC' : `here${there ? '' : ` (${own})`}`}
        </p>
      )}
      {pause && <p class="quiet">{pause.reason ?? (pause.actor ? `by ${pause.actor}` : '')}</p>}
      {problem && <p class="complaint">{problem}</p>}
    </div>
  );
};

const Last = ({ job }: { readonly job: ScheduledJobView | undefined }) =>
  job ? (
    <p>
      <a href={href(`/jobs/${encodeURIComponent(job.id)}`)} class={`state s-${job.shown}`}>
        {job.shown}
      </a>{' '}
      <span class="quiet">
        <Time at={job.completedAt ?? job.startedAt ?? job.createdAt} />
      </span>
    </p>
  ) : null;
