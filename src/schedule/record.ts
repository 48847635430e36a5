/** A schedule as it is kept: what it starts, when, and how far it has come. All times are epoch milliseconds, UTC. */
import type { NewJob } from '../job/enqueue-options.ts';
import { hash } from './interval.ts';
import type { MissedPolicy } from './missed.ts';
import type { Trigger } from './schedule.ts';

/**
 * What becomes of a slot while `maxInstances` jobs of the schedule are unfinished. `skip`: it is left out. `queueOne`: one job waits,
 * further slots are left out. `queueAll`: all wait, in order. `cancelOther`: the oldest are cancelled, and the new one runs when they
 * have stopped.
 */
export type OverlapPolicy = 'skip' | 'queueOne' | 'queueAll' | 'cancelOther';

/** Where a schedule came from, or who registered it last. */
export type ScheduleSource = 'code' | 'cli' | 'api';

/** The job that each slot inserts: complete, but for what every run has of its own. Stored as JSON. */
export type ScheduledJob = Omit<
  NewJob,
  | 'id'
  | 'status'
  | 'runAt'
  | 'keyUntil'
  | 'onConflict'
  | 'parentId'
  | 'replayOf'
  | 'userInitiated'
  | 'expiresAt'
  | 'batch'
  | 'slot'
> & {
  /** A run expires if it has not started within this time of its insertion; null for never. */
  readonly startMs: number | null;
};

/** What a person or a program says of a schedule, after its check (src/schedule/spec.ts). */
export interface ScheduleSpec {
  readonly id: string;
  readonly job: ScheduledJob;
  readonly trigger: Trigger;
  readonly missed: MissedPolicy;
  readonly overlap: OverlapPolicy;
  /** Unfinished jobs of the schedule at one time, at most (waiting ones of `queueOne` and `queueAll` aside). */
  readonly maxInstances: number;
  readonly source: ScheduleSource;
  /** Which build of the program says so; it must grow. Numbers, or texts whose numbers count as numbers (`1.10` after `1.9`). */
  readonly build: number | string | null;
}

export interface SchedulePause {
  readonly at: number;
  readonly reason: string | null;
  readonly actor: string | null;
  /** When it ends by itself; null: when a person resumes it. */
  readonly until: number | null;
}

export interface ScheduleCounts {
  /** Slots that inserted a job. */
  readonly fired: number;
  /** Slots that passed without a run: downtime, pause or sleep. */
  readonly missed: number;
  /** Slots left out because earlier runs were unfinished, or the job's key was taken. */
  readonly skipped: number;
  /** Runs that a person asked for. */
  readonly byHand: number;
}

export interface Schedule extends ScheduleSpec {
  /** Grows with every change by a person or a program; not with a run. */
  readonly version: number;
  /** Fingerprint of what code registered last, so that a restart does not undo what a person changed since; else null. */
  readonly registered: string | null;
  readonly pause: SchedulePause | null;
  /** The latest slot that is done with (fired, missed or skipped), or when its trigger was set: slots count from here on. */
  readonly after: number;
  /** The next slot; null while paused, while there is a problem, and after the last one. */
  readonly nextSlot: number | null;
  /** When its run starts: later than the slot by the jitter. In the past where a run is due. */
  readonly nextAt: number | null;
  /** When the ticker must look at it: the next run, the end of the pause, or another try at a problem. Null for never. */
  readonly wakeAt: number | null;
  /** Version of the time zone data with which the next slot was computed. */
  readonly zoneData: string | null;
  /** Why no next slot can be computed, such as a zone that this machine's data do not know; tried again every minute. */
  readonly problem: string | null;
  readonly counts: ScheduleCounts;
  /** The latest slot that inserted a job, that job, and when it did. */
  readonly lastSlot: number | null;
  readonly lastJobId: string | null;
  readonly lastFiredAt: number | null;
  readonly createdAt: number;
  /** Of the latest change by a person or a program. */
  readonly updatedAt: number;
}

/** `ran`: by hand. `ended`: it has no slot any more. `retimed`: its next slot moved, because zone data or the clock did. */
export type HistoryKind =
  | 'added'
  | 'updated'
  | 'paused'
  | 'resumed'
  | 'removed'
  | 'fired'
  | 'missed'
  | 'skipped'
  | 'ran'
  | 'ended'
  | 'retimed'
  | 'problem'
  | 'recovered';

