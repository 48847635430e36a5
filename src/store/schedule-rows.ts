/** Rows of schedules and of their history ↔ records, alike in both databases. */
import type { MissedPolicy } from '../schedule/missed.ts';
import {
  type HistoryEntry,
  type HistoryKind,
  isFrequent,
  type OverlapPolicy,
  type Schedule,
  type ScheduledJob,
  type ScheduleSource,
} from '../schedule/record.ts';
import type { Trigger } from '../schedule/schedule.ts';
import { number, numberOrNull, type Row, text, textOrNull, type Value } from './rows.ts';

/** All columns of job_schedules. */
export const SCHEDULE_COLUMNS: readonly string[] =
  `id type job timing missed overlap max_instances source build version registered paused_at paused_reason paused_by
  paused_until done_until next_slot next_at wake_at zone_data problem fired missed_slots skipped by_hand last_slot last_job_id
  last_fired_at created_at updated_at`.split(/\s+/);
/** Those that a run changes, so that a large payload is not written again. */
export const ADVANCED_COLUMNS: readonly string[] =
  `version paused_at paused_reason paused_by paused_until done_until next_slot next_at wake_at zone_data problem
  fired missed_slots skipped by_hand last_slot last_job_id last_fired_at updated_at`.split(/\s+/);

/** It is trimmed at every so many entries, not at each. */
const TRIM_EVERY = 64;
export const mustTrim = (before: number, after: number): boolean =>
  Math.floor(after / TRIM_EVERY) !== Math.floor(before / TRIM_EVERY);

/** Slots that are skipped one after the other for one reason are one entry: a job that runs for a day must not push out the rest. */
export const isOverlap = ({ kind, reason }: Pick<HistoryEntry, 'kind' | 'reason'>): boolean =>
  kind === 'skipped' && reason === 'overlap';

const json = <T>(value: Value | undefined): T => JSON.parse(text(value)) as T;

export const toSchedule = (row: Row): Schedule => ({
  id: text(row['id']),
  // Older rows know of no tenant.
  job: { tenant: null, ...json<Omit<ScheduledJob, 'tenant'>>(row['job']) },
  trigger: json<Trigger>(row['timing']),
  missed: json<MissedPolicy>(row['missed']),
  overlap: text(row['overlap']) as OverlapPolicy,
  maxInstances: number(row['max_instances']),
  source: text(row['source']) as ScheduleSource,
  build: row['build'] === null ? null : json<number | string>(row['build']),
  version: number(row['version']),
  registered: textOrNull(row['registered']),
  pause:
    row['paused_at'] === null
      ? null
      : {
          at: number(row['paused_at']),
          reason: textOrNull(row['paused_reason']),
          actor: textOrNull(row['paused_by']),
          until: numberOrNull(row['paused_until']),
        },
  after: number(row['done_until']),
  nextSlot: numberOrNull(row['next_slot']),
  nextAt: numberOrNull(row['next_at']),
  wakeAt: numberOrNull(row['wake_at']),
  zoneData: textOrNull(row['zone_data']),
  problem: textOrNull(row['problem']),
  counts: {
    fired: number(row['fired']),
    missed: number(row['missed_slots']),
    skipped: number(row['skipped']),
    byHand: number(row['by_hand']),
  },
  lastSlot: numberOrNull(row['last_slot']),
  lastJobId: textOrNull(row['last_job_id']),
  lastFiredAt: numberOrNull(row['last_fired_at']),
  createdAt: number(row['created_at']),
  updatedAt: number(row['updated_at']),
});

/** What both databases can bind. */
type PlainRow = Readonly<Record<string, string | number | null>>;

export const toScheduleRow = (schedule: Schedule): PlainRow => ({
  id: schedule.id,
  type: schedule.job.type,
  job: JSON.stringify(schedule.job),
  timing: JSON.stringify(schedule.trigger),
  missed: JSON.stringify(schedule.missed),
  overlap: schedule.overlap,
  max_instances: schedule.maxInstances,
  source: schedule.source,
  build: schedule.build === null ? null : JSON.stringify(schedule.build),
  version: schedule.version,
  registered: schedule.registered,
  paused_at: schedule.pause?.at ?? null,
  paused_reason: schedule.pause?.reason ?? null,
  paused_by: schedule.pause?.actor ?? null,
  paused_until: schedule.pause?.until ?? null,
  done_until: schedule.after,
  next_slot: schedule.nextSlot,
  next_at: schedule.nextAt,
  wake_at: schedule.wakeAt,
  zone_data: schedule.zoneData,
  problem: schedule.problem,
  fired: schedule.counts.fired,
  missed_slots: schedule.counts.missed,
  skipped: schedule.counts.skipped,
  by_hand: schedule.counts.byHand,
  last_slot: schedule.lastSlot,
  last_job_id: schedule.lastJobId,
  last_fired_at: schedule.lastFiredAt,
  created_at: schedule.createdAt,
  updated_at: schedule.updatedAt,
});

export const toEntry = (row: Row): HistoryEntry => ({
  at: number(row['at']),
  kind: text(row['kind']) as HistoryKind,
  slotAt: numberOrNull(row['slot_at']),
  lastSlotAt: numberOrNull(row['last_slot_at']),
  count: number(row['count']),
  jobId: textOrNull(row['job_id']),
  actor: textOrNull(row['actor']),
  reason: textOrNull(row['reason']),
  changes: row['changes'] === null ? null : json<NonNullable<HistoryEntry['changes']>>(row['changes']),
});

export const toEntryRow = (entry: HistoryEntry): PlainRow => ({
  at: entry.at,
  kind: entry.kind,
  seldom: isFrequent(entry.kind) ? 0 : 1,
  slot_at: entry.slotAt,
  last_slot_at: entry.lastSlotAt,
  count: entry.count,
  job_id: entry.jobId,
  actor: entry.actor,
  reason: entry.reason,
  changes: entry.changes && JSON.stringify(entry.changes),
});
