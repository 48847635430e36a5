/** A call to enqueueBatch → the batch and its jobs, complete and checked, ready for one insert: the batch first. */
import { type BatchEnd, type CallbackKind, type FailurePolicy, failurePolicyCheck } from '../job/batch.ts';
import { type Check, checkOptions, type Duration, isRecord } from '../job/check.ts';
import type { CheckedJobType, Jobs } from '../job/define.ts';
import {
  ENQUEUE_OPTIONS,
  type EnqueueOptions,
  type NewCallback,
  type NewJob,
  type Transaction,
  typeCheck,
} from '../job/enqueue-options.ts';
import { inItem, inPart, invalidOption } from '../job/errors.ts';
import { encodePayload } from '../job/payload.ts';
import type { MaybePromise } from '../store/store.ts';
import type { EnqueueItem } from './enqueued.ts';
import { checkItem, DEFAULTS, type JobRequest, prepareJob, type SystemDefaults } from './new-job.ts';
import { mustNotTell } from './vault.ts';

/** A group of jobs that ends when all of them have. */
export interface BatchRequest<J extends Jobs = Jobs> {
  /** A name of its own to find it by; it needs no handler. */
  readonly type: string;
  readonly jobs: readonly EnqueueItem<J>[];
  /** Whatever belongs to the batch as a whole; shown with it, given to nobody. */
  readonly payload?: unknown;
  /** What a job that does not complete means for the batch. Default `finish`: nothing, the result counts it. */
  readonly failurePolicy?: FailurePolicy;
  /** A job to hand in when the batch has completed; once per life of the batch. */
  readonly onSuccess?: BatchCallback<J>;
  /** A job to hand in when it has failed, timed out or been cancelled. */
  readonly onFailure?: BatchCallback<J>;
  /** A job to hand in when it has ended, in whatever. */
  readonly onEnd?: BatchCallback<J>;
  /** More jobs follow, with `enqueue(…, { parent })`: it does not end before `sealBatch`. */
  readonly open?: boolean;
  readonly id?: string;
  /** Of the batch, and of those of its jobs that do not say otherwise. */
  readonly queue?: string;
  readonly priority?: number;
  readonly userInitiated?: boolean;
  /** Of the batch alone. */
  readonly tags?: readonly string[];
  /** The job or batch that this batch belongs to. */
  readonly parent?: string;
  /** Of the batch, its jobs and its callbacks. */
  readonly tenant?: string;
  /**
   * How long all of it may take from now on; then what is unfinished is cancelled, and it ends as `timeout`. Looked at every few
   * seconds (a quarter of the lease). Default: for ever.
   */
  readonly totalTimeout?: Duration | false;
  /** An open transaction on the same database: batch and jobs exist if and only if it commits. */
  readonly tx?: Transaction;
}

/** An ordinary job that a batch hands in. Its payload is a `BatchEnd`. */
export interface BatchCallback<J extends Jobs = Jobs> {
  readonly type: keyof J & string;
  readonly payload?: unknown;
  readonly options?: Pick<EnqueueOptions, (typeof CALLBACK_OPTION_NAMES)[number]>;
}

const CALLBACK_OPTION_NAMES = [
  ...(['queue', 'priority', 'delay', 'runAt', 'maxAttempts', 'maxCrashes', 'timeout', 'totalTimeout'] as const),
  ...(['startTimeout', 'limitKey', 'tags', 'userInitiated'] as const),
] as const;
/** No key, parent, id or hold: nothing may keep a callback from being handed in. */
const CALLBACK_OPTIONS = Object.fromEntries(CALLBACK_OPTION_NAMES.map((name) => [name, ENQUEUE_OPTIONS[name]]));

const asGiven: Check<unknown> = (value) => value;
const items: Check<readonly unknown[]> = (value, field) => {
  if (!Array.isArray(value)) throw invalidOption(field, value, 'a list of { type, payload, options }');
  return value;
};

