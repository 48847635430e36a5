/** What can be said with each call of an application's manager: one table for functions, one for job types. */
import { type Check, checkOptions, type Duration, listOf } from '../job/check.ts';
import type { EnqueueOptions } from '../job/enqueue-options.ts';
import { idCheck } from '../job/enqueue-options.ts';
import { invalidOption } from '../job/errors.ts';
import type { ScheduledOptions } from '../schedule/request.ts';

/** Beside its function. */
export interface FunctionOptions<Args extends readonly unknown[] = readonly unknown[]>
  extends Pick<EnqueueOptions, 'queue' | 'priority' | 'limitKey' | 'tags' | 'userInitiated'> {
  /** What the function is called with, as it is: nothing is copied. An object takes the place of keyword arguments. */
  readonly args?: Args;
  /** Letters, digits, `_ . : @ + -`, at most 200. Default: a new UUID. The id of a function that has ended is free again. */
  readonly jobId?: string;
  /** The largest number of executions. Default 1: a function that throws has failed. */
  readonly maxAttempts?: number;
  /** How long one attempt may take; default for ever. A function cannot be killed, see `docs/in-one-process.md`. */
  readonly timeout?: Duration | false;
}

/** Options may be left out where the function can be called without arguments. */
export type FunctionRest<Args extends readonly unknown[]> = [] extends Args
  ? [options?: FunctionOptions<Args>]
  : [options: FunctionOptions<Args> & { readonly args: Args }];

/** Beside the name of a job type: what `enqueue` takes, where the call itself does not say it. */
export interface TypeOptions<Payload = unknown> extends Omit<EnqueueOptions, 'id' | 'delay' | 'runAt' | 'held' | 'tx'> {
  readonly payload?: Payload;
  readonly jobId?: string;
}

/** How often a recurring job runs. */
export interface RecurringOptions {
  /** From one run to the next, at a fixed rate: 0.1 to 3,153,600,000 (a hundred years). The first run is one interval from now. */
  readonly intervalSeconds: number;
  /** Runs that may be unfinished at one time; a slot beyond it is left out, and told. Default 1. */
  readonly maxInstances?: number;
}

/** What a recurring function takes beside: as `FunctionOptions`, but for what means a single job. */
export type RecurringFunction<Args extends readonly unknown[] = readonly unknown[]> = RecurringOptions &
  Omit<FunctionOptions<Args>, 'userInitiated'> &
  ([] extends Args ? unknown : { readonly args: Args });

/** What a recurring job type takes beside. */
export type RecurringType<Payload = unknown> = RecurringOptions &
  Pick<
    TypeOptions<Payload>,
    | ('payload' | 'jobId' | 'queue' | 'priority' | 'maxAttempts' | 'maxCrashes' | 'timeout')
    | ('totalTimeout' | 'startTimeout' | 'key' | 'limitKey' | 'tags')
  >;

/** The engine checks these where it always does. */
const asGiven = (value: unknown): unknown => value;
const anything: Check<unknown> = asGiven;

const SHARED = {
  jobId: idCheck,
  queue: asGiven,
  priority: asGiven,
  maxAttempts: asGiven,
  timeout: asGiven,
  limitKey: asGiven,
  tags: asGiven,
  userInitiated: asGiven,
};
const OF_FUNCTION = { ...SHARED, args: listOf(anything, 1000) };
const OF_TYPE = {
  ...SHARED,
  payload: asGiven,
  maxCrashes: asGiven,
  totalTimeout: asGiven,
  startTimeout: asGiven,
  key: asGiven,
  keyWindow: asGiven,
  onConflict: asGiven,
  parent: asGiven,
  expiresAt: asGiven,
};

const MAX_SECONDS = 100 * 366 * 86_400;

const seconds: Check<number> = (value, field) => {
  if (typeof value === 'number' && value >= 0.1 && value <= MAX_SECONDS) return value;
  throw invalidOption(field, value, `a number of seconds from 0.1 to ${MAX_SECONDS}`);
};

const { userInitiated: _, ...OF_EACH } = SHARED;
const OF_RECURRING = { intervalSeconds: seconds, maxInstances: asGiven };
const OF_RECURRING_FUNCTION = { ...OF_EACH, ...OF_RECURRING, args: listOf(anything, 1000) };
const OF_RECURRING_TYPE = {
  ...{ ...OF_EACH, ...OF_RECURRING, payload: asGiven, maxCrashes: asGiven },
  ...{ totalTimeout: asGiven, startTimeout: asGiven, key: asGiven },
};

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const checkRecurring = (given: unknown, of: 'function' | 'type') => {
  const table = of === 'function' ? OF_RECURRING_FUNCTION : OF_RECURRING_TYPE;
  const checked = checkOptions(table as typeof OF_RECURRING_FUNCTION & typeof OF_RECURRING_TYPE, given, 'options');
  const { args = [], payload, jobId, intervalSeconds, maxInstances, ...rest } = checked;
  const intervalMs = Math.round(1000 * seconds(intervalSeconds, 'intervalSeconds'));
  return {
    args,
    payload,
    jobId,
    intervalMs,
    maxInstances: maxInstances as number | undefined,
    options: rest as ScheduledOptions,
  };
};

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const checkFunctionOptions = (given: unknown) => {
  const { args = [], jobId, ...rest } = checkOptions(OF_FUNCTION, given, 'options');
  return { args, jobId, rest: rest as EnqueueOptions };
};

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const checkTypeOptions = (given: unknown) => {
  const { payload, jobId, ...rest } = checkOptions(OF_TYPE, given, 'options');
  return { payload, jobId, rest: rest as EnqueueOptions };
};
