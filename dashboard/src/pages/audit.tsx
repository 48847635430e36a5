/** Who changed what, through which door: newest first, page by page, found by who, what, where and when. */
import { useEffect, useState } from 'preact/hooks';
import { api } from '../api.ts';
import { Button } from '../parts/button.tsx';
import { Field } from '../parts/field.tsx';
import { JsonBlock } from '../parts/json.tsx';
import { Page } from '../parts/page.tsx';
import { Time } from '../parts/time.tsx';
import { Empty, Loaded, Skeleton } from '../parts/views.tsx';
import { useResource } from '../resource.ts';
import { href, query, setQuery } from '../router.ts';
import { counted, full } from '../time.ts';
import { toastTrouble } from '../toasts.ts';

type AuditPage = Awaited<ReturnType<typeof api.audit.list>>;
type Line = AuditPage['lines'][number];

const PAGE = 100;
const NAMES = ['actor', 'action', 'target', 'door'] as const;
type Filter = Partial<Record<(typeof NAMES)[number] | 'since' | 'until', string>>;

const SINCE = [
  ['', 'ever'],
  ['1', 'the last hour'],
  ['24', 'the last day'],
  ['168', 'the last week'],
] as const;

/** What the address says. `since` is hours there, so that it means the same tomorrow. */
const filterOf = (): Filter => {
  const found = NAMES.flatMap((name) => {
    const value = query.value.get(name);
    return value ? [[name, value] as const] : [];
  });
  const hours = Number(query.value.get('since'));
  const since = hours > 0 ? { since: new Date(Date.now() - hours * 3_600_000).toISOString() } : {};
  return { ...Object.fromEntries(found), ...since };
};

export default function Audit() {
  const key = [...NAMES, 'since'].map((name) => query.value.get(name) ?? '').join('\n');
  const first = useResource(`audit ${key}`, (signal) => api.audit.list({ ...filterOf(), limit: PAGE }, { signal }));
  return (
    <Page title="Audit">
      <Filters key={key} />
      <Loaded of={first} what="The audit" skeleton={<Skeleton lines={10} />}>
        {(page) => (page.lines.length === 0 ? <None filtered={key.trim() !== ''} /> : <Lines key={key} first={page} />)}
      </Loaded>
    </Page>
  );
}

const None = ({ filtered }: { readonly filtered: boolean }) =>
  filtered ? (
    <Empty title="Nothing fits">
      <Button onClick={forget}>Show all</Button>
    </Empty>
  ) : (
    <Empty title="Nothing was changed yet">
      <p>Every change through the API, these pages, the command line and the queue's endpoints is written down here.</p>
    </Empty>
  );

const forget = (): void =>
  setQuery(Object.fromEntries([...NAMES, 'since'].map((name) => [name, null])), { replace: false });

/** Typed words hold when one leaves the field, or presses Enter. */
const Filters = () => {
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>(
    Object.fromEntries(NAMES.map((name) => [name, query.value.get(name) ?? ''])),
  );
  const apply = () =>
    setQuery(Object.fromEntries(NAMES.map((name) => [name, typed[name]?.trim() || null])), { replace: false });
  const field = (name: string) => ({
    value: typed[name] ?? '',
    onInput: (text: string) => setTyped({ ...typed, [name]: text }),
  });
  return (
    <form
      class="audit-filters card"
      aria-label="Which lines"
      onSubmit={(event) => {
        event.preventDefault();
        apply();
      }}
    >
      <Field label="Who" {...field('actor')} placeholder="ada (…)" />
      <Field label="What" {...field('action')} placeholder="jobs.cancel" />
      <Field label="To what" {...field('target')} placeholder="id or name" />
      <Field label="Through" {...field('door')} offers={DOORS} placeholder="http, cli, ipc …" />
      <Field
        label="Since"
        value={query.value.get('since') ?? ''}
        onInput={(hours) => setQuery({ since: hours || null }, { replace: false })}
        choices={SINCE}
      />
      <button type="submit" class="button">
        Find
      </button>
    </form>
  );
};

const DOORS = ['http', 'cli', 'ipc', 'queue'];

const Lines = ({ first }: { readonly first: AuditPage }) => {
  const [more, setMore] = useState<AuditPage | null>(null);
  // The first page came anew: what stands behind it is asked for again when it is wanted.
  useEffect(() => setMore(null), [first.lines[0]?.n]);
  const lines = [...first.lines, ...(more?.lines ?? [])];
  const next = more ? more.next : first.next;
  const load = async () => {
    try {
      const page = await api.audit.list({ ...filterOf(), limit: PAGE, after: next! });
      setMore({ lines: [...(more?.lines ?? []), ...page.lines], next: page.next });
    } catch (error) {
      toastTrouble('The lines before these could not be loaded', error);
    }
  };
  return (
    <>
      <ol class="audit card" aria-label="What was changed">
        {lines.map((line) => (
          <One key={line.n} line={line} />
        ))}
      </ol>
      {next !== null && (
        <p>
          <Button onClick={load}>Show earlier ones</Button>
        </p>
      )}
    </>
  );
};

const One = ({ line: { at, actor, door, action, target, count, filter, detail } }: { readonly line: Line }) => {
  const to = target === null ? null : placeOf(action, target);
  const more = { ...(filter !== null && { filter }), ...(detail !== null && { detail }) };
  return (
    <li>
      <span class="when">
        <time dateTime={at}>{full(at)}</time>
        <span class="quiet">
          <Time at={at} />
        </span>
      </span>
      <span>
        <a href={href(`/audit?actor=${encodeURIComponent(actor)}`)}>{actor}</a>{' '}
        <span class="quiet">through {door}</span>
      </span>
      <span>
        <strong>{action}</strong>
        {target !== null && <> {to ? <a href={href(to)}>{target}</a> : <code>{target}</code>}</>}
        {count !== null && (count !== 1 || target === null) && <span class="quiet"> {counted(count, 'job')}</span>}
        {Object.keys(more).length > 0 && (
          <details>
            <summary>What was said</summary>
            <JsonBlock value={more} what={`What was said with ${action}`} />
          </details>
        )}
      </span>
    </li>
  );
};

/** The page of what was changed. */
const placeOf = (action: string, target: string): string | null => {
  const [group = ''] = action.split('.');
  const path = { jobs: '/jobs', batches: '/jobs', queues: '/queues', schedules: '/schedules' }[group];
  if (path) return `${path}/${encodeURIComponent(target)}`;
  return group === 'uploads' ? `/upload?id=${encodeURIComponent(target)}` : null;
};
