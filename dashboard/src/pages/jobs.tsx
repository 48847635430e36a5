/** All jobs: one search, one list, one of them beside it, and whatever is to be done to those that were found. */
import { useSignal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import { api } from '../api.ts';
import { copy, shellText } from '../clipboard.ts';
import { useCommands } from '../commands.ts';
import { isWide, onFrames } from '../live.ts';
import { BulkDialog, type Which } from '../parts/bulk-dialog.tsx';
import { Button } from '../parts/button.tsx';
import { Histogram } from '../parts/histogram.tsx';
import { JobList, lengthText } from '../parts/job-list.tsx';
import { NoJobs } from '../parts/no-jobs.tsx';
import { Page } from '../parts/page.tsx';
import { Peek } from '../parts/peek.tsx';
import { QueryBox } from '../parts/query-box.tsx';
import { Status } from '../parts/status.tsx';
import { Skeleton, TroubleView } from '../parts/views.tsx';
import { useResource, whenTold } from '../resource.ts';
import { href, navigate, query, setQuery } from '../router.ts';
import { JobRows, type Source } from '../rows.ts';
import { may } from '../session.ts';
import { count, counted } from '../time.ts';
import { toast, toastTrouble } from '../toasts.ts';
import { textOf, withWord, wordsOf } from '../where.ts';

export default function Jobs() {
  const q = query.value.get('q') ?? '';
  const rows = useRows(q);
  const bulk = useSignal<Which | null>(null);
  const known = useKnown();
  const trouble = rows.trouble.value;
  void rows.version.value;
  const all = () => {
    bulk.value = { q };
  };
  useCommands([
    { title: 'Do to all of them …', group: 'Jobs', keys: 'b', when: () => rows.length > 0 && may('operate'), run: all },
    { title: 'Copy this search as a command', group: 'Jobs', run: () => void copy(commandOf(q), 'The command') },
  ]);
  const isComplaint = trouble?.code === 'BAD_WHERE' || trouble?.code === 'INVALID_OPTION';
  const some = rows.ready.value && rows.length > 0;
  return (
    <Page
      title={q ? `Jobs: ${q}` : 'Jobs'}
      heading="Jobs"
      fixed
      aside={some && <span class="quiet">{lengthText(rows)}</span>}
      actions={some && may('operate') && <Button onClick={all}>Do to all of them …</Button>}
    >
      <QueryBox
        value={q}
        onChange={(next) => setQuery({ q: next, peek: null }, { replace: false })}
        known={known.words}
        complaint={isComplaint ? `${trouble.message} ${trouble.next ?? ''}` : null}
      />
      <States q={q} counts={known.counts} />
      {some && <Histogram q={q} />}
      {trouble && !isComplaint && (
        <TroubleView trouble={trouble} what="The jobs" retry={() => rows.reload()} kept={rows.ready.value} />
      )}
      <Found key={q} q={q} rows={rows} onBulk={(which) => (bulk.value = which)} />
      {bulk.value && <BulkDialog which={bulk.value} onClose={() => (bulk.value = null)} />}
    </Page>
  );
}

interface FoundProps {
  readonly q: string;
  readonly rows: JobRows;
  readonly onBulk: (which: Which) => void;
}

/** The list, what was chosen of it, and the job beside it. */
const Found = ({ q, rows, onBulk }: FoundProps) => {
  const peek = query.value.get('peek');
  const active = useSignal<string | null>(peek);
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const show = (id: string | null) => setQuery({ peek: id });
  const choose = (id: string) => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  const move = (id: string) => {
    active.value = id;
    if (peek !== null) show(id);
  };
  const title = 'Close what is beside the list';
  useCommands([{ title, group: 'Jobs', keys: 'Escape', when: () => peek !== null, run: () => show(null) }]);
  useQuickActions(rows, active.value, peek !== null);
  const ready = rows.ready.value;
  const trouble = rows.trouble.value;
  return (
    <div class={peek ? 'beside' : 'beside alone'}>
      <div class="list-frame card" hidden={trouble !== null && !ready}>
        <Fresh rows={rows} />
        {ready && rows.length === 0 && <NoJobs q={q} />}
        {ready && rows.length > 0 && (
          <JobList
            rows={rows}
            chosen={chosen.value}
            onChoose={choose}
            active={active.value}
            onActive={move}
            onOpen={(id) => navigate(`/jobs/${encodeURIComponent(id)}`)}
            onPeek={show}
          />
        )}
        {!ready && !trouble && <Skeleton lines={12} />}
        {chosen.value.size > 0 && (
          <Chosen ids={[...chosen.value]} onAct={(ids) => onBulk({ ids })} onClear={() => (chosen.value = new Set())} />
        )}
      </div>
      {peek && <Peek key={peek} id={peek} onClose={() => show(null)} />}
    </div>
  );
};

/** What is done most is a key away, also without looking at the job. */
const useQuickActions = (rows: JobRows, id: string | null, peeking: boolean): void => {
  const row = id === null ? undefined : rows.at(rows.indexOf(id));
  const act = (verb: 'retry' | 'cancel', done: string) => ({
    keys: verb[0]!,
    group: 'Jobs',
    when: () => !peeking && row?.allowed.includes(verb) === true,
    run: async () => {
      try {
        rows.put([await api.jobs[verb]({ id: row!.id })]);
        toast(`${row!.type}: ${done}`);
      } catch (error) {
        toastTrouble(`${row!.type} stays as it is`, error);
      }
    },
  });
  useCommands([
    { title: 'Retry the job of this line', ...act('retry', 'it runs again.') },
    { title: 'Cancel the job of this line', ...act('cancel', 'it was cancelled, or asked to stop.') },
  ]);
};

const commandOf = (q: string): string => (q ? `backline jobs ls --where ${shellText(q)}` : 'backline jobs ls');

const SERVER: Source = {
  list: (asked, signal) => api.jobs.list(asked, { signal }),
  count: async (q, signal) => (await api.jobs.count(q ? { q } : {}, { signal })).count,
};

/** The list of a search, kept up to date for as long as it is shown. */
const useRows = (q: string): JobRows => {
  const rows = useMemo(() => new JobRows(q, SERVER), [q]);
  useEffect(() => {
    void rows.reload();
    let touched = new Set<string>();
    const note = onFrames((frames) => {
      for (const frame of frames) if (frame.kind === 'job') touched.add(frame.jobId);
    });
    const end = whenTold(
      (frame) => isWide(frame) || frame.kind === 'job',
      async () => {
        const all = touched.size === 0;
        // What is on the screen, and of that only what something was said of, if anything was.
        const seen = [...document.querySelectorAll('.list [role="row"][id^="job-"]')].map(({ id }) => id.slice(4));
        const ids = seen.filter((id) => all || touched.has(id));
        touched = new Set();
        await Promise.all([rows.refresh(ids), rows.look()]);
      },
    );
    return () => {
      note();
      end();
      rows.end();
    };
  }, [rows]);
  return rows;
};

/** Names that the server knows, as suggestions; the search works without them, too. */
const useKnown = () => {
  const names = useResource('names', async (signal) => {
    const [{ queues }, { byType, byStatus }] = await Promise.all([
      api.queues.list(undefined, { signal }),
      api.stats.get(undefined, { signal }),
    ]);
    return { queue: queues.map(({ name }) => name), type: Object.keys(byType).sort(), counts: byStatus };
  });
  const { counts = null, ...words } = names.data.value ?? {};
  return { counts, words };
};

interface StatesProps {
  readonly q: string;
  readonly counts: Readonly<Record<string, number>> | null;
}

/** How many jobs are in which state, over all: each leads to those of the search that are. */
const States = ({ q, counts }: StatesProps) => (
  <nav class="states" aria-label="States">
    {Object.entries(counts ?? {}).map(([state, n]) => {
      const word = wordsOf(q).find(({ key }) => key === 'status');
      const here = word?.value === state;
      const to = here ? textOf(wordsOf(q).filter((one) => one !== word)) : withWord(q, 'status', state);
      return (
        <a
          key={state}
          href={href(`/jobs${to && `?q=${encodeURIComponent(to)}`}`)}
          aria-current={here ? 'true' : undefined}
        >
          <Status state={state} /> {count(n)}
        </a>
      );
    })}
  </nav>
);

/** Jobs that came in while one looked: they are shown when that is asked for. */
const Fresh = ({ rows }: { readonly rows: JobRows }) => {
  const n = rows.fresh.value.length;
  if (n === 0) return null;
  return (
    <button type="button" class="button small fresh" onClick={() => void rows.takeFresh()}>
      {n >= 100 ? 'More than 100' : n} new
    </button>
  );
};

interface ChosenProps {
  readonly ids: readonly string[];
  readonly onAct: (ids: readonly string[]) => void;
  readonly onClear: () => void;
}

const Chosen = ({ ids, onAct, onClear }: ChosenProps) => (
  <div class="chosen" role="status">
    <strong>{counted(ids.length, 'job')} chosen</strong>
    {may('operate') && (
      <Button small primary onClick={() => onAct(ids)}>
        Do to them …
      </Button>
    )}
    <Button small onClick={() => void copy(ids.join('\n'), 'The ids')}>
      Copy ids
    </Button>
    <Button small onClick={onClear}>
      None
    </Button>
  </div>
);