const { id, queue, priority, userInitiated, tags, parent, tenant, totalTimeout, tx, held: flag } = ENQUEUE_OPTIONS;
const BATCH = {
  ...{ type: typeCheck, jobs: items, payload: asGiven, failurePolicy: failurePolicyCheck, open: flag },
  ...{ onSuccess: asGiven, onFailure: asGiven, onEnd: asGiven },
  ...{ id, queue, priority, userInitiated, tags, parent, tenant, totalTimeout, tx },
};
type CheckedBatch = ReturnType<typeof checkBatch>;

interface Types {
  readonly types: ReadonlyMap<string, CheckedJobType>;
  readonly defaults: SystemDefaults;
}

/** @returns the batch, then its jobs. Waits only if an input schema is asynchronous. */
export const prepareBatch = (given: unknown, parts: Types, now: number): MaybePromise<NewJob[]> => {
  const batch = checkBatch(given, parts.defaults);
  const waiting: Promise<unknown>[] = [];
  const named = <T>(name: (error: unknown) => unknown, make: () => MaybePromise<T>): MaybePromise<T> => {
    const fail = (error: unknown): never => {
      throw name(error);
    };
    try {
      const made = make();
      if (!(made instanceof Promise)) return made;
      const late = made.catch(fail);
      // It is awaited below, unless something else throws before.
      late.catch(() => {});
      waiting.push(late);
      return late;
    } catch (error) {
      return fail(error);
    }
  };
  const jobs = batch.jobs.map((item, i) =>
    named(
      (error) => inItem(i, error),
      () => prepareChild(item, batch, parts, now),
    ),
  );
  const callbacks = KINDS.flatMap(([on, field]) =>
    batch[field] === undefined
      ? []
      : named(
          (error) => inPart(field, error),
          () => prepareCallback(on, batch[field], batch, parts, now),
        ),
  );
  if (waiting.length === 0) return [rowOf(batch, callbacks as NewCallback[], parts, now), ...(jobs as NewJob[])];
  return Promise.all([Promise.all(jobs), Promise.all(callbacks)]).then(([children, called]) => [
    rowOf(batch, called, parts, now),
    ...children,
  ]);
};

const KINDS = [
  ['success', 'onSuccess'],
  ['failure', 'onFailure'],
  ['end', 'onEnd'],
] as const satisfies readonly (readonly [CallbackKind, string])[];

const checkBatch = (given: unknown, defaults: SystemDefaults) => {
  if (!isRecord(given)) throw invalidOption('batch', given, '{ type, jobs, … }');
  const options = checkOptions(BATCH, given, 'enqueueBatch');
  const { failurePolicy: policy = 'finish', open = false } = options;
  const jobs = items(options.jobs, 'jobs');
  if (typeof policy === 'object' && !open && policy.atLeast > jobs.length)
    throw invalidOption('failurePolicy.atLeast', policy.atLeast, `at most the number of its jobs, ${jobs.length}`);
  return { ...options, type: typeCheck(options.type, 'type'), jobs, policy, open, id: options.id ?? defaults.newId() };
};

/** One of its jobs: what it does not say itself, its batch may. */
const prepareChild = (item: unknown, batch: CheckedBatch, { types, defaults }: Types, now: number) => {
  const request = checkItem(item);
  const own = isRecord(request.options) ? request.options : {};
  if (own['parent'] !== undefined) throw invalidOption('options.parent', own['parent'], 'nothing: it is the batch');
  if (own['tenant'] !== undefined)
    throw invalidOption('options.tenant', own['tenant'], 'nothing: it is that of the batch');
  const { queue, priority, userInitiated, tenant } = batch;
  const options = { queue, priority, userInitiated, tenant, ...given(request.options), parent: batch.id };
  const prepared = prepareJob({ ...request, options }, types, defaults, now);
  return prepared instanceof Promise ? prepared.then(({ job }) => job) : prepared.job;
};

