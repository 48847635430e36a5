/** When a schedule fires: what users write, the trigger that is stored, and its slots. */
import { type Check, checkOptions, type Duration, duration, isRecord, oneOf } from '../job/check.ts';
import { invalidCalendar, invalidCron, invalidOption } from '../job/errors.ts';
import { type Calendar, compileCalendar } from './calendar.ts';
import { AllowedSlots, MovedSlots } from './calendar-slots.ts';
import { CronSlots, type DaylightSaving } from './cron.ts';
import { Pattern } from './cron-calendar.ts';
import { IntervalSlots, jitterOf } from './interval.ts';
import { OnceSlots, readInstant } from './once.ts';
import type { Slots, Steps } from './slots.ts';
import { checkTimeZone, zoneOf } from './zone.ts';

/** An instant: a Date, epoch milliseconds, or ISO 8601 text with an offset or Z; beside `timeZone` also local time without one. */
export type Instant = Date | number | string;

interface Restricted {
  /** IANA zone of the times, days and windows. Default: UTC. */
  readonly timeZone?: string;
  /** Only slots that this calendar holds. */
  readonly calendar?: Calendar;
}

export interface CronOptions extends Restricted {
  /** 5 fields, 6 with the second first, or a nickname such as `@daily`. */
  readonly cron: string;
  /** What becomes of a slot that the calendar excludes: left out (default), or the next allowed day at the same time. */
  readonly onExcluded?: 'skip' | 'nextDay';
  /** What becomes of fixed times when clocks change. */
  readonly dst?: DaylightSaving;
}

export interface IntervalOptions extends Restricted {
  /** Milliseconds, or text such as `'15m'`: from 100 ms. */
  readonly interval: Duration;
  /** The first slot. Default: one interval after the schedule was made. */
  readonly start?: Instant;
  /** Each run starts up to so much later than its slot; less than the interval. Default: none. */
  readonly jitter?: Duration;
}

export interface OnceOptions {
  readonly at: Instant;
  /** IANA zone of a local time. */
  readonly timeZone?: string;
}

/** When something runs: by a cron expression, at an interval, or once. */
export type TriggerOptions = CronOptions | IntervalOptions | OnceOptions;

/** A checked trigger, as it is stored: plain JSON. */
export type Trigger = CronTrigger | IntervalTrigger | OnceTrigger;

export interface CronTrigger {
  readonly kind: 'cron';
  readonly cron: string;
  readonly timeZone: string;
  readonly dst?: DaylightSaving;
  readonly calendar?: Calendar;
  readonly onExcluded?: 'skip' | 'nextDay';
}

export interface IntervalTrigger {
  readonly kind: 'interval';
  readonly everyMs: number;
  /** The first slot, epoch milliseconds. */
  readonly firstAt: number;
  /** No start was given: it counts from when the schedule was made, however often that is said again. */
  readonly sinceMade?: true;
  readonly jitterMs: number;
  readonly timeZone: string;
  readonly calendar?: Calendar;
}

export interface OnceTrigger {
  readonly kind: 'once';
  /** Epoch milliseconds. */
  readonly at: number;
}

const KINDS = ['cron', 'interval', 'at'] as const;
const MIN_INTERVAL_MS = 100;

/** Checked where it is read. */
const later = (value: unknown): unknown => value;

const dst: Check<DaylightSaving> = (value, field) =>
  checkOptions({ gap: oneOf('after', 'skip'), overlap: oneOf('once', 'twice') }, value, field, `${field}.`);

const TABLES = {
  cron: { cron: later, timeZone: checkTimeZone, calendar: later, onExcluded: oneOf('skip', 'nextDay'), dst },
  interval: { interval: duration, start: later, jitter: duration, timeZone: checkTimeZone, calendar: later },
  at: { at: later, timeZone: checkTimeZone },
};

/**
 * Checks what a user wrote.
 * @param now epoch milliseconds: a schedule without a start counts from it, and every other than `at` must have a slot after it.
 * @param timeZone the zone where none is given.
 * @throws INVALID_CRON, INVALID_TIME_ZONE, TIME_WITHOUT_ZONE, INVALID_CALENDAR, INVALID_OPTION, UNKNOWN_OPTION.
 */
export const checkTrigger = (given: unknown, now: number, timeZone = 'UTC'): Trigger => {
  const kinds = KINDS.filter((kind) => isRecord(given) && given[kind] !== undefined);
  if (kinds.length !== 1)
    throw invalidOption('trigger', kinds.length > 1 ? kinds.join(', ') : given, 'exactly one of cron, interval and at');
  if (kinds[0] === 'at') return readOnce(given);
  const trigger = kinds[0] === 'cron' ? readCron(given, timeZone) : readInterval(given, now, timeZone);
  if (nextSlot(trigger, now) === null) throw neverComes(trigger);
  return trigger;
};

