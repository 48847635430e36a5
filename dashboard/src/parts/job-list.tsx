/**
 * The list of jobs: as many lines as fit are there, whatever its length. One stop of the Tab key; arrows move within. What one looks at
 * stays where it is: jobs change in their place, and new ones wait.
 */
import { useSignal } from '@preact/signals';
import { useEffect, useLayoutEffect, useMemo, useRef } from 'preact/hooks';
import { useCommands } from '../commands.ts';
import { href } from '../router.ts';
import type { JobRow, JobRows } from '../rows.ts';
import { Scroll } from '../scroll.ts';
import { density } from '../settings.ts';
import { ago, count, full, now, span } from '../time.ts';
import { stateClass } from './status.tsx';

/** A drag of the bar passes many places; the one it rests on is loaded. */
const REST_MS = 80;
const NARROW = matchMedia('(max-width: 47.99rem)');
const COLUMNS = ['State', 'Job', 'Queue', 'Tries', 'Made', 'Took', 'What it says'] as const;

export interface JobListProps {
  readonly rows: JobRows;
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: (id: string) => void;
  /** The line the keys are about. */
  readonly active: string | null;
  readonly onActive: (id: string) => void;
  readonly onOpen: (id: string) => void;
  readonly onPeek: (id: string) => void;
}

export const JobList = (props: JobListProps) => {
  const { rows, chosen, active } = props;
  const list = useRef<HTMLDivElement>(null);
  const { scroll, onScroll, goTo } = useScroll(rows, list);
  const lines: (readonly [number, JobRow | undefined])[] = [];
  for (let i = scroll.first; i <= scroll.last; i++) lines.push([i, rows.at(i)]);
  const move = (by: number) => {
    const from = active === null ? -1 : rows.indexOf(active);
    const to = Math.max(0, Math.min(scroll.length - 1, from < 0 ? scroll.first + 1 : from + by));
    goTo(to);
    const row = rows.at(to);
    if (row) props.onActive(row.id);
  };
  useListKeys(props, move, scroll.fits);
  const shownActive = active !== null && lines.some(([, row]) => row?.id === active);
  return (
    // The scroll bar belongs to the lines, and the names of the columns stay above them.
    <div
      class="list"
      ref={list}
      role="grid"
      aria-label="Jobs"
      aria-rowcount={rows.exact ? rows.length + 1 : -1}
      aria-multiselectable="true"
      aria-activedescendant={shownActive ? `job-${active}` : undefined}
      tabIndex={0}
      onScroll={onScroll}
      onKeyDown={(event) => onArrow(event, move, scroll)}
    >
      <div role="rowgroup" class="list-head">
        <div role="row" aria-rowindex={1}>
          <span role="columnheader" class="tick">
            <span class="unseen">Chosen</span>
          </span>
          {COLUMNS.map((name) => (
            <span role="columnheader" key={name}>
              {name}
            </span>
          ))}
        </div>
      </div>
      <div role="rowgroup" class="rows" style={{ height: `${scroll.height}px` }}>
        {lines.map(([index, row]) => (
          <Line
            key={index}
            {...{ index, row, props }}
            top={scroll.topOf(index)}
            active={row?.id === active}
            chosen={row !== undefined && chosen.has(row.id)}
          />
        ))}
      </div>
    </div>
  );
};

/** Keeps what is drawn, what is loaded and where the bar stands together. */
const useScroll = (rows: JobRows, list: { readonly current: HTMLDivElement | null }) => {
  const drawn = useSignal(0);
  const scroll = useMemo(() => new Scroll(), [rows]);
  const resting = useRef<ReturnType<typeof setTimeout>>(undefined);
  const version = rows.version.value;
  void drawn.value;
  scroll.length = rows.ready.value ? rows.length : 0;
  scroll.lineHeight = NARROW.matches ? 60 : density.value === 'comfortable' ? 40 : 32;
  const draw = () => {
    drawn.value += 1;
  };
  const put = (barAt: number) => {
    if (list.current) list.current.scrollTop = barAt;
    draw();
  };
  const load = () => void rows.need(scroll.first, scroll.last);
  rows.onShift = (by) => {
    scroll.length = rows.length;
    put(scroll.to(scroll.offset + by * scroll.lineHeight));
  };
  useLayoutEffect(() => {
    const { current } = list;
    if (!current) return;
    const measure = () => {
      scroll.view = current.clientHeight - (current.firstElementChild?.clientHeight ?? 0);
      draw();
    };
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(current);
    NARROW.addEventListener('change', measure);
    return () => {
      watch.disconnect();
      NARROW.removeEventListener('change', measure);
    };
  }, [scroll]);
  useEffect(load, [version, scroll]);
  const onScroll = () => {
    scroll.moved(list.current?.scrollTop ?? 0);
    draw();
    clearTimeout(resting.current);
    resting.current = setTimeout(load, rows.at(scroll.first) && rows.at(scroll.last) ? 0 : REST_MS);
  };
  const goTo = (index: number) => {
    put(scroll.toShow(index));
    load();
  };
  return { scroll, onScroll, goTo };
};

