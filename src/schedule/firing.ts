/**
 * Firing: a schedule whose time has come, and how many of its jobs are unfinished → which slots insert a job, what is cancelled for
 * them, and the row and history afterwards. Pure; the store does it in three steps of one transaction: `planFiring`, insert and
 * cancel, `afterFiring`.
 */
import { messageOf } from '../util/text.ts';
import { type Decision, decide, MAX_FIRED } from './missed.ts';
import { endPause, timingEntries } from './moves.ts';
import { entry, type HistoryEntry, type OverlapPolicy, type Schedule, slotsEntry } from './record.ts';
import { RETRY_MS, timesOf } from './times.ts';
import { ZONE_DATA } from './zone.ts';

/** Jobs that wait for one schedule of `queueAll`, at most: one whose jobs never end must not fill the disk. */
export const MOST_WAITING = 10_000;
/**
 * Characters of payloads that one decision inserts, unless a single one is larger; what is left follows in the next transaction. A
 * schedule that catches up with large jobs must not make one that is longer than the time between two restarts.
 */
export const MOST_TEXT = 16 * 1024 * 1024;

/** What `overlap` lets in. */
export interface Admission {
  /** How many further jobs. */
  readonly room: number;
  /** How many of the oldest unfinished ones are cancelled for them. */
  readonly cancel: number;
}

export const admit = (overlap: OverlapPolicy, maxInstances: number, unfinished: number): Admission => {
  const most = maxInstances + { skip: 0, queueOne: 1, queueAll: MOST_WAITING, cancelOther: 0 }[overlap];
  if (overlap === 'cancelOther') return { room: 1, cancel: Math.max(0, unfinished - maxInstances + 1) };
  return { room: Math.max(0, most - unfinished), cancel: 0 };
};

export interface Plan {
  /** The row before the slots are fired, at the end of its pause if that is over. */
  readonly schedule: Schedule;
  /** Slots that insert a job, in order. */
  readonly fire: readonly number[];
  /** So many of the oldest unfinished jobs are cancelled first. */
  readonly cancel: number;
  readonly after: number;
  /** What happened to other slots. */
  readonly entries: readonly HistoryEntry[];
  /** Why nothing could be decided. */
  readonly problem: string | null;
}

export const planFiring = (found: Schedule, unfinished: number, now: number): Plan => {
  const entries: HistoryEntry[] = [];
  let schedule = found;
  const until = found.pause?.until ?? null;
  if (until !== null && until <= now) {
    // It ended at its time, whenever that is noticed: what came after it is late, and was not paused.
    const ended = endPause(found, found.pause!.actor, 'the pause is over', until);
    schedule = ended.next;
    entries.push(...ended.entries);
  }
  const nothing = { schedule, fire: [], cancel: 0, after: schedule.after, entries, problem: null };
  if (schedule.pause) return nothing;
  const { overlap, maxInstances } = schedule;
  const { room, cancel } = admit(overlap, maxInstances, unfinished);
  let decision: Decision;
  try {
    const { id: scheduleId, trigger, after, missed: policy } = schedule;
    const limit = mostAtOnce(schedule.job.payload, room);
    decision = decide({ scheduleId, trigger, after, now, policy, ...(limit !== null && { limit }) });
  } catch (error) {
    return { ...nothing, problem: messageOf(error) };
  }
  const { count, first, last } = decision.missed;
  if (count > 0) entries.push(entry('missed', now, { slotAt: first, lastSlotAt: last, count, reason: 'late' }));
  // Each slot would cancel the one before it: only the last is worth a job.
  const superseded = overlap === 'cancelOther' ? decision.fire.slice(0, -1) : [];
  const wanted = decision.fire.slice(superseded.length);
  const fire = wanted.slice(0, room);
  const skipped = wanted.slice(room);
  if (superseded.length > 0) entries.push(slotsEntry('skipped', now, superseded, { reason: 'superseded' }));
  if (skipped.length > 0) entries.push(slotsEntry('skipped', now, skipped, { reason: 'overlap' }));
  return { ...nothing, fire, cancel: fire.length > 0 ? cancel : 0, after: decision.after };
};

/** Null where `room` alone keeps it small: then what is left out is one entry, not many. */
const mostAtOnce = (payload: string, room: number): number | null => {
  const most = Math.max(1, Math.floor(MOST_TEXT / payload.length));
  return most < Math.min(room, MAX_FIRED) ? most : null;
};

/** What became of the job of a slot: inserted, or who has its key. */
export interface SlotOutcome {
  readonly slotAt: number;
  readonly kind: 'inserted' | 'key-taken' | 'slot-taken';
  readonly jobId: string | null;
}

export const afterFiring = (
  { schedule, after, entries: before, problem }: Plan,
  outcomes: readonly SlotOutcome[],
  now: number,
  zoneData = ZONE_DATA,
): { readonly next: Schedule; readonly entries: readonly HistoryEntry[] } => {
  const entries = [...before];
  for (const { kind, slotAt, jobId } of outcomes)
    entries.push(
      kind === 'inserted'
        ? slotsEntry('fired', now, [slotAt], { jobId })
        : slotsEntry('skipped', now, [slotAt], { jobId, reason: kind }),
    );
  const fired = outcomes.filter(({ kind }) => kind === 'inserted').at(-1);
  const counted = { ...schedule, after, counts: countsAfter(schedule, entries) };
  const base = fired ? { ...counted, lastSlot: fired.slotAt, lastJobId: fired.jobId, lastFiredAt: now } : counted;
  const next = problem === null ? { ...base, ...timesOf(base, now, zoneData) } : { ...base, ...stuck(problem, now) };
  const wasDone = after !== schedule.after;
  if (next.problem !== null || schedule.problem !== null || !wasDone)
    entries.push(...timingEntries(schedule, next, now));
  if (next.problem === null && next.nextSlot === null && !next.pause && wasDone) entries.push(entry('ended', now));
  return { next, entries };
};

const stuck = (problem: string, now: number) => ({ problem, nextSlot: null, nextAt: null, wakeAt: now + RETRY_MS });

/** `missed` of a pause that just ended is counted where it was written. */
const countsAfter = ({ counts }: Schedule, entries: readonly HistoryEntry[]): Schedule['counts'] => {
  const sum = (kind: HistoryEntry['kind'], reason?: string) =>
    entries.reduce((n, one) => n + (one.kind === kind && (!reason || one.reason === reason) ? one.count : 0), 0);
  return {
    ...counts,
    fired: counts.fired + sum('fired'),
    missed: counts.missed + sum('missed', 'late'),
    skipped: counts.skipped + sum('skipped'),
  };
};

/** A run that a person asks for: it moves no slot, and takes its place among the instances like any other. */
export const planRun = (
  { overlap, maxInstances }: Schedule,
  unfinished: number,
): { readonly kind: 'full' } | { readonly kind: 'run'; readonly cancel: number } => {
  const { room, cancel } = admit(overlap, maxInstances, unfinished);
  return room > 0 ? { kind: 'run', cancel } : { kind: 'full' };
};

export const afterRun = (
  schedule: Schedule,
  jobId: string,
  actor: string | null,
  now: number,
): { readonly next: Schedule; readonly entries: readonly HistoryEntry[] } => ({
  next: { ...schedule, counts: { ...schedule.counts, byHand: schedule.counts.byHand + 1 } },
  entries: [slotsEntry('ran', now, [now], { jobId, actor })],
});
