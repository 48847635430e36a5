/** What is said of a schedule, checked: by code, the command line and the API alike. */
import { type Check, integer, name, oneOf, text } from '../job/check.ts';
import { invalidOption } from '../job/errors.ts';
import { type MissedPolicy, missedPolicy } from './missed.ts';
import type { OverlapPolicy, ScheduledJob, ScheduleSource, ScheduleSpec } from './record.ts';
import { checkTrigger, type TriggerOptions } from './schedule.ts';

/** A schedule's name: up to 190 safe characters, so that the limit key made of it is one, too. */
export const scheduleId = name(190);

export const overlapPolicy: Check<OverlapPolicy> = oneOf('skip', 'queueOne', 'queueAll', 'cancelOther');
export const maxInstances: Check<number> = integer(1, 10_000);

/** A whole number from 0, or text. */
export const build: Check<number | string> = (value, field) =>
  typeof value === 'number' ? integer(0, Number.MAX_SAFE_INTEGER)(value, field) : text(100)(value, field);

/** What a caller says; the job is complete already. */
export interface GivenSchedule {
  readonly id: string;
  readonly job: ScheduledJob;
  readonly trigger: TriggerOptions;
  readonly missed?: MissedPolicy | undefined;
  /** Default: `skip`; `queueAll` where missed slots are to run one by one (`runAll`, a window), because else only the first would. */
  readonly overlap?: OverlapPolicy | undefined;
  /** Default: 1. */
  readonly maxInstances?: number | undefined;
  readonly source: ScheduleSource;
  readonly build?: number | string | null | undefined;
}

/**
 * @param now epoch milliseconds: an interval without a start counts from it.
 * @param timeZone the zone where none is given.
 * @throws INVALID_OPTION, INVALID_CRON, INVALID_TIME_ZONE, TIME_WITHOUT_ZONE, INVALID_CALENDAR, UNKNOWN_OPTION.
 */
export const checkSchedule = (given: GivenSchedule, now: number, timeZone?: string): ScheduleSpec => {
  const missed = given.missed === undefined ? 'runOnce' : missedPolicy(given.missed, 'missed');
  const runsAll = missed === 'runAll' || typeof missed === 'object';
  const spec: ScheduleSpec = {
    id: scheduleId(given.id, 'id'),
    job: given.job,
    trigger: checkTrigger(given.trigger, now, timeZone),
    missed,
    overlap: given.overlap === undefined ? defaultOverlap(runsAll, given.job) : overlapPolicy(given.overlap, 'overlap'),
    maxInstances: given.maxInstances === undefined ? 1 : maxInstances(given.maxInstances, 'maxInstances'),
    source: given.source,
    build: given.build === undefined || given.build === null ? null : build(given.build, 'build'),
  };
  checkOverlap(spec);
  return spec;
};

const defaultOverlap = (runsAll: boolean, job: ScheduledJob): OverlapPolicy =>
  runsAll && job.limitKey === null ? 'queueAll' : 'skip';

/** Jobs wait for each other at the limit of their key; they have one key. Also to be asked after an edit. @throws INVALID_OPTION. */
export const checkOverlap = ({ overlap, job }: Pick<ScheduleSpec, 'overlap' | 'job'>): void => {
  if (overlap !== 'skip' && job.limitKey !== null)
    throw invalidOption('overlap', overlap, `skip, because the jobs have a limit key of their own ("${job.limitKey}")`);
};
