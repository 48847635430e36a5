/** Schedules of a service elsewhere, as commands see them. By whom, the service knows itself. */
import { checkInstant } from '../../job/check.ts';
import type { Explanation } from '../../schedule/explain.ts';
import type { HistoryEntry } from '../../schedule/record.ts';
import type { Instant, Trigger } from '../../schedule/schedule.ts';
import type { ApiClient } from '../api/http-client.ts';
import type { HistoryEntryView, NextRunsView, ScheduleView } from '../api/schedule-shapes.ts';
import type { Desk, ScheduleInfo } from './desk.ts';
import { orIf } from './refusals.ts';

const MISSING = ['SCHEDULE_NOT_FOUND'];

export const schedulesOf = ({ schedules: api }: ApiClient): Desk['schedules'] => {
  const desk: Desk['schedules'] = {
    from: () => desk,
    add: async (request) => infoOf(await api.add({ ...request, ...timesOf(request) } as never)),
    update: async (id, changes, { version } = {}) =>
      infoOf(await api.update({ id, version, ...changes, ...timesOf(changes) } as never)),
    remove: (id, { version } = {}) => orIf(MISSING, false, async () => (await api.remove({ id, version })).removed),
    pause: async (id, { version, reason, until } = {}) =>
      infoOf(await api.pause({ id, version, reason, until: until === undefined ? undefined : iso(until) })),
    resume: async (id, { version } = {}) => infoOf(await api.resume({ id, version })),
    run: (id) => api.run({ id }),
    get: (id) => orIf(MISSING, null, async () => infoOf(await api.get({ id }))),
    list: async (query = {}) => {
      const { schedules, next } = await api.list(query);
      return { schedules: schedules.map(infoOf), next };
    },
    history: async (id, query = {}) => {
      const { entries, next } = await api.history({ id, ...query });
      return { entries: entries.map(entryOf), next };
    },
    next: async (id, options = {}) => explanationOf(await api.next({ id, ...options })),
  };
  return desk;
};

// --- from here to there ---

const iso = (at: Instant): string => new Date(checkInstant(at, 'time')).toISOString();

/** Text is read over there, where its zone is known. */
const timesOf = (given: object) => {
  const { at, start } = given as Partial<Record<'at' | 'start', Instant>>;
  const text = (time: Instant) => (typeof time === 'string' ? time : iso(time));
  return { ...(at !== undefined && { at: text(at) }), ...(start !== undefined && { start: text(start) }) };
};

// --- and back ---

const ms = (at: string): number => Date.parse(at);
const msOrNull = (at: string | null): number | null => (at === null ? null : ms(at));

const infoOf = ({ allowed: _, trigger, pause, ...schedule }: ScheduleView): ScheduleInfo => ({
  ...schedule,
  trigger: triggerOf(trigger),
  pause: pause && { ...pause, at: ms(pause.at), until: msOrNull(pause.until) },
  nextSlot: msOrNull(schedule.nextSlot),
  nextAt: msOrNull(schedule.nextAt),
  lastSlot: msOrNull(schedule.lastSlot),
  lastFiredAt: msOrNull(schedule.lastFiredAt),
  createdAt: ms(schedule.createdAt),
  updatedAt: ms(schedule.updatedAt),
});

const triggerOf = (trigger: ScheduleView['trigger']): Trigger => {
  if (trigger.kind === 'interval') return { ...trigger, firstAt: ms(trigger.firstAt) } as Trigger;
  return trigger.kind === 'once' ? { ...trigger, at: ms(trigger.at) } : (trigger as Trigger);
};

const entryOf = ({ at, slotAt, lastSlotAt, ...entry }: HistoryEntryView): HistoryEntry =>
  ({ ...entry, at: ms(at), slotAt: msOrNull(slotAt), lastSlotAt: msOrNull(lastSlotAt) }) as HistoryEntry;

type RunView = NextRunsView['runs'][number];
const runOf = ({ at, ...run }: RunView) => ({ ...run, at: new Date(at) });

const explanationOf = ({ runs, clockChanges, ...rest }: NextRunsView): Explanation => ({
  ...{ ...rest, runs: runs.map(runOf) },
  clockChanges: clockChanges.map(({ at, runs, ...change }) => ({
    ...{ ...change, at: new Date(at), runs: runs.map(runOf) },
  })),
});
