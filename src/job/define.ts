import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type Backoff, checkBackoff, type Wait } from './backoff.ts';
import { isBuiltIn } from './bulk.ts';
import {
  type Check,
  type Checked,
  checkOptions,
  type Duration,
  durationOrNever,
  flag,
  func,
  isRecord,
  timerDuration,
} from './check.ts';
import type { Context, JobInfo } from './context.ts';
import { SHARED_OPTIONS, typeCheck } from './enqueue-options.ts';
import { builtInType, invalidOption } from './errors.ts';
import { secretNames, secretPaths } from './secrets.ts';

/** What to do with an error, said by a job type's `onError`. */
export type ErrorVerdict = 'retry' | 'never' | { readonly retryAfter: Duration } | { readonly snooze: Duration };

/** Defaults of a job type. */
export interface JobTypeOptions<Payload> {
  readonly queue?: string;
  /** 1 runs first, 10 last. Default 5. */
  readonly priority?: number;
  /** The largest number of executions. Default 3. */
  readonly maxAttempts?: number;
  /** After this many worker deaths the job is set aside as `failed`. Default 5. */
  readonly maxCrashes?: number;
  /** How long one attempt may take; `false` for no limit. Default 5 minutes. */
  readonly timeout?: Duration | false;
  /** When a failed job runs again. Default: exponential from `retryDelay`. */
  readonly backoff?: Backoff;
  /** Whether an attempt that timed out is tried again. Default true. */
  readonly retryTimeouts?: boolean;
  /** How long an attempt may go without a sign of life: progress, a log line or `ctx.heartbeat()`. Default: for ever. */
  readonly idleTimeout?: Duration | false;
  /** How long a job may take from its first start on, with all attempts and the waits between them; then it ends as `timeout`. Default: for ever. */
  readonly totalTimeout?: Duration | false;
  /** A job that has not started within this time of its run time is cancelled as expired. Default: never. */
  readonly startTimeout?: Duration | false;
  /** How long the work may go on after its signal, before what can be killed is killed. Default: the system's `grace`, 1 s. */
  readonly grace?: Duration;
  /** What does the work: the handler `run` in this process (default), or a `ThreadPool` or `WorkerPool`, which have their own. */
  readonly runner?: 'in-process' | RunnerLike;
  /** Makes the unique key from the payload. */
  readonly key?: (payload: Payload) => string;
  /** Makes the limit key from the payload. */
  readonly limitKey?: (payload: Payload) => string;
  /**
   * Paths of the payload that are secret, such as `'auth.password'` or `'users.*.pin'`: encrypted where they are stored, masked where
   * they are shown, in clear for the handler alone. Fields whose name speaks of a secret (`SECRET_NAMES`) are secret without this.
   */
  readonly secrets?: readonly string[];
  /** Names of fields that are no secret although they look like one, such as `'pageToken'`; in payloads, results and log fields. */
  readonly notSecret?: readonly string[];
  /** Decides per error: try again, never, after a given time, or put it off without using the attempt. */
  readonly onError?: (error: unknown, job: JobInfo, attempt: number) => ErrorVerdict | undefined;
}

/** A runner as a job type names it; `Result` is what its handlers return, as the user states it. */
export interface RunnerLike<Result = unknown> {
  readonly name: string;
  run(task: never): unknown;
  close(): Promise<void>;
  /** Only for the type system. */
  readonly result?: Result;
}

/** A job type: its input, its handler and its defaults. Made by `job()`. */
export interface JobType<Input, Payload, Result> extends JobTypeOptions<Input & Payload> {
  readonly input?: StandardSchemaV1<Input, Payload>;
  readonly run: (payload: Payload, ctx: Context) => Result | Promise<Result>;
}

/** Any job type at all. */
export interface AnyJobType extends JobTypeOptions<never> {
  readonly input?: StandardSchemaV1;
  readonly run?: (payload: never, ctx: Context) => unknown;
}

export type Jobs = Readonly<Record<string, AnyJobType>>;

export type InputOf<J> = J extends { readonly input: StandardSchemaV1<infer Input, unknown> }
  ? Input
  : J extends { readonly run: (payload: infer Payload, ctx: Context) => unknown }
    ? // Nothing is known of the payload of any job type at all.
      [Payload] extends [never]
      ? unknown
      : Payload
    : unknown;

export type ResultOf<J> = J extends { readonly run: (payload: never, ctx: Context) => infer Result }
  ? Awaited<Result>
  : J extends { readonly runner: { readonly result?: infer Result } }
    ? Result
    : unknown;

