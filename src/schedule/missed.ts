/**
 * What to do with slots that passed: pure, for the one who fires them. Most of the time one slot is due, and it is fired. After a
 * downtime, a pause or a sleep there are many, and the policy says which of them still run. The others are missed: none is forgotten,
 * they are counted, and the first and the last of them are named.
 */
import { type Check, checkDuration, type Duration, isRecord } from '../job/check.ts';
import { invalidOption } from '../job/errors.ts';
import { nextSlot, slotsBetween, slotsOf, startOf, type Trigger } from './schedule.ts';
import { lastSlot } from './slots.ts';

/**
 * `runOnce` (default): the latest slot runs, those before it are missed. `runAll`: all run, in order. `skip`: only what is not late
 * runs. `{ window }`: what is not older than this runs, in order.
 */
export type MissedPolicy = 'runOnce' | 'runAll' | 'skip' | { readonly window: Duration };

/** Slots that are this late are not late: the one who fires them has to wake up, and to get its turn at the database. */
export const GRACE_MS = 10_000;
/** Slots that one decision fires at most; the next one goes on from there. */
export const MAX_FIRED = 1000;

export interface Passed {
  readonly scheduleId: string;
  readonly trigger: Trigger;
  /** The latest slot that was fired or missed, or the creation of the schedule. */
  readonly after: number;
  readonly now: number;
  readonly policy: MissedPolicy;
  readonly graceMs?: number;
  readonly limit?: number;
}

export interface Missed {
  readonly count: number;
  /** The first and the last of them; null if there are none. */
  readonly first: number | null;
  readonly last: number | null;
}

export interface Decision {
  /** Slots to fire now, in order. */
  readonly fire: readonly number[];
  readonly missed: Missed;
  /** The latest slot that is done with, fired or missed: what the next decision begins after. */
  readonly after: number;
  /** The next slot: in the future, unless more are due than one decision fires. Null if there is none. */
  readonly next: number | null;
}

const NONE: Missed = { count: 0, first: null, last: null };

/** @throws INVALID_OPTION naming the field. */
export const missedPolicy: Check<MissedPolicy> = (value, field) => {
  if (value === 'runOnce' || value === 'runAll' || value === 'skip') return value;
  if (isRecord(value) && Object.keys(value).join() === 'window')
    return { window: checkDuration(value['window'], `${field}.window`) };
  throw invalidOption(field, value, "runOnce, runAll, skip, or { window: '2h' }");
};

/** Costs days of the time that passed, not slots: a schedule of every second may sleep for a year. */
export const decide = ({ scheduleId, trigger, after, now, policy, ...bounds }: Passed): Decision => {
  const { graceMs = GRACE_MS, limit = MAX_FIRED } = bounds;
  const last = lastDue(trigger, scheduleId, after, now);
  if (last === null) return { fire: [], missed: NONE, after, next: nextSlot(trigger, after) };
  const from = firstToRun(policy, after, last, now, graceMs);
  const fire = slotsBetween(trigger, from, last, limit);
  const done = fire.at(-1) ?? last;
  return { fire, missed: missedBetween(trigger, after, from), after: done, next: nextSlot(trigger, done) };
};

/** The latest slot whose run should have started. Jitter is less than the interval, so that only one slot can be waiting for it. */
const lastDue = (trigger: Trigger, scheduleId: string, after: number, now: number): number | null => {
  const slots = slotsOf(trigger);
  const last = lastSlot(slots, after, now);
  return last === null || startOf(trigger, scheduleId, last) <= now ? last : lastSlot(slots, after, last - 1);
};

/** The instant after which slots run; those up to it are missed. */
const firstToRun = (policy: MissedPolicy, after: number, last: number, now: number, graceMs: number): number => {
  if (policy === 'runAll') return after;
  if (policy === 'runOnce') return last - 1;
  const windowMs = policy === 'skip' ? graceMs : Math.max(graceMs, checkDuration(policy.window, 'window'));
  return Math.max(after, Math.min(last, now - windowMs - 1));
};

export const missedBetween = (trigger: Trigger, after: number, until: number): Missed => {
  const slots = slotsOf(trigger);
  const count = slots.count(after, until);
  return count === 0 ? NONE : { count, first: slots.next(after), last: lastSlot(slots, after, until) };
};
