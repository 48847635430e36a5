/** One schedule, as commands show it. */
import type { HistoryEntry } from '../../schedule/record.ts';
import type { ScheduleInfo } from './desk.ts';
import { clean, count, iso, type Output, span, time } from './print.ts';

export const textOf = (schedule: ScheduleInfo, out: Output): string => {
  const {
    id,
    type,
    words,
    version,
    source,
    missed,
    overlap,
    maxInstances,
    counts,
    lastFiredAt,
    lastJobId,
    payload,
    job,
  } = schedule;
  const policy = typeof missed === 'object' ? `window of ${span(Number(missed.window))}` : missed;
  return [
    `${out.paint('bold', clean(id))}  starts ${clean(type)} in ${clean(job.queue)}`,
    `  ${words}`,
    `  next run    ${stateOf(schedule)}`,
    `  last run    ${lastFiredAt === null ? 'none yet' : `${time(lastFiredAt)}  ${lastJobId}`}`,
    `  so far      ${count(counts.fired, 'run')}, ${counts.byHand} by hand, ${counts.missed} missed, ${counts.skipped} skipped`,
    `  rules       missed ${policy}, overlap ${overlap}, at most ${count(maxInstances, 'unfinished job')}`,
    `  payload     ${clean(JSON.stringify(payload))}`,
    `  version     ${version}, from ${source}`,
  ].join('\n');
};

export const stateOf = ({ pause, problem, nextAt }: ScheduleInfo): string => {
  if (pause)
    return `‖ paused${pause.until === null ? '' : ` until ${time(pause.until)}`}${pause.reason === null ? '' : `: ${clean(pause.reason)}`}`;
  if (problem !== null) return `✗ ${clean(problem)}`;
  return nextAt === null ? '✓ ended' : time(nextAt);
};

/** Times are ISO 8601 in UTC. */
export const recordOf = ({
  pause,
  nextSlot,
  nextAt,
  lastSlot,
  lastFiredAt,
  createdAt,
  updatedAt,
  ...schedule
}: ScheduleInfo) => ({
  ...schedule,
  pause: pause && { ...pause, at: iso(pause.at), until: iso(pause.until) },
  nextSlot: iso(nextSlot),
  nextAt: iso(nextAt),
  lastSlot: iso(lastSlot),
  lastFiredAt: iso(lastFiredAt),
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});

export const entryRow = ({ at, kind, slotAt, lastSlotAt, count: n, jobId, actor, reason, changes }: HistoryEntry) => ({
  at: time(at),
  what: n > 1 ? `${kind} ${n}` : kind,
  slot: slotAt === null ? '' : n > 1 && lastSlotAt !== null ? `${time(slotAt)} … ${time(lastSlotAt)}` : time(slotAt),
  job: jobId ?? '',
  by: clean(actor ?? ''),
  why: clean([reason, changes && Object.keys(changes).join(', ')].filter((part) => part !== null).join(': ')),
});

export const entryRecord = ({ at, slotAt, lastSlotAt, ...entry }: HistoryEntry) => ({
  at: iso(at),
  ...entry,
  slotAt: iso(slotAt),
  lastSlotAt: iso(lastSlotAt),
});
