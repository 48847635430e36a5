/** What a caller says of a schedule → a checked spec, or a checked edit of one. */
import { checkOptions, isRecord } from '../job/check.ts';
import type { CheckedJobType } from '../job/define.ts';
import { invalidOption } from '../job/errors.ts';
import { missedPolicy } from '../schedule/missed.ts';
import type { ScheduleEdit } from '../schedule/moves.ts';
import {
  type Schedule,
  type ScheduledJob,
  type ScheduleSource,
  type ScheduleSpec,
  toScheduledJob,
} from '../schedule/record.ts';
import { checkTrigger, type TriggerOptions } from '../schedule/schedule.ts';
import { build, checkOverlap, checkSchedule, maxInstances, overlapPolicy, scheduleId } from '../schedule/spec.ts';
import type { MaybePromise } from '../store/store.ts';
import { prepareJob, type SystemDefaults } from './new-job.ts';
import { boundToSchedule } from './schedule-secrets.ts';
import type { Binding } from './vault.ts';

/** Options of a job that mean a single run. */
export const OF_ONE_RUN = 'id delay runAt keyWindow onConflict parent userInitiated expiresAt held tx'.split(' ');
const TRIGGER = 'cron interval at timeZone calendar onExcluded dst start jitter'.split(' ');

const asGiven = (value: unknown): unknown => value;

const CHANGES = {
  type: asGiven,
  payload: asGiven,
  options: asGiven,
  missed: missedPolicy,
  overlap: overlapPolicy,
  maxInstances,
};
const REQUEST = { ...CHANGES, id: scheduleId, build };

/** Everything that may be said of a new schedule; and what of it cannot be changed. */
export const REQUEST_FIELDS: readonly string[] = [...Object.keys(REQUEST), ...TRIGGER];
export const FIXED_FIELDS: readonly string[] = ['id', 'build'];

/** What is needed to check the job of a schedule as `enqueue` would. */
export interface RequestParts {
  readonly types: ReadonlyMap<string, CheckedJobType>;
  readonly defaults: SystemDefaults;
  /** Of triggers that name none. */
  readonly timeZone: string;
}

/**
 * @param now epoch milliseconds.
 * @throws as `enqueue` and `nextRuns` do, naming the field.
 */
export const checkRequest = (
  given: unknown,
  source: ScheduleSource,
  { types, defaults, timeZone }: RequestParts,
  now: number,
): MaybePromise<ScheduleSpec> => {
  if (!isRecord(given)) throw invalidOption('schedule', given, '{ id, type, cron | interval | at, … }');
  const { trigger, rest } = apart(given);
  const request = checkOptions(REQUEST, rest, 'a schedule');
  const job = scheduledJob(request as JobPart, `schedule ${request.id}`, types, defaults, now);
  const spec = (made: ScheduledJob): ScheduleSpec => {
    const { missed, overlap, maxInstances: most } = request;
    const said = { missed, overlap, maxInstances: most, build: request.build };
    return checkSchedule(
      { ...said, id: request.id as string, job: made, trigger: trigger as unknown as TriggerOptions, source },
      now,
      timeZone,
    );
  };
  return job instanceof Promise ? job.then(spec) : spec(job);
};

/** @param found the schedule that is to change. @throws as `checkRequest`. */
export const checkChanges = async (
  given: unknown,
  found: Schedule,
  { types, defaults, timeZone }: RequestParts,
  now: number,
): Promise<ScheduleEdit> => {
  if (!isRecord(given)) throw invalidOption('changes', given, 'an object with what is to change');
  const { trigger, rest } = apart(given);
  const { type, payload, options, ...behaviour } = checkOptions(CHANGES, rest, 'a schedule');
  const touchesJob = type !== undefined || payload !== undefined || options !== undefined;
  const part = { type: (type ?? found.job.type) as string, payload, options };
  const job = touchesJob ? await editedJob(part, found, types, defaults, now) : undefined;
  const edit = {
    ...behaviour,
    ...(job && { job: options === undefined ? { ...found.job, type: job.type, payload: job.payload } : job }),
    ...(Object.keys(trigger).length > 0 && { trigger: checkTrigger(trigger, now, timeZone) }),
  };
  checkOverlap({ ...found, ...edit });
  return edit;
};

interface JobPart {
  readonly type: string;
  readonly payload?: unknown;
  readonly options?: unknown;
}

/** Where a new payload shows the mask of a secret, that secret is meant. What is as it was stays as it is stored. */
const editedJob = async (
  { type, payload: given, options }: JobPart,
  { id, job: old }: Schedule,
  types: RequestParts['types'],
  defaults: SystemDefaults,
  now: number,
): Promise<ScheduledJob> => {
  const { vault } = defaults;
  const stored = { ...boundToSchedule(id), payload: JSON.parse(old.payload) as unknown };
  const was = vault.open(stored.payload, stored, types.get(old.type)).payload;
  const payload = given === undefined ? was : vault.edited(given, stored, types.get(old.type));
  const job = await scheduledJob({ type, payload, options }, `schedule ${id}`, types, defaults, now);
  const isSame = type === old.type && JSON.stringify(payload) === JSON.stringify(was);
  return isSame ? { ...job, payload: old.payload } : job;
};

const scheduledJob = (
  { type, payload, options }: JobPart,
  binding: Binding,
  types: RequestParts['types'],
  defaults: SystemDefaults,
  now: number,
): MaybePromise<ScheduledJob> => {
  for (const name of OF_ONE_RUN)
    if (isRecord(options) && options[name] !== undefined)
      throw invalidOption(`options.${name}`, options[name], 'nothing: every run of a schedule has its own');
  const prepared = prepareJob({ type, payload, options }, types, defaults, now, binding);
  return prepared instanceof Promise ? prepared.then(({ job }) => toScheduledJob(job)) : toScheduledJob(prepared.job);
};

const apart = (given: Readonly<Record<string, unknown>>) => {
  const of = (isTrigger: boolean) =>
    Object.fromEntries(
      Object.entries(given).filter(([name, value]) => value !== undefined && TRIGGER.includes(name) === isTrigger),
    );
  return { trigger: of(true), rest: of(false) };
};
