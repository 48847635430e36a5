/** All that doors may call: hand work in, ask about it, change one's mind. The client never runs a job. */

import { checkOptions, type Duration, duration, flag, instant, integer, isRecord, text } from '../job/check.ts';
import type { InputOf, Jobs, ResultOf } from '../job/define.ts';
import { type EnqueueOptions, idCheck, priorityCheck, queueCheck, type Transaction } from '../job/enqueue-options.ts';
import {
  asyncSchemaInTransaction,
  fileOnly,
  inItem,
  invalidOption,
  jobNotFound,
  notABatch,
  notAllowedNow,
  notForBatches,
} from '../job/errors.ts';
import { checkFilter, checkPage, type JobFilter, type PageOptions, type Reach } from '../job/filter.ts';
import type { Attempt, Job, LogLine } from '../job/job.ts';
import { isFinal } from '../job/states.ts';
import type {
  Adjustment,
  CancelOutcome,
  IntegrityReport,
  JobPage,
  LogPosition,
  QueueRow,
  StoreStats,
  WorkerRow,
} from '../store/store.ts';
import { Audit } from './audit.ts';
import type { ClientParts } from './client-parts.ts';
import {
  type Enqueued,
  type EnqueuedBatch,
  type EnqueuedItem,
  type EnqueueItem,
  toEnqueued,
  toEnqueuedBatch,
  toItem,
} from './enqueued.ts';
import { checkMetricsRange, type Metrics, type MetricsOptions, metricsOf } from './metrics.ts';
import { type BatchRequest, prepareBatch } from './new-batch.ts';
import { checkItem, prepareJob, replayOf } from './new-job.ts';
import { onceIn } from './once.ts';
import { partsWithin } from './reach.ts';
import { Secrets } from './rotation.ts';
import { Tokens } from './tokens.ts';
import { LOG_PAGE, type Which, wide } from './which.ts';

/** How long the answer to a request that may come again is kept. */
const REQUESTS_MS = 86_400_000;

export class Client<J extends Jobs = Jobs> {
  readonly #parts: ClientParts;
  /** Who may come in through a door, what they changed, and the keys of what is secret in payloads. */
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly secrets: Secrets;

  constructor(parts: ClientParts) {
    this.#parts = parts;
    this.tokens = new Tokens(parts);
    this.audit = new Audit(parts);
    this.secrets = new Secrets(parts);
  }

  /**
   * Hands in one job; resolves when it is stored and synced. With `tx` the job belongs to the caller's open transaction, and
   * errors are thrown at once, so that they reach the transaction.
   * @throws UNKNOWN_JOB_TYPE, INVALID_PAYLOAD, PAYLOAD_TOO_LARGE, INVALID_OPTION, UNKNOWN_OPTION, DUPLICATE_JOB_ID,
   * DUPLICATE_KEY, PARENT_NOT_FOUND, BATCH_ENDED, BAD_TRANSACTION, ASYNC_SCHEMA_IN_TRANSACTION, STORE_FULL, STORE_BUSY.
   */
  enqueue<Name extends keyof J & string>(
    type: Name,
    payload?: InputOf<J[Name]>,
    options?: EnqueueOptions,
  ): Promise<Enqueued<ResultOf<J[Name]>>> {
    const tx = options?.tx;
    const done = tx
      ? this.#enqueueWithin(tx, { type, payload, options })
      : this.#enqueueOne({ type, payload, options });
    return done as Promise<Enqueued<ResultOf<J[Name]>>>;
  }

