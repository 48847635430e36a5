/** All that doors may call: hand work in, ask about it, change one's mind. The client never runs a job. */

import { isBuiltIn } from '../job/bulk.ts';
import {
  checkOptions,
  type Duration,
  duration,
  flag,
  instant,
  integer,
  isRecord,
  keyCheck,
  text,
} from '../job/check.ts';
import type { Jobs } from '../job/define.ts';
import { idCheck, priorityCheck, queueCheck } from '../job/enqueue-options.ts';
import { builtInType, fileOnly, jobNotFound, notABatch, notAllowedNow, notForBatches } from '../job/errors.ts';
import { explain } from '../job/explain.ts';
import { checkFilter, checkPage, type JobFilter, type PageOptions, type Reach } from '../job/filter.ts';
import type { Attempt, Job, LogLine } from '../job/job.ts';
import type { JobExplanation } from '../job/reason.ts';
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
import type { About } from './about.ts';
import { Audit } from './audit.ts';
import { Bulk } from './bulk.ts';
import { type Enqueued, toEnqueued } from './enqueued.ts';
import { type Failures, type FailuresOptions, failuresOf } from './failures.ts';
import { checkMetricsRange, type Metrics, type MetricsOptions, metricsOf } from './metrics.ts';
import { replayOf } from './new-job.ts';
import { onceIn } from './once.ts';
import { type ClientParts, Producer } from './producer.ts';
import { partsWithin } from './reach.ts';
import { Secrets } from './rotation.ts';
import { Schedules } from './schedules.ts';
import { Tokens } from './tokens.ts';
import { LOG_PAGE, type Which, wide } from './which.ts';

/** How long the answer to a request that may come again is kept. */
const REQUESTS_MS = 86_400_000;

export class Client<J extends Jobs = Jobs> extends Producer<J> {
  readonly #parts: ClientParts;
  /** What starts jobs by itself. */
  readonly schedules: Schedules<J>;
  /** Who may come in through a door, what they changed, and the keys of what is secret in payloads. */
  readonly tokens: Tokens;
  readonly audit: Audit;
  readonly secrets: Secrets;

  constructor(parts: ClientParts) {
    super(parts);
    this.#parts = parts;
    this.schedules = new Schedules(parts);
    this.tokens = new Tokens(parts);
    this.audit = new Audit(parts);
    this.secrets = new Secrets(parts);
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

  /** How it was set up, and what that means for jobs. */
  about(): About {
    return this.#parts.about();
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

  /** Why a job does not run, or what it is doing: everything that holds it back at this moment. @throws JOB_NOT_FOUND. */
  async explain(id: string): Promise<JobExplanation> {
    const now = this.now();
    const standing = await this.#parts.store.standing(idCheck(id, 'id'), now);
    if (!standing) throw jobNotFound(id);
    return explain(standing, now, this.#parts.rooms?.());
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
    if (isBuiltIn(old.type)) throw builtInType(old.type);
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

  /** Changes of many jobs that can be looked at first, and are carried out by a job of their own. */
  get bulk(): Bulk {
    return new Bulk(this.#parts);
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
    await this.#parts.store.setKeyLimit(keyCheck(key, 'key'), max);
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

  /** Which errors the failed jobs have: the newest of them, grouped by error. @throws UNKNOWN_OPTION, INVALID_OPTION. */
  async failures(options: FailuresOptions = {}): Promise<Failures> {
    return failuresOf(this.#parts.store, options, this.now());
  }

  /**
   * What happened, per step, in all and per job type: rates, error rates, times, and how deep the queues were. Kept for
   * `retention.metrics`. @throws UNKNOWN_OPTION, INVALID_OPTION.
   */
  async metrics(options: MetricsOptions = {}): Promise<Metrics> {
    const range = checkMetricsRange(options, this.now());
    return metricsOf(range, await this.#parts.store.metrics(range));
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
}
