/** What happened to a schedule, newest first: runs, slots without one, and what people changed. */
import { useState } from 'preact/hooks';
import type { HistoryEntryView } from '../../../src/client.ts';
import { api } from '../api.ts';
import type { Frame } from '../live.ts';
import { useResource } from '../resource.ts';
import { href } from '../router.ts';
import { count, full } from '../time.ts';
import { Button } from './button.tsx';
import { Card } from './card.tsx';
import { Time } from './time.tsx';
import { Loaded } from './views.tsx';

const PAGE = 20;

/** Kind → how it reads, and the shape that it has. */
const KINDS: Readonly<Record<HistoryEntryView['kind'], readonly [text: string, tone: string]>> = {
  added: ['made', 's-created'],
  updated: ['changed', 's-created'],
  paused: ['paused', 's-paused'],
  resumed: ['resumed', 's-running'],
  removed: ['removed', 's-cancelled'],
  fired: ['ran', 's-completed'],
  ran: ['ran by hand', 's-completed'],
  missed: ['missed', 's-retrying'],
  skipped: ['left out', 's-cancelled'],
  ended: ['has ended', 's-created'],
  retimed: ['moved', 's-scheduled'],
  problem: ['in trouble', 's-failed'],
  recovered: ['well again', 's-completed'],
};

/** Of what was made or changed, the reason is where. */
const SOURCES: Readonly<Record<string, string>> = {
  code: 'in code',
  cli: 'on the command line',
  api: 'through the API',
};

interface HistoryProps {
  readonly id: string;
  readonly concerns?: (frame: Frame) => boolean;
  /** Nothing is said where there is nothing. */
  readonly quiet?: boolean;
}

export const ScheduleHistory = ({ id, concerns, quiet = false }: HistoryProps) => {
  const [limit, setLimit] = useState(PAGE);
  const history = useResource(
    `history ${id} ${limit}`,
    (signal) => api.schedules.history({ id, limit }, { signal }),
    concerns,
  );
  const known = history.data.value;
  if (quiet && (!known || known.entries.length === 0)) return null;
  return (
    <Card title="History" class="last">
      <Loaded of={history} what="Its history">
        {({ entries, next }) =>
          entries.length === 0 ? (
            <p class="quiet">Nothing has happened yet.</p>
          ) : (
            <>
              <ol class="history">
                {entries.map((entry) => (
                  <Entry key={`${entry.at} ${entry.kind} ${entry.slotAt}`} entry={entry} />
                ))}
              </ol>
              {next !== null && limit < 1000 && (
                <Button small onClick={() => setLimit(Math.min(1000, limit * 3))}>
                  Show more
                </Button>
              )}
            </>
          )
        }
      </Loaded>
    </Card>
  );
};

const Entry = ({ entry }: { readonly entry: HistoryEntryView }) => {
  const { at, kind, slotAt, lastSlotAt, count: n, jobId, actor, reason, changes } = entry;
  const [text, tone] = KINDS[kind];
  const many = lastSlotAt !== null && lastSlotAt !== slotAt;
  return (
    <li>
      <span class={`state ${tone}`}>
        {text}
        {n > 1 && ` ${count(n)} times`}
      </span>
      <span>
        {slotAt && (
          <>
            {kind === 'ran' ? '' : many ? 'slots from ' : 'slot '}
            {kind === 'ran' ? '' : full(slotAt)}
            {many && ` to ${full(lastSlotAt)}`}{' '}
          </>
        )}
        {jobId && (
          <a href={href(`/jobs/${encodeURIComponent(jobId)}`)}>
            <code>{jobId}</code>
          </a>
        )}
        {reason && <span> {SOURCES[reason] ?? reason}</span>}
        {actor && <span class="quiet"> by {actor}</span>}
        {changes && <Changes changes={changes} />}
      </span>
      <span class="quiet">
        <Time at={at} />
      </span>
    </li>
  );
};

const shown = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing'));

const Changes = ({ changes }: { readonly changes: NonNullable<HistoryEntryView['changes']> }) => (
  <ul class="differences">
    {Object.entries(changes).map(([name, { from, to }]) => (
      <li key={name}>
        <strong>{name}</strong>: <del>{shown(from)}</del> → <ins>{shown(to)}</ins>
      </li>
    ))}
  </ul>
);