  /**
   * Hands in many jobs in one transaction. A job that clashes (id, key, parent) is reported as `rejected`, and the others go in.
   * @throws as `enqueue`, naming the item, if any of them is invalid; then nothing is written.
   */
  async enqueueMany(items: readonly EnqueueItem<J>[]): Promise<EnqueuedItem[]> {
    if (!Array.isArray(items)) throw invalidOption('jobs', items, 'a list of { type, payload, options }');
    const now = this.now();
    const jobs = await Promise.all(
      items.map(async (item: unknown, i) => {
        try {
          return (await this.#prepare(checkItem(item), now)).job;
        } catch (error) {
          throw inItem(i, error);
        }
      }),
    );
    const outcomes = await this.#parts.store.insert(jobs, now);
    return outcomes.map((outcome, i) => toItem(outcome, jobs[i]!));
  }

  /**
   * Hands in a batch with its jobs, in one transaction. It ends when all of them have, or at once if there are none. A job that
   * clashes (id, key) is reported as `rejected` or `existing`, and is none of the batch's.
   * @throws as `enqueue`, naming the job or callback, if anything is invalid; then nothing is written. DUPLICATE_JOB_ID,
   * PARENT_NOT_FOUND, BATCH_ENDED about the batch itself; then nothing is written, either.
   *
   * @example
   * const { id } = await manager.enqueueBatch({
   *   type: 'thumbnails',
   *   jobs: files.map((path) => ({ type: 'thumbnail', payload: { path } })),
   *   failurePolicy: { atLeast: 1 },
   *   onEnd: { type: 'report' },
   * });
   */
  enqueueBatch(batch: BatchRequest<J>): Promise<EnqueuedBatch> {
    const tx = isRecord(batch) ? (batch['tx'] as Transaction | undefined) : undefined;
    return tx === undefined ? this.#enqueueBatch(batch) : this.#enqueueBatchWithin(tx, batch);
  }

  /**
   * This client as somebody has it who is bound to some queues and tenants: other jobs do not exist for it.
   * @throws its verbs: BEYOND_REACH for what names another queue or tenant, or concerns the system as a whole.
   */
  within(reach: Reach): Client<J> {
    return new Client<J>(partsWithin(this.#parts, reach));
  }

  /**
   * This client for one request that may come again, from whatever process: the first time it hands in what it is told to; later,
   * for a day, it answers the same and hands in nothing.
   * @param request `key`: the caller's word for it; `caller`: whose word; `fingerprint`: what is asked for.
   * @throws its verbs: IDEMPOTENCY_KEY_REUSED if the key came with another fingerprint before.
   */
  forRequest({ key, caller, fingerprint }: { key: string; caller: string; fingerprint: string }): Client<J> {
    const request = { key: JSON.stringify([caller, key]), fingerprint, until: this.now() + REQUESTS_MS };
    return new Client<J>({ ...this.#parts, store: onceIn(this.#parts.store, request, key) });
  }

  /** No more jobs follow: an open batch ends as soon as those it has have ended. @throws JOB_NOT_FOUND, NOT_A_BATCH, NOT_ALLOWED_NOW. */
  async sealBatch(id: string): Promise<void> {
    await this.#adjust(id, { sealed: true }, 'sealed');
  }

  /** @returns the job, or null if there is none. */
  async get(id: string): Promise<Job | null> {
    return this.#shown(await this.#parts.store.get(idCheck(id, 'id')));
  }

  /** One page of jobs. @throws INVALID_OPTION, UNKNOWN_OPTION, BAD_CURSOR. */
  async list(filter: JobFilter = {}, page: PageOptions = {}): Promise<JobPage> {
    const { jobs, next } = await this.#parts.store.list(checkFilter(filter), checkPage(page));
    return { jobs: jobs.map((job) => this.#shown(job)), next };
  }

  async count(filter: JobFilter = {}): Promise<number> {
    return this.#parts.store.count(checkFilter(filter));
  }

  /** The executions of a job, oldest first, of all its lives. */
  async attempts(id: string): Promise<Attempt[]> {
    return this.#parts.store.attempts(idCheck(id, 'id'));
  }

  /** What its handler logged. @param options `after`: the position of the last line seen; `limit`: 1 to 10,000, default 1,000. */
  async logs(id: string, options: { after?: LogPosition; limit?: number } = {}): Promise<LogLine[]> {
    const { after = null, limit = 1000 } = checkOptions(LOG_PAGE, options, 'options');
    return this.#parts.store.logs(idCheck(id, 'id'), after, limit);
  }

  /**
   * Waits for the end of a job. Always settles.
   * @param options `timeout`: how long to wait at most; 5 minutes if not given.
   * @throws JOB_FAILED (with the error as its cause), JOB_TIMED_OUT, JOB_CANCELLED, JOB_NOT_FOUND, RESULT_TIMEOUT, CLOSED_WHILE_WAITING.
   */
  async result<R = unknown>(
    job: Pick<Enqueued<R>, 'id' | 'result'> | string,
    options: { timeout?: Duration } = {},
  ): Promise<R> {
    const { timeout = 300_000 } = checkOptions({ timeout: duration }, options, 'options');
    const id = idCheck(isRecord(job) ? job['id'] : job, 'id');
    return this.#parts.results.of(id, timeout) as Promise<R>;
  }

  /**
   * Cancels a job: `cancelled` if it waited, `requested` if it runs and is now asked to stop, `no` if it has ended or does not
   * exist. With `tree`, its descendants too; then the answer is that of the whole. A batch runs: its jobs are cancelled with it.
   */
  async cancel(id: string, given: { reason?: string; tree?: boolean } = {}): Promise<'cancelled' | 'requested' | 'no'> {
    const { reason = 'cancelled by request', tree = false } = checkOptions(
      { reason: text(1000), tree: flag },
      given,
      'options',
    );
    const target = { ids: [idCheck(id, 'id')], tree };
    const { cancelled, requested } = await this.#parts.store.requestCancel(target, reason, this.now());
    return requested > 0 ? 'requested' : cancelled > 0 ? 'cancelled' : 'no';
  }

  /** Cancels every job of a filter. @throws FILTER_TOO_WIDE for an empty filter. */
  async cancelAll(which: Which, given: { reason?: string } = {}): Promise<CancelOutcome> {
    const { reason = 'cancelled by request' } = checkOptions({ reason: text(1000) }, given, 'options');
    return this.#parts.store.requestCancel({ filter: wide(which, 'cancelAll') }, reason, this.now());
  }

  /**
   * Starts a new life of a job that failed, timed out or was cancelled; of a batch, with those of its jobs that did.
   * @returns false for any other.
   */
  async retry(id: string): Promise<boolean> {
    const revived = await this.#parts.store.revive({ ids: [idCheck(id, 'id')] }, this.now());
    return revived > 0;
  }

  /** @returns how many. @throws FILTER_TOO_WIDE for an empty filter. */
  async retryAll(which: Which): Promise<number> {
    return this.#parts.store.revive({ filter: wide(which, 'retryAll') }, this.now());
  }

  /**
   * Makes a new job from an old one, with the same type, queue, priority and limits, and a new payload if one is given. It names
   * the old one in `replayOf`. Where a new payload holds the mask of a secret (`***`), the old one's is meant.
   * @throws JOB_NOT_FOUND, INVALID_PAYLOAD, NOT_FOR_BATCHES, SECRET_KEY_MISSING.
   */
  async replay(id: string, payload?: unknown): Promise<Enqueued> {
    const old = await this.#parts.store.get(idCheck(id, 'id'));
    if (!old) throw jobNotFound(id);
    if (old.batch)
      throw notForBatches('replayed', id, 'Retry it to run again what did not complete, or hand in a new one.');
    const { defaults, types, store } = this.#parts;
    const now = this.now();
    const job = await replayOf(old, payload, types.get(old.type), defaults, now);
    const [outcome] = await store.insert([job], now);
    if (outcome!.kind !== 'parent-ended') return toEnqueued(outcome!, job);
    // Its batch takes no more: it runs alone, as a retry of it would.
    const alone = { ...job, parentId: null };
    return toEnqueued((await store.insert([alone], now))[0]!, alone);
  }

  /** @param priority 1 runs first, 10 last. @throws JOB_NOT_FOUND, NOT_FOR_BATCHES, NOT_ALLOWED_NOW unless it waits. */
  async reprioritise(id: string, priority: number): Promise<void> {
    await this.#adjust(id, { priority: priorityCheck(priority, 'priority') }, 're-prioritised');
  }

  /** @param runAt a Date, epoch milliseconds or ISO text with an offset. @throws JOB_NOT_FOUND, NOT_FOR_BATCHES, NOT_ALLOWED_NOW unless it waits. */
  async reschedule(id: string, runAt: Date | number | string): Promise<void> {
    await this.#adjust(id, { runAt: instant(runAt, 'runAt') }, 'rescheduled');
  }

  /** Runs a waiting job as soon as there is a slot, also one that was held back. @throws JOB_NOT_FOUND, NOT_FOR_BATCHES, NOT_ALLOWED_NOW. */
  async runNow(id: string): Promise<void> {
    await this.#adjust(id, { runAt: this.now(), held: false }, 'run now');
  }

  /** Holds a waiting job back until it is resumed. @throws JOB_NOT_FOUND, NOT_FOR_BATCHES, NOT_ALLOWED_NOW. */
  async pauseJob(id: string): Promise<void> {
    await this.#adjust(id, { held: true }, 'paused');
  }

  async resumeJob(id: string): Promise<void> {
    await this.#adjust(id, { held: false }, 'resumed');
  }

  /** Deletes a job that does not run and has no children. @returns whether it did. */
  async remove(id: string): Promise<boolean> {
    return (await this.#parts.store.remove({ ids: [idCheck(id, 'id')] }, this.now())) > 0;
  }

  /** @returns how many. @throws FILTER_TOO_WIDE for an empty filter. */
  async removeAll(which: Which): Promise<number> {
    return this.#parts.store.remove({ filter: wide(which, 'removeAll') }, this.now());
  }

  /** Stops the start of jobs of a queue, in every process, until it is resumed or `until`. Running jobs go on. */
  async pauseQueue(
    name: string,
    given: { reason?: string; actor?: string; until?: Date | number | string } = {},
  ): Promise<void> {
    const table = { reason: text(1000), actor: text(200), until: instant };
    const { reason = null, actor = null, until = null } = checkOptions(table, given, 'options');
    await this.#parts.store.setQueue(queueCheck(name, 'queue'), { pause: { reason, actor, until } }, this.now());
  }

  async resumeQueue(name: string): Promise<void> {
    await this.#parts.store.setQueue(queueCheck(name, 'queue'), { pause: null }, this.now());
    this.#parts.wake();
  }

  /** How many jobs of a queue may run at once, over all processes; null for no limit. */
  async limitQueue(name: string, maxRunning: number | null): Promise<void> {
    const max = maxRunning === null ? null : integer(0, 1_000_000)(maxRunning, 'maxRunning');
    await this.#parts.store.setQueue(queueCheck(name, 'queue'), { maxRunning: max }, this.now());
    this.#parts.wake();
  }

  /** How many jobs with a limit key may run at once, over all queues and processes; null for no limit. */
  async limitKey(key: string, maxRunning: number | null): Promise<void> {
    const max = maxRunning === null ? null : integer(0, 1_000_000)(maxRunning, 'maxRunning');
    await this.#parts.store.setKeyLimit(text(200)(key, 'key'), max);
    this.#parts.wake();
  }

  async queues(): Promise<QueueRow[]> {
    return this.#parts.store.queues(this.now());
  }

  async workers(): Promise<WorkerRow[]> {
    return this.#parts.store.workers();
  }

  async stats(): Promise<StoreStats> {
    return this.#parts.store.stats();
  }

  /**
   * What happened, per step, in all and per job type: rates, error rates, times, and how deep the queues were. Kept for
   * `retention.metrics`. @throws UNKNOWN_OPTION, INVALID_OPTION.
   */
  async metrics(options: MetricsOptions = {}): Promise<Metrics> {
    const range = checkMetricsRange(options, this.now());
    return metricsOf(range, await this.#parts.store.metrics(range));
  }

  /** The time by the clock of the database, epoch milliseconds: what all times of jobs and workers are compared with. */
  now(): number {
    return this.#parts.clock.now();
  }

  async checkIntegrity(): Promise<IntegrityReport> {
    return this.#parts.store.checkIntegrity();
  }

  /** Writes a consistent copy of the database while work goes on. @param file where to; an existing file is overwritten. */
  async backup(file: string): Promise<void> {
    const { store } = this.#parts;
    const checked = text(4096)(file, 'file');
    if (!store.backup) throw fileOnly('backup()', store.where, "Copy it with the server's own tools, such as pg_dump.");
    return store.backup(checked);
  }

  /** What people and programs see of a job: its secrets are for its handler. */
  #shown<J extends Job | null>(job: J): J {
    return job && this.#parts.defaults.vault.shown(job, this.#parts.types.get(job.type));
  }

  async #adjust(id: string, change: Adjustment, what: string): Promise<void> {
    const outcome = await this.#parts.store.adjust(idCheck(id, 'id'), change, this.now());
    if (outcome.kind === 'missing') throw jobNotFound(id);
    if (outcome.kind === 'batch')
      throw notForBatches(what, id, `Change its jobs: list them with the filter parent:${id}`);
    if (outcome.kind === 'no-batch') throw notABatch(what, id);
    if (outcome.kind === 'refused') {
      const allowed = change.sealed ? 'a batch that runs' : 'a job that waits';
      throw notAllowedNow(what, id, outcome.status, isFinal(outcome.status) ? `${allowed}; use retry` : allowed);
    }
    this.#parts.wake();
  }

  async #enqueueOne(request: { type: string; payload: unknown; options: unknown }): Promise<Enqueued> {
    const now = this.now();
    const prepared = this.#prepare(request, now);
    const { job } = prepared instanceof Promise ? await prepared : prepared;
    const [outcome] = await this.#parts.store.insert([job], now);
    return toEnqueued(outcome!, job);
  }

  #enqueueWithin(tx: Transaction, request: { type: string; payload: unknown; options: unknown }): Promise<Enqueued> {
    const now = this.now();
    const prepared = this.#prepare(request, now);
    if (prepared instanceof Promise) throw asyncSchemaInTransaction(request.type);
    const outcomes = this.#parts.store.insertWithin(tx, [prepared.job], now);
    if (outcomes instanceof Promise) return outcomes.then(([outcome]) => toEnqueued(outcome!, prepared.job));
    return Promise.resolve(toEnqueued(outcomes[0]!, prepared.job));
  }

  async #enqueueBatch(batch: BatchRequest<J>): Promise<EnqueuedBatch> {
    const now = this.now();
    const jobs = await prepareBatch(batch, this.#parts, now);
    return toEnqueuedBatch(await this.#parts.store.insert(jobs, now), jobs);
  }

  #enqueueBatchWithin(tx: Transaction, batch: BatchRequest<J>): Promise<EnqueuedBatch> {
    const now = this.now();
    const jobs = prepareBatch(batch, this.#parts, now);
    if (jobs instanceof Promise) throw asyncSchemaInTransaction(batch.type);
    const outcomes = this.#parts.store.insertWithin(tx, jobs, now);
    if (outcomes instanceof Promise) return outcomes.then((late) => toEnqueuedBatch(late, jobs));
    return Promise.resolve(toEnqueuedBatch(outcomes, jobs));
  }

  #prepare(request: { type: string; payload?: unknown; options?: unknown }, now: number) {
    return prepareJob(request, this.#parts.types, this.#parts.defaults, now);
  }
}