/** What the ticker writes often, and what people and trouble write seldom: each has a bound of its own. */
const FREQUENT: ReadonlySet<HistoryKind> = new Set(['fired', 'missed', 'skipped', 'ran']);
export const isFrequent = (kind: HistoryKind): boolean => FREQUENT.has(kind);

/** Entries kept per schedule, of the frequent kinds and of the others; a few more may be there. */
export const KEPT_FREQUENT = 1000;
export const KEPT_SELDOM = 500;

/** Something that happened to a schedule. */
export interface HistoryEntry {
  readonly at: number;
  readonly kind: HistoryKind;
  /** The slot; of several, the first. Of `retimed`: the next one. */
  readonly slotAt: number | null;
  /** Of several, the last. */
  readonly lastSlotAt: number | null;
  /** How many slots. */
  readonly count: number;
  /** The job that was inserted, or that had the key. */
  readonly jobId: string | null;
  readonly actor: string | null;
  /** Of `skipped`: `overlap`, `superseded` (by a later slot), `key-taken` or `slot-taken`; else in words. */
  readonly reason: string | null;
  /** Of `updated`: field → what it was and what it is. Long values are cut. */
  readonly changes: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>> | null;
}

export const entry = (kind: HistoryKind, at: number, more: Partial<HistoryEntry> = {}): HistoryEntry => ({
  at,
  kind,
  slotAt: null,
  lastSlotAt: null,
  count: 0,
  jobId: null,
  actor: null,
  reason: null,
  changes: null,
  ...more,
});

/** An entry about slots: the first, the last, and how many. */
export const slotsEntry = (
  kind: HistoryKind,
  at: number,
  slots: readonly number[],
  more: Partial<HistoryEntry> = {},
): HistoryEntry =>
  entry(kind, at, { slotAt: slots[0] ?? null, lastSlotAt: slots.at(-1) ?? null, count: slots.length, ...more });

/** Every job of a schedule has a limit key, so that the claim itself keeps `maxInstances`: its own, or else this one. */
export const limitKeyOf = ({ id, job }: Pick<ScheduleSpec, 'id' | 'job'>): string => job.limitKey ?? ownKeyOf(id);
export const ownKeyOf = (id: string): string => `schedule:${id}`;

/** A complete job that is not inserted, as what a schedule starts. */
export const toScheduledJob = (job: NewJob): ScheduledJob => {
  const { type, queue, priority, payload, maxAttempts, maxCrashes, timeoutMs, totalMs, key, limitKey, tags } = job;
  const startMs = job.expiresAt === null ? null : job.expiresAt - job.runAt;
  const limits = { maxAttempts, maxCrashes, timeoutMs, totalMs, startMs };
  return { type, queue, priority, payload, ...limits, key, limitKey, tenant: job.tenant, tags };
};

/** The job of a slot. It may run at once: when it should have started is its slot. */
export const jobOfSlot = (schedule: ScheduleSpec, slotAt: number, id: string, now: number, byHand = false): NewJob => {
  const { startMs, ...job } = schedule.job;
  return {
    ...job,
    id,
    status: 'queued',
    runAt: now,
    keyUntil: null,
    onConflict: 'return',
    limitKey: limitKeyOf(schedule),
    parentId: null,
    replayOf: null,
    userInitiated: byHand,
    expiresAt: startMs === null ? null : now + startMs,
    slot: { scheduleId: schedule.id, at: slotAt },
  };
};

/** Tells whether code says something else than it said before. Where an interval without a start begins is no part of it. */
export const fingerprintOf = ({ job, trigger, missed, overlap, maxInstances }: ScheduleSpec): string => {
  const said = trigger.kind === 'interval' && trigger.sinceMade ? { ...trigger, firstAt: 0 } : trigger;
  const text = JSON.stringify([sorted(job), said, missed, overlap, maxInstances]);
  return [hash(text), hash(text, 0x9747b28c), text.length].map((n) => n.toString(36)).join('-');
};

/** Whatever order its fields were written in. */
const sorted = (job: ScheduledJob): [string, unknown][] =>
  Object.entries(job)
    // A job of nobody's is what all were before there were tenants.
    .filter(([name, value]) => name !== 'tenant' || value !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));

const collator = new Intl.Collator('en', { numeric: true });

/** Whether a build comes before another. One that says nothing comes before all that do. */
export const isOlder = (build: number | string | null, than: number | string | null): boolean => {
  if (than === null) return false;
  if (build === null) return true;
  if (typeof build === 'number' && typeof than === 'number') return build < than;
  return collator.compare(String(build), String(than)) < 0;
};
