/** A call to enqueue → a complete, checked job: this call's options, then the job type's, then the system's. */
import { isBuiltIn } from '../job/bulk.ts';
import { checkOptions, isRecord, keyCheck } from '../job/check.ts';
import type { CheckedJobType } from '../job/define.ts';
import { type CheckedEnqueueOptions, checkEnqueueOptions, type NewJob, typeCheck } from '../job/enqueue-options.ts';
import { builtInType, invalidOption, unknownJobType } from '../job/errors.ts';
import type { Job } from '../job/job.ts';
import { encodePayload, validate } from '../job/payload.ts';
import type { MaybePromise } from '../store/store.ts';
import { type Binding, bindingOf, mustNotTell, scrubbed, type Vault } from './vault.ts';

/** What the system says where neither the call nor the job type does. */
export interface SystemDefaults {
  readonly timeoutMs: number | null;
  readonly maxAttempts: number;
  readonly maxPayloadBytes: number;
  readonly newId: () => string;
  readonly vault: Vault;
}

export const DEFAULTS = { queue: 'default', priority: 5, maxCrashes: 5 } as const;

export interface JobRequest {
  readonly type: string;
  readonly payload?: unknown;
  readonly options?: unknown;
}

/**
 * Checks one request. Waits only if the input schema is asynchronous.
 * @param types the registered job types; an empty map accepts every type (a program that only enqueues).
 * @param binding what the payload belongs to, if it is not this job.
 */
export const prepareJob = (
  request: JobRequest,
  types: ReadonlyMap<string, CheckedJobType>,
  defaults: SystemDefaults,
  now: number,
  binding?: Binding,
): MaybePromise<{ job: NewJob; options: CheckedEnqueueOptions }> => {
  const name = typeCheck(request.type, 'type');
  if (isBuiltIn(name)) throw builtInType(name);
  const type = types.get(name);
  if (!type && types.size > 0) throw unknownJobType(name, [...types.keys()]);
  const options = checkEnqueueOptions(request.options);
  const payload = request.payload ?? null;
  // The input is stored, not the schema's output: the schema runs again where the job does.
  const json = encodePayload(payload, defaults.maxPayloadBytes);
  const { any, scrubber } = defaults.vault.find(JSON.parse(json), type);
  const fail = (error: unknown): never => {
    throw any ? scrubbed(error, scrubber) : error;
  };
  const finish = () => {
    const job = complete(name, type, payload, json, options, defaults, now);
    if (!any) return { job, options };
    const { id, key, limitKey, tags, tenant } = job;
    mustNotTell(scrubber, { id, key, limitKey, tags, tenant });
    return { job: { ...job, payload: defaults.vault.seal(json, type, binding ?? bindingOf(job)) }, options };
  };
  try {
    const valid = validate(type?.input, payload);
    return valid instanceof Promise ? valid.then(finish).catch(fail) : finish();
  } catch (error) {
    return fail(error);
  }
};

const complete = (
  type: string,
  defined: CheckedJobType | undefined,
  payload: unknown,
  json: string,
  options: CheckedEnqueueOptions,
  defaults: SystemDefaults,
  now: number,
): NewJob => {
  const runAt = options.runAt ?? now + (options.delay ?? 0);
  const after = (ms: number | null) => (ms === null ? null : runAt + ms);
  if (options.expiresAt !== undefined && options.expiresAt <= runAt)
    throw invalidOption('expiresAt', new Date(options.expiresAt).toISOString(), 'a time after the job may start');
  return {
    id: options.id ?? defaults.newId(),
    type,
    queue: options.queue ?? defined?.queue ?? DEFAULTS.queue,
    status: options.held ? 'created' : 'queued',
    priority: options.priority ?? defined?.priority ?? DEFAULTS.priority,
    payload: json,
    runAt,
    maxAttempts: options.maxAttempts ?? defined?.maxAttempts ?? defaults.maxAttempts,
    maxCrashes: options.maxCrashes ?? defined?.maxCrashes ?? DEFAULTS.maxCrashes,
    timeoutMs: firstSaid(options.timeout, defined?.timeout, defaults.timeoutMs),
    key: options.key ?? madeKey(defined, 'key', payload),
    keyUntil: options.keyWindow === undefined ? null : now + options.keyWindow,
    onConflict: options.onConflict ?? 'return',
    limitKey: options.limitKey ?? madeKey(defined, 'limitKey', payload),
    parentId: options.parent ?? null,
    tenant: options.tenant ?? null,
    replayOf: null,
    tags: options.tags ?? [],
    userInitiated: options.userInitiated ?? true,
    expiresAt: options.expiresAt ?? after(firstSaid(options.startTimeout, defined?.startTimeout, null)),
    totalMs: firstSaid(options.totalTimeout, defined?.totalTimeout, null),
  };
};

/**
 * A job like an old one, that has ended or not: a new row that names it, with another payload if one is given.
 * @throws INVALID_PAYLOAD, SECRET_KEY_MISSING.
 */
export const replayOf = async (
  old: Job,
  given: unknown,
  defined: CheckedJobType | undefined,
  { vault, newId, maxPayloadBytes }: SystemDefaults,
  now: number,
): Promise<NewJob> => {
  const input = given === undefined ? vault.open(old.payload, old, defined).payload : vault.edited(given, old, defined);
  const json = encodePayload(input, maxPayloadBytes);
  const { any, scrubber } = vault.find(JSON.parse(json), defined);
  try {
    await validate(defined?.input, input);
  } catch (error) {
    throw any ? scrubbed(error, scrubber) : error;
  }
  const id = newId();
  return copyOf(old, any ? vault.seal(json, defined, `job ${id}`) : json, id, now);
};

/** The row of a job like an old one. @param payload as it is stored. */
export const copyOf = (old: Job, payload: string, id: string, now: number): NewJob => {
  const { type, queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, parentId, tenant, tags } = old;
  return {
    ...{ type, queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, parentId, tenant, tags },
    ...{ id, status: 'queued', payload, runAt: now, replayOf: old.id, userInitiated: old.userInitiated },
    ...{ key: null, keyUntil: null, onConflict: 'return', expiresAt: null },
    // What it is for stays what it was, though it fires no slot.
    ...(old.scheduleId !== null && { slot: { scheduleId: old.scheduleId, at: old.slotAt! } }),
  } as const;
};

/** Null is said, too: it means "no limit". */
const firstSaid = <T>(...said: [...(T | undefined)[], T]): T => said.find((one) => one !== undefined) as T;

const madeKey = (type: CheckedJobType | undefined, which: 'key' | 'limitKey', payload: unknown): string | null => {
  const make = type?.[which];
  if (!make) return null;
  return keyCheck(make(payload), `${type.name}.${which}(payload)`);
};

const asGiven = (value: unknown): unknown => value;
const ITEM = { type: asGiven, payload: asGiven, options: asGiven };

/** One item of a list; all of them share one transaction, which cannot be the caller's. */
export const checkItem = (item: unknown): JobRequest => {
  if (!isRecord(item)) throw invalidOption('item', item, '{ type, payload, options }');
  const request = checkOptions(ITEM, item, 'a job') as unknown as JobRequest;
  const tx = isRecord(request.options) ? request.options['tx'] : undefined;
  if (tx !== undefined) throw invalidOption('options.tx', tx, 'only with enqueue');
  return request;
};
