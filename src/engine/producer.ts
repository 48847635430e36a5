/** Handing work in: the first half of the client, which can do with nothing but a store. */

import { isRecord } from '../job/check.ts';
import type { CheckedJobType, InputOf, Jobs, ResultOf } from '../job/define.ts';
import type { EnqueueOptions, Transaction } from '../job/enqueue-options.ts';
import { asyncSchemaInTransaction, inItem, invalidOption } from '../job/errors.ts';
import type { Within } from '../job/filter.ts';
import type { RunnerRoom } from '../job/standing.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import type { About } from './about.ts';
import type { BulkParts } from './bulk.ts';
import {
  type Enqueued,
  type EnqueuedBatch,
  type EnqueuedItem,
  type EnqueueItem,
  toEnqueued,
  toEnqueuedBatch,
  toItem,
} from './enqueued.ts';
import { type BatchRequest, prepareBatch } from './new-batch.ts';
import { checkItem, prepareJob, type SystemDefaults } from './new-job.ts';
import type { Results } from './results.ts';

/** What the client needs from those who built it. */
export interface ClientParts {
  readonly store: Store;
  readonly types: ReadonlyMap<string, CheckedJobType>;
  readonly defaults: SystemDefaults;
  /** IANA zone of schedules that name none. */
  readonly timeZone: string;
  readonly clock: Clock;
  /** How the manager was set up. */
  readonly about: () => About;
  readonly results: Pick<Results, 'of'>;
  /** The only jobs that exist for this client; all if not given. */
  readonly within?: Within;
  /** Something may be claimable now that was not before. */
  readonly wake: () => void;
  /** What the runners of this process have room for. */
  readonly rooms?: () => readonly RunnerRoom[];
  /** Is told of every change of many jobs before it begins; what it throws stops it. */
  readonly audit?: BulkParts['audit'];
}

export class Producer<J extends Jobs = Jobs> {
  readonly #parts: ClientParts;

  constructor(parts: ClientParts) {
    this.#parts = parts;
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

  /** The time by the clock of the database, epoch milliseconds: what all times of jobs and workers are compared with. */
  now(): number {
    return this.#parts.clock.now();
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