/** What is undefined was not given, and must not hide what the batch says. Anything but an object is refused by the check of a job. */
const given = (options: unknown): object => {
  if (options === undefined) return {};
  if (!isRecord(options)) throw invalidOption('options', options, 'an object of options');
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
};

/**
 * Checked as a job with a payload like the one it will have, so that a type, an option or a schema that does not fit is found now
 * and not at the end of a long night.
 */
const prepareCallback = (
  on: CallbackKind,
  callback: unknown,
  batch: CheckedBatch,
  { types, defaults }: Types,
  now: number,
): MaybePromise<NewCallback> => {
  const { type, payload, options } = checkItem(callback) as JobRequest;
  const checked = checkOptions(CALLBACK_OPTIONS, options, 'options');
  const json = encodePayload(payload, defaults.maxPayloadBytes);
  const prepared = prepareJob({ type, payload: specimen(on, batch, payload), options: checked }, types, defaults, now);
  const finish = (job: NewJob): NewCallback => {
    const { id, queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, tags, userInitiated } = job;
    return {
      on,
      job: {
        ...{
          id,
          type,
          queue,
          priority,
          payload: sealedFor(id, type, json, types, defaults),
          maxAttempts,
          maxCrashes,
          timeoutMs,
          totalMs,
        },
        ...{ limitKey, tags, userInitiated, tenant: batch.tenant ?? null },
      },
      delayMs: (checked['delay'] as number | undefined) ?? 0,
      runAt: (checked['runAt'] as number | undefined) ?? null,
      startMs: job.expiresAt === null ? null : job.expiresAt - job.runAt,
    };
  };
  return prepared instanceof Promise ? prepared.then(({ job }) => finish(job)) : finish(prepared.job);
};

/** What it gets then is the end of its batch, with this beside it. */
const sealedFor = (
  id: string,
  type: string,
  json: string,
  types: Types['types'],
  { vault }: SystemDefaults,
): string => {
  const whole = vault.seal(`{"payload":${json}}`, types.get(type), `callback ${id}`);
  return JSON.stringify((JSON.parse(whole) as { payload: unknown }).payload);
};

const specimen = (on: CallbackKind, { id, type, jobs }: CheckedBatch, payload: unknown): BatchEnd => {
  const [total, failed] = [jobs.length, on === 'failure' ? jobs.length : 0];
  const counts = { total, completed: total - failed, failed, timeout: 0, cancelled: 0 };
  return {
    batch: { id, type, status: on === 'failure' ? 'failed' : 'completed', ...counts },
    payload: payload ?? null,
  };
};

const payloadOf = ({ id, payload, tags, tenant }: CheckedBatch, { maxPayloadBytes, vault }: SystemDefaults): string => {
  const json = encodePayload(payload, maxPayloadBytes);
  const { any, scrubber } = vault.find(JSON.parse(json), undefined);
  if (!any) return json;
  mustNotTell(scrubber, { id, tags: tags ?? [], tenant: tenant ?? null });
  return vault.seal(json, undefined, `job ${id}`);
};

const rowOf = (batch: CheckedBatch, callbacks: readonly NewCallback[], { defaults }: Types, now: number): NewJob => {
  const { id, type, policy, open, queue, priority, userInitiated, tags, parent, tenant, totalTimeout } = batch;
  return {
    ...{ id, type, queue: queue ?? DEFAULTS.queue, status: 'queued', priority: priority ?? DEFAULTS.priority },
    ...{ payload: payloadOf(batch, defaults), runAt: now, maxAttempts: 1, maxCrashes: 1 },
    ...{ timeoutMs: null, key: null, keyUntil: null, onConflict: 'return', limitKey: null, parentId: parent ?? null },
    tenant: tenant ?? null,
    ...{ replayOf: null, tags: tags ?? [], userInitiated: userInitiated ?? true, expiresAt: null },
    ...{ totalMs: totalTimeout ?? null, batch: { policy, open, callbacks } },
  } as const;
};
