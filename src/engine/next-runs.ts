/** The arithmetic of schedules on its own, for users: without a schedule, a store or a manager. */
import { checkOptions, instant, integer, isRecord } from '../job/check.ts';
import { invalidOption } from '../job/errors.ts';
import { type Explanation, explain } from '../schedule/explain.ts';
import { checkTrigger, slotsBetween, type Trigger, type TriggerOptions } from '../schedule/schedule.ts';
import { LAST_MS } from '../schedule/slots.ts';
import { systemClock } from '../util/clock.ts';

/** A trigger, and which of its runs. */
export type NextRunsOptions = TriggerOptions & {
  /** Runs after this: a Date, epoch milliseconds, or ISO 8601 text with an offset or Z. Default: now. */
  readonly after?: Date | number | string;
  /** How many, 1 to 10,000. Default 5. */
  readonly count?: number;
};

interface Question {
  readonly trigger: Trigger;
  readonly after: number;
  readonly count: number;
}

/**
 * The next runs of a trigger, in order; fewer than asked for if no more come within 100 years. The zone is UTC unless one is given.
 *
 * @example nextRuns({ cron: '30 2 * * *', timeZone: 'Europe/Berlin', after: '2026-03-28T12:00Z', count: 2 })
 * @throws INVALID_CRON, INVALID_TIME_ZONE, TIME_WITHOUT_ZONE, INVALID_CALENDAR, INVALID_OPTION, UNKNOWN_OPTION, each naming the field.
 */
export const nextRuns = (options: NextRunsOptions): Date[] => {
  const { trigger, after, count } = read(options);
  return slotsBetween(trigger, after, LAST_MS, count).map((slot) => new Date(slot));
};

/**
 * A trigger in words, its next runs in its zone, and what the next two clock changes do to it. Takes and throws what `nextRuns` does.
 *
 * @example explainTrigger({ cron: '0 5 * * sun' }).words // At 05:00 on Sundays, UTC
 */
export const explainTrigger = (options: NextRunsOptions): Explanation => {
  const { trigger, after, count } = read(options);
  return explain(trigger, after, count);
};

const read = (options: unknown): Question => {
  if (!isRecord(options)) throw invalidOption('options', options, 'an object with cron, interval or at');
  const { after: givenAfter, count: givenCount, ...trigger } = options;
  const given = { after: givenAfter, count: givenCount };
  const { after = systemClock.now(), count = 5 } = checkOptions(
    { after: instant, count: integer(1, 10_000) },
    given,
    'options',
  );
  return { trigger: checkTrigger(trigger, after), after, count };
};
