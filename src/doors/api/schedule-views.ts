/** Schedules as the API answers them: times become ISO text, and each says what may be done to it. */
import type { Client } from '../../engine/client.ts';
import type { Job } from '../../job/job.ts';
import { shownStatus } from '../../job/states.ts';
import type { ExplainedRun, Explanation } from '../../schedule/explain.ts';
import type { HistoryEntry } from '../../schedule/record.ts';
import type { Trigger } from '../../schedule/schedule.ts';
import { type Caller, permits } from './access.ts';
import { ROUTES } from './routes.ts';
import {
  type HistoryEntryView,
  type NextRunsView,
  SCHEDULE_ACTIONS,
  type ScheduleAction,
  type ScheduledJobView,
  type ScheduleView,
} from './schedule-shapes.ts';
import { iso, isoOrNull } from './views.ts';

type ScheduleInfo = Awaited<ReturnType<Client['schedules']['add']>>;

export const scheduleView = (schedule: ScheduleInfo, caller: Caller): ScheduleView => ({
  ...schedule,
  // What is stored has been checked: a window is milliseconds.
  missed: schedule.missed as ScheduleView['missed'],
  trigger: triggerView(schedule.trigger),
  allowed: allowedOf(schedule).filter((action) => permits(caller, ROUTES.schedules[action].scope)),
  pause: schedule.pause && { ...schedule.pause, at: iso(schedule.pause.at), until: isoOrNull(schedule.pause.until) },
  nextSlot: isoOrNull(schedule.nextSlot),
  nextAt: isoOrNull(schedule.nextAt),
  lastSlot: isoOrNull(schedule.lastSlot),
  lastFiredAt: isoOrNull(schedule.lastFiredAt),
  createdAt: iso(schedule.createdAt),
  updatedAt: iso(schedule.updatedAt),
});

const allowedOf = ({ pause }: ScheduleInfo): ScheduleAction[] =>
  SCHEDULE_ACTIONS.filter((action) => action !== (pause ? 'pause' : 'resume'));

const triggerView = (trigger: Trigger): ScheduleView['trigger'] => {
  if (trigger.kind === 'interval') return { ...trigger, firstAt: iso(trigger.firstAt) };
  return trigger.kind === 'once' ? { ...trigger, at: iso(trigger.at) } : trigger;
};

export const scheduledJobView = (job: Job, now: number): ScheduledJobView => ({
  ...{ id: job.id, slotAt: isoOrNull(job.slotAt), status: job.status, shown: shownStatus(job, now) },
  ...{ createdAt: iso(job.createdAt), startedAt: isoOrNull(job.startedAt), completedAt: isoOrNull(job.completedAt) },
  byHand: job.userInitiated,
});

const runView = ({ at, local, note }: ExplainedRun) => ({ at: iso(at.getTime()), local, note });

export const nextRunsView = ({ words, timeZone, runs, clockChanges }: Explanation): NextRunsView => ({
  ...{ words, timeZone, runs: runs.map(runView) },
  clockChanges: clockChanges.map(({ at, runs, ...change }) => ({
    ...{ at: iso(at.getTime()), ...change, runs: runs.map(runView) },
  })),
});

export const historyEntryView = ({ at, slotAt, lastSlotAt, ...entry }: HistoryEntry): HistoryEntryView => ({
  ...entry,
  at: iso(at),
  slotAt: isoOrNull(slotAt),
  lastSlotAt: isoOrNull(lastSlotAt),
});
