/** What can be said with each call of an application's manager: one table for functions, one for job types. */
import { type Check, checkOptions, type Duration, listOf } from '../job/check.ts';
import type { EnqueueOptions } from '../job/enqueue-options.ts';
import { idCheck } from '../job/enqueue-options.ts';

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