/**
 * Defines a job type: a handler, optionally the schema of its input (any Standard Schema: zod, valibot, arktype …), and defaults.
 *
 * @example
 * const jobs = {
 *   welcome: job({ input: z.object({ email: z.email() }), maxAttempts: 5, run: async (user) => send(user.email) }),
 * };
 */
export function job<S extends StandardSchemaV1, R>(
  definition: JobTypeOptions<StandardSchemaV1.InferInput<S>> & {
    readonly input: S;
    readonly run: (payload: StandardSchemaV1.InferOutput<S>, ctx: Context) => R | Promise<R>;
  },
): {
  readonly input: S;
  readonly run: (payload: StandardSchemaV1.InferOutput<S>, ctx: Context) => R | Promise<R>;
} & JobTypeOptions<StandardSchemaV1.InferInput<S>>;
export function job<P, R>(
  definition: JobTypeOptions<P> & { readonly run: (payload: P, ctx: Context) => R | Promise<R> },
): { readonly run: (payload: P, ctx: Context) => R | Promise<R> } & JobTypeOptions<P>;
export function job<S extends StandardSchemaV1, R>(
  definition: JobTypeOptions<StandardSchemaV1.InferInput<S>> & { readonly input: S; readonly runner: RunnerLike<R> },
): { readonly input: S; readonly runner: RunnerLike<R> } & JobTypeOptions<StandardSchemaV1.InferInput<S>>;
export function job<R>(
  definition: JobTypeOptions<unknown> & { readonly runner: RunnerLike<R> },
): { readonly runner: RunnerLike<R> } & JobTypeOptions<unknown>;
export function job(definition: unknown): unknown {
  return definition;
}

const schema: Check<StandardSchemaV1> = (value, field) => {
  const standard = (value as StandardSchemaV1 | null)?.['~standard'];
  if (typeof standard?.validate !== 'function')
    throw invalidOption(field, value, 'a Standard Schema (zod, valibot, arktype …)');
  return value as StandardSchemaV1;
};

const runner: Check<'in-process' | RunnerLike> = (value, field) => {
  const { name, run, close } = Object(value) as Partial<RunnerLike>;
  const isRunner = typeof name === 'string' && typeof run === 'function' && typeof close === 'function';
  if (value !== 'in-process' && !isRunner)
    throw invalidOption(field, value, "'in-process', a ThreadPool or a WorkerPool");
  return value as 'in-process' | RunnerLike;
};

const JOB_TYPE_OPTIONS = {
  ...SHARED_OPTIONS,
  run: func,
  input: schema,
  backoff: ((value, field) => checkBackoff(value, field)) as Check<Wait>,
  retryTimeouts: flag,
  runner,
  idleTimeout: durationOrNever,
  grace: timerDuration(0),
  key: func,
  limitKey: func,
  onError: func,
  secrets: secretPaths,
  notSecret: secretNames,
} as const;

/** A job type after its check. */
export type CheckedJobType = Omit<Checked<typeof JOB_TYPE_OPTIONS>, 'run' | 'key' | 'limitKey' | 'onError'> & {
  readonly name: string;
  readonly run?: (payload: unknown, ctx: Context) => unknown;
  readonly key?: (payload: unknown) => string;
  readonly limitKey?: (payload: unknown) => string;
  readonly onError?: (error: unknown, job: JobInfo, attempt: number) => ErrorVerdict | undefined;
};

/** @throws INVALID_OPTION, UNKNOWN_OPTION; the field is prefixed with the type's name. */
export const checkJobTypes = (jobs: Jobs | undefined): ReadonlyMap<string, CheckedJobType> => {
  const checked = new Map<string, CheckedJobType>();
  if (jobs !== undefined && !isRecord(jobs))
    throw invalidOption('jobs', jobs, 'job types by name: { name: job({ run }) }');
  for (const [name, definition] of Object.entries(jobs ?? {})) {
    typeCheck(name, 'job type');
    if (isBuiltIn(name)) throw builtInType(name);
    const options = checkOptions(JOB_TYPE_OPTIONS, definition, `job type "${name}"`, `${name}.`);
    const elsewhere = typeof options.runner === 'object';
    if (!options.run && !elsewhere) throw invalidOption(`${name}.run`, undefined, 'the handler, a function');
    if (options.run && elsewhere)
      throw invalidOption(
        `${name}.run`,
        options.run,
        `nothing: the runner ${JSON.stringify(options.runner.name)} has its own handler`,
      );
    checked.set(name, { ...options, name } as CheckedJobType);
  }
  return checked;
};