const onArrow = (event: KeyboardEvent, move: (by: number) => void, { fits, length }: Scroll): void => {
  const by = { ArrowDown: 1, ArrowUp: -1, PageDown: fits, PageUp: -fits, End: length, Home: -length }[event.key];
  if (by === undefined || event.target !== event.currentTarget) return;
  event.preventDefault();
  move(by);
};

const useListKeys = ({ active, onChoose, onOpen, onPeek }: JobListProps, move: (by: number) => void, fits: number) => {
  const withActive = (act: (id: string) => void) => ({
    run: () => active !== null && act(active),
    when: () => active !== null,
  });
  const group = 'Jobs';
  useCommands([
    { title: 'Next job', group, keys: 'j', keyOnly: true, run: () => move(1) },
    { title: 'Job before', group, keys: 'k', keyOnly: true, run: () => move(-1) },
    { title: 'A page on', group, keys: 'J', keyOnly: true, run: () => move(fits) },
    { title: 'Choose it', group, keys: 'x', keyOnly: true, ...withActive(onChoose) },
    { title: 'Open it', group, keys: 'Enter', keyOnly: true, ...withActive(onOpen) },
    { title: 'Look at it beside the list', group, keys: 'Space', keyOnly: true, ...withActive(onPeek) },
  ]);
};

interface LineProps {
  readonly index: number;
  readonly row: JobRow | undefined;
  readonly top: number;
  readonly active: boolean;
  readonly chosen: boolean;
  readonly props: JobListProps;
}

/** One element per cell, so that a screen full of them stays small. */
const Line = ({ index, row, top, active, chosen, props }: LineProps) => {
  const place = { transform: `translateY(${top}px)` };
  if (!row)
    return (
      <div role="row" class="line missing" style={place} aria-rowindex={index + 2}>
        <span role="gridcell">…</span>
      </div>
    );
  const { id, type, queue, shown, attempts, maxAttempts, createdAt } = row;
  return (
    <div
      role="row"
      id={`job-${id}`}
      class={active ? 'line active' : 'line'}
      style={place}
      aria-rowindex={index + 2}
      aria-selected={chosen}
      onClick={(event) => {
        props.onActive(id);
        const target = event.target as Element;
        if (target.closest('.tick') || event.shiftKey) props.onChoose(id);
        else if (!target.closest('a')) props.onPeek(id);
      }}
    >
      <span role="gridcell" class="tick" title={chosen ? 'Chosen' : 'Choose'} />
      <span role="gridcell" class={stateClass(shown)}>
        {shown}
      </span>
      <span role="gridcell" class="name">
        <a href={href(`/jobs/${encodeURIComponent(id)}`)} tabIndex={-1} title={id}>
          {type}
        </a>
      </span>
      <span role="gridcell" class="in">
        {queue}
      </span>
      <span role="gridcell" class="tries">
        {attempts > 0 ? `${attempts}/${maxAttempts}` : ''}
      </span>
      <span role="gridcell" class="made" title={full(createdAt)}>
        {ago(createdAt, now.value)}
      </span>
      <span role="gridcell" class="took">
        {tookText(row, now.value)}
      </span>
      <span role="gridcell" class="says">
        {saysText(row, now.value)}
      </span>
    </div>
  );
};

const tookText = ({ startedAt, completedAt, shown, progress }: JobRow, at: number): string => {
  if (startedAt === null) return '';
  if (shown === 'running')
    return progress > 0 ? `${Math.round(progress)} %` : span(Math.max(0, at - Date.parse(startedAt)));
  return completedAt === null ? '' : span(Date.parse(completedAt) - Date.parse(startedAt));
};

const saysText = ({ error, note, shown, runAt }: JobRow, at: number): string => {
  const when = shown === 'scheduled' || shown === 'retrying' ? ago(runAt, at) : '';
  return [when, shown === 'completed' ? null : (error ?? note)].filter(Boolean).join(' · ').replace(/\s+/g, ' ');
};

/** How many there are, as exactly as is known. */
export const lengthText = (rows: JobRows): string =>
  rows.exact ? `${count(rows.length)} job${rows.length === 1 ? '' : 's'}` : `more than ${count(rows.length - 1)} jobs`;