const readCron = (given: unknown, zone: string): CronTrigger => {
  const { cron, timeZone = zone, dst, calendar, onExcluded } = checkOptions(TABLES.cron, given, 'trigger');
  const pattern = new Pattern(cron);
  if (onExcluded === 'nextDay' && (pattern.onlyTime === null || calendar === undefined))
    throw invalidOption('onExcluded', onExcluded, 'skip; nextDay beside a calendar and a single time of day');
  return {
    kind: 'cron',
    cron: (cron as string).trim(),
    timeZone,
    ...(dst && { dst }),
    ...restriction(calendar),
    ...(onExcluded && { onExcluded }),
  };
};

const readInterval = (given: unknown, now: number, zone: string): IntervalTrigger => {
  const options = checkOptions(TABLES.interval, given, 'trigger');
  const { interval: everyMs, timeZone = zone, start, jitter: jitterMs = 0, calendar } = options;
  if (!(everyMs! >= MIN_INTERVAL_MS)) throw invalidOption('interval', everyMs, `${MIN_INTERVAL_MS} ms or more`);
  // So that starts keep the order of their slots.
  if (jitterMs >= everyMs!) throw invalidOption('jitter', jitterMs, 'less than the interval');
  const local = options.timeZone === undefined ? undefined : zoneOf(timeZone);
  const firstAt = start === undefined ? now + everyMs! : readInstant(start, 'start', local);
  return {
    kind: 'interval',
    everyMs: everyMs!,
    firstAt,
    ...(start === undefined && { sinceMade: true }),
    jitterMs,
    timeZone,
    ...restriction(calendar),
  };
};

const readOnce = (given: unknown): OnceTrigger => {
  const { at, timeZone } = checkOptions(TABLES.at, given, 'trigger');
  return { kind: 'once', at: readInstant(at, 'at', timeZone === undefined ? undefined : zoneOf(timeZone)) };
};

const restriction = (calendar: unknown): { calendar?: Calendar } =>
  calendar === undefined ? {} : { calendar: calendar as Calendar };

const neverComes = (trigger: CronTrigger | IntervalTrigger): Error =>
  trigger.calendar !== undefined
    ? invalidCalendar('calendar', trigger.calendar, 'leaves no slot', 'a calendar that holds a slot of the trigger')
    : trigger.kind === 'cron'
      ? invalidCron('cron', trigger.cron, `never comes in ${trigger.timeZone}`, 'a time that its clocks show')
      : invalidOption('start', new Date(trigger.firstAt).toISOString(), 'an instant that a Date can hold');

/** What was read once is kept as long as its trigger. */
const compiled = new WeakMap<Trigger, Slots>();

/** The slots of a trigger that `checkTrigger` made. */
export const slotsOf = (trigger: Trigger): Slots => {
  const known = compiled.get(trigger);
  if (known) return known;
  const slots = compile(trigger);
  compiled.set(trigger, slots);
  return slots;
};

const compile = (trigger: Trigger): Slots => {
  if (trigger.kind === 'once') return new OnceSlots(trigger.at);
  const zone = zoneOf(trigger.timeZone);
  const calendar = trigger.calendar && compileCalendar(trigger.calendar, zone);
  if (trigger.kind === 'interval') {
    const slots = new IntervalSlots(trigger.everyMs, trigger.firstAt);
    return calendar ? new AllowedSlots(slots, calendar) : slots;
  }
  const pattern = new Pattern(trigger.cron);
  const slots = new CronSlots(pattern, zone, trigger.dst);
  if (!calendar) return slots;
  return trigger.onExcluded === 'nextDay'
    ? new MovedSlots(slots, calendar, zone, pattern.onlyTime!)
    : new AllowedSlots(slots, calendar);
};

/** The first slot after an instant, epoch milliseconds; null if there is none within 100 years. */
export const nextSlot = (trigger: Trigger, after: number, steps?: Steps): number | null =>
  slotsOf(trigger).next(after, steps);

/** The slots after one instant, up to and including another, in order; at most `limit`. */
export const slotsBetween = (trigger: Trigger, after: number, until: number, limit: number): number[] => {
  const slots: number[] = [];
  for (let slot = nextSlot(trigger, after); slot !== null && slot <= until; slot = nextSlot(trigger, slot)) {
    if (slots.length === limit) break;
    slots.push(slot);
  }
  return slots;
};

/** When the run of a slot starts: the slot itself, or later by the jitter of an interval. */
export const startOf = (trigger: Trigger, scheduleId: string, slot: number): number =>
  trigger.kind === 'interval' ? slot + jitterOf(scheduleId, slot, trigger.jitterMs) : slot;
