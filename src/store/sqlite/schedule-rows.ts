/** Rows of schedules and of their history ↔ records. */
import type { MissedPolicy } from '../../schedule/missed.ts';
import type {
  HistoryEntry,
  HistoryKind,
  OverlapPolicy,
  Schedule,
  ScheduledJob,
  ScheduleSource,
} from '../../schedule/record.ts';
import type { Trigger } from '../../schedule/schedule.ts';
import { number, numberOrNull, text, textOrNull } from '../rows.ts';
import type { Row, Value } from './driver.ts';

export { number, text };

const json = <T>(value: Value | undefined): T => JSON.parse(text(value)) as T;

export const toSchedule = (row: Row): Schedule => ({
  id: text(row['id']),
  job: json<ScheduledJob>(row['job']),
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

export const toScheduleRow = (schedule: Schedule): Row => ({
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
