/** The store contract on one PostgreSQL schema: each verb is a transaction of the group commit, or a read. */
import { v4 } from 'uuid';
import type { Change } from '../../job/change.ts';
import { storeClosed } from '../../job/errors.ts';
import { Patience } from '../../util/patience.ts';
import { beatFromThread, type Heartbeat, leaseOf, threadScript } from '../heartbeat.ts';
import type {
  ApplyOutcome,
  ClaimAnswer,
  ClaimRequest,
  InsertOutcome,
  Lease,
  LeaseOptions,
  LogEntry,
  Orphan,
  Store,
  Target,
  WorkerInfo,
} from '../store.ts';
import { Watchers } from '../watchers.ts';
import type { Address } from './address.ts';
import type { Shared } from './attempt.ts';
import { CallerTransactions } from './caller.ts';
import { Commits, OWNED, PROMISED, promised, REPEATABLE } from './commits.ts';
import type { Connection, CuttablePool, PgConfig, Statements } from './driver.ts';
import { Folding } from './folding.ts';
import { Journal } from './journal.ts';
import { endLease, register } from './lease.ts';
import { Listener, Notifier } from './listen.ts';
import { type Locks, locksOf } from './locks.ts';
import { MOST_LANES, Positions } from './positions.ts';
import { heldOpen, measureClock, Reader } from './reader.ts';
import { PostgresSchedules } from './schedules.ts';
import { accessStore } from './sql/access.ts';
import { sealBatch, touchDueBatches } from './sql/batch.ts';
import { bulkStep, surveyOf } from './sql/bulk.ts';
import { cancelChunk } from './sql/cancel.ts';
import { adjustJob, applyChanges, saveProgress, writeLogs } from './sql/change.ts';
import { claimJobs } from './sql/claim.ts';
import { pruneSchedules } from './sql/fire.ts';
import { addToOthers, ensureQueues, type Insertion, insertJobs, queuesOf as queuesNamedBy } from './sql/insert.ts';
import { setKeyLimit, sweepKeys } from './sql/limit.ts';
import { expireDue, pruneChunk, releaseOrphans, removeChunk, setQueue } from './sql/maintain.ts';
import { sampleDepths } from './sql/metrics.ts';
import { failuresFor, metricsFor, queuesFor, statsFor } from './sql/part.ts';
import { survey } from './sql/pick.ts';
import { attemptsOf, checkTables, countJobs, getJob, listJobs, logsOf, workersOf } from './sql/read.ts';
import { insertOnce } from './sql/request.ts';
import { reviveChunk } from './sql/revive.ts';
import { indexPayload } from './sql/search.ts';
import { standingOf } from './sql/standing.ts';
import type { Transaction } from './transaction.ts';

export interface StoreOptions {
  readonly durability: 'disk' | 'process';
  readonly busyMs: number;
  /** For tests: how many blocks a claim may read before it keeps to positions (see positions.ts). */
  readonly manyBlocks?: number | undefined;
}

export interface StoreParts {
  readonly address: Address;
  readonly config: PgConfig;
  readonly pool: CuttablePool;
  readonly statements: Statements;
  /** What the server's clock is ahead of this machine's, in milliseconds. */
  readonly clockOffsetMs: number;
}

const CLOCK_EVERY_MS = 60_000;
const SURVEY_EVERY_MS = 1000;
const CLOSE_MS = 2000;

export class PostgresStore implements Store {
  readonly where: string;
  readonly schedules: PostgresSchedules;
  readonly #parts: StoreParts;
  readonly #locks: Locks;
  readonly #commits: Commits;
  readonly #folding: Folding;
  readonly #journal: Journal;
  readonly #reader: Reader;
  readonly #notifier: Notifier;
  readonly #callers: CallerTransactions;
  readonly #watchers = new Watchers();
  readonly #hints = new Set<() => void>();
  readonly #heartbeats = new Set<Heartbeat>();
  readonly #claiming: (
    txn: Transaction,
    items: readonly { request: ClaimRequest; now: number }[],
  ) => Promise<ClaimAnswer[]>;
  #listener: Listener | undefined;
  #noted = false;
  #clockOffsetMs: number;
  #clockAt = performance.now();
  /** The latest time that a verb was given: what "due" means where a question has no time of its own. */
  #latest = 0;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(parts: StoreParts, options: StoreOptions) {
    const { address, pool, statements } = parts;
    this.where = address.where;
    this.#parts = parts;
    this.#clockOffsetMs = parts.clockOffsetMs;
    const locks = locksOf(address.schema);
    this.#locks = locks;
    this.schedules = new PostgresSchedules({
      locks,
      write: (work) => this.#write(work, { ...OWNED, apart: true }),
      read: (work) => this.#read(work),
      watch: (listener) => this.#watchers.ofSchedules(listener),
    });
    this.#reader = new Reader(pool, statements, address.where);
    this.#journal = new Journal(v4(), (changes) => this.#watchers.deliver(changes));
    this.#notifier = new Notifier(pool, statements, this.#journal.origin);
    const positions = new Positions(() => void this.#survey(positions), options.manyBlocks);
    const shared: Shared = {
      where: address.where,
      pool,
      statements,
      locks,
      journal: this.#journal,
      positions,
      isWatched: () => this.#watchers.size > 0,
      queues: new Set(),
      onCommit: () => this.#notifier.notify(),
      onCounted: () => this.#folding.soon(),
      onUnsettled: (unsettled) => this.#commits.settleAgain(unsettled),
      isClosed: () => this.#closed,
    };
    this.#commits = new Commits(shared, { syncs: options.durability === 'disk', busyMs: options.busyMs });
    this.#folding = new Folding(locks, (work) => this.#write(work, REPEATABLE));
    this.#callers = new CallerTransactions(shared);
    this.#claiming = async (txn, items) => {
      const answers: ClaimAnswer[] = [];
      for (const { request, now } of items) answers.push(await claimJobs(txn, locks, positions, request, now));
      return answers;
    };
  }

  get clockOffsetMs(): number {
    return this.#clockOffsetMs;
  }

  insert: Store['insert'] = (jobs, now) =>
    this.#commits.add(insertJobs, this.#insertions(jobs, now), promised(addToOthers(jobs)));

  insertOnce: Store['insertOnce'] = (request, jobs, now) =>
    this.#write((txn) => insertOnce(txn, request, this.#insertions(jobs, now), now), promised(addToOthers(jobs)));

  async insertWithin(tx: object, jobs: Parameters<Store['insertWithin']>[1], now: number): Promise<InsertOutcome[]> {
    if (this.#closed) throw storeClosed();
    const client = this.#callers.clientOf(tx);
    // Not within: a queue that is just being made would hold up everybody else's jobs in it until the caller commits.
    const queues = queuesNamedBy(jobs);
    if (!this.#callers.know(queues)) await this.#write((txn) => ensureQueues(txn, queues), REPEATABLE);
    return this.#callers.run(client, (txn) => insertJobs(txn, this.#insertions(jobs, now)));
  }

  claim: Store['claim'] = async (request, now) => {
    this.#look(now);
    return (await this.#commits.add(this.#claiming, [{ request, now }], { ...OWNED, claims: true }))[0]!;
  };

  applyChanges: Store['applyChanges'] = (changes) =>
    this.#commits.add<Change, ApplyOutcome>(applyChanges, changes, OWNED);

  async applyWithin(tx: object, changes: readonly Change[]): Promise<ApplyOutcome[]> {
    if (this.#closed) throw storeClosed();
    return this.#callers.run(this.#callers.clientOf(tx), (txn) => applyChanges(txn, changes));
  }

  saveProgress: Store['saveProgress'] = (updates, now) =>
    this.#write((txn) => saveProgress(txn, updates, now), REPEATABLE);

  appendLogs: Store['appendLogs'] = async (lines) => {
    await this.#commits.add<LogEntry, null>(writeLogs, lines, REPEATABLE);
  };

  async keepLease(worker: WorkerInfo, options: LeaseOptions): Promise<Lease> {
    await this.#write((txn) => register(txn, worker, options.now(), options.leaseMs), REPEATABLE);
    const { config, address } = this.#parts;
    const reach = { config, schema: address.schema };
    const heartbeat = beatFromThread(threadScript(import.meta.url), reach, worker, options);
    this.#heartbeats.add(heartbeat);
    return leaseOf(heartbeat, async () => {
      this.#heartbeats.delete(heartbeat);
      await this.#write((txn) => endLease(txn, heartbeat.owner), REPEATABLE);
    });
  }

  workers: Store['workers'] = () => this.#read((db) => workersOf(db));

  async releaseOrphans(gone: Parameters<Store['releaseOrphans']>[0], now: number): Promise<Orphan[]> {
    this.#look(now);
    const orphans: Orphan[] = [];
    for (let dead = gone; ; dead = []) {
      const chunk = await this.#write((txn) => releaseOrphans(txn, dead, now), REPEATABLE);
      orphans.push(...chunk.orphans);
      if (chunk.done) return orphans;
    }
  }

  async requestCancel(target: Target, reason: string, now: number) {
    const total = { cancelled: 0, requested: 0 };
    await this.#inChunks(
      (txn, after) => cancelChunk(txn, target, after, reason, now),
      ({ cancelled, requested }) => {
        total.cancelled += cancelled;
        total.requested += requested;
      },
    );
    return total;
  }

  async revive(target: Target, now: number): Promise<number> {
    let total = 0;
    await this.#inChunks(
      (txn, after) => reviveChunk(txn, target, after, now),
      ({ revived }) => {
        total += revived;
      },
    );
    return total;
  }

  /** From the newest on, because a child is younger than its parent. */
  async remove(target: Target, now: number): Promise<number> {
    let total = 0;
    await this.#inChunks(
      (txn, before) => removeChunk(txn, target, before, now),
      ({ removed }) => {
        total += removed;
      },
      Number.MAX_SAFE_INTEGER,
    );
    return total;
  }

  adjust: Store['adjust'] = (id, change, now) =>
    this.#write((txn) => (change.sealed ? sealBatch(txn, id, now) : adjustJob(txn, id, change, now)), PROMISED);

  bulkStep: Store['bulkStep'] = (step, now) => this.#write((txn) => bulkStep(txn, step, now), PROMISED);

  setQueue: Store['setQueue'] = (name, change, now) =>
    this.#write((txn) => setQueue(txn, this.#locks, name, change, now), PROMISED);
  setKeyLimit: Store['setKeyLimit'] = (key, max) =>
    this.#write((txn) => setKeyLimit(txn, this.#locks, key, max), PROMISED);
  indexPayload: Store['indexPayload'] = (path, on) => this.#write((txn) => indexPayload(txn, path, on), PROMISED);

  expire: Store['expire'] = (now) =>
    this.#write(async (txn) => {
      const expired = await expireDue(txn, now);
      await touchDueBatches(txn, now);
      return expired;
    }, REPEATABLE);

  prune: Store['prune'] = async (retention, now) => {
    await this.#write((txn) => sweepKeys(txn, this.#locks), REPEATABLE);
    return this.#write(async (txn) => {
      await this.#journal.tidy(txn, now);
      if (retention.failedBefore !== null) await pruneSchedules(txn, this.#locks, retention.failedBefore);
      return pruneChunk(txn, retention, now);
    }, REPEATABLE);
  };

  sampleDepths: Store['sampleDepths'] = (now, forgetBefore) =>
    this.#write((txn) => sampleDepths(txn, this.#locks, now, forgetBefore), REPEATABLE);

  get: Store['get'] = (id) => this.#read((db) => getJob(db, id));
  list: Store['list'] = (filter, page) =>
    this.#read((db) => listJobs(db, filter, page, Math.max(this.#latest, Date.now() + this.#clockOffsetMs)));
  count: Store['count'] = (filter) => this.#read((db) => countJobs(db, filter));
  attempts: Store['attempts'] = (id) => this.#read((db) => attemptsOf(db, id));
  logs: Store['logs'] = (id, after, limit) => this.#read((db) => logsOf(db, id, after, limit));
  queues: Store['queues'] = (now, within) => this.#read((db) => queuesFor(db, now, within));
  survey: Store['survey'] = (filter, options) => this.#read((db) => surveyOf(db, filter, options));
  standing: Store['standing'] = (id, now) => this.#read((db) => standingOf(db, id, now));
  failures: Store['failures'] = (before, limit, within) => this.#read((db) => failuresFor(db, before, limit, within));
  stats: Store['stats'] = (within) => this.#read((db) => statsFor(db, within));
  metrics: Store['metrics'] = (range, within) => this.#read((db) => metricsFor(db, range, within));

  watch: Store['watch'] = (listener) => this.#watchers.ofJobs(listener);

  /** See `Store.poll`. */
  async poll(now: number): Promise<boolean> {
    if (this.#closed) throw storeClosed();
    this.#look(now);
    const noted = this.#noted;
    this.#noted = false;
    let changed = false;
    const watched = this.#watchers.size > 0;
    if (watched && this.#journal.mustRefresh(now)) {
      await this.#write((txn) => this.#journal.listen(txn, now), {
        ...REPEATABLE,
        listens: this.#journal.hasLapsed(now),
      });
      this.#journal.listening(now);
    } else if (watched) {
      const { statement, params } = this.#journal.reading();
      changed = this.#journal.heard(await this.#read((db) => db.all(statement, params)));
      // What was just read is told before the answer.
      await this.#journal.tell(Promise.resolve([]));
    } else await this.#read((db) => db.script('SELECT 1'));
    if (performance.now() - this.#clockAt > CLOCK_EVERY_MS) await this.measureClock();
    return changed || noted;
  }

  async measureClock(): Promise<void> {
    this.#clockOffsetMs = await this.#read(measureClock);
    this.#clockAt = performance.now();
  }

  hint(listener: () => void): () => void {
    this.#hints.add(listener);
    const { config, address } = this.#parts;
    this.#listener ??= new Listener(config, address.schema, (origin) => this.#onNote(origin));
    return () => this.#hints.delete(listener);
  }

  readonly access = accessStore(
    (work) => this.#read(work),
    (work) => this.#write(work, PROMISED),
  );

  checkIntegrity: Store['checkIntegrity'] = () => this.#read((db) => checkTables(db));

  close(): Promise<void> {
    this.#closing ??= heldOpen(() => this.#close());
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#folding.stop();
    const patience = new Patience(CLOSE_MS);
    await this.#commits.close(patience);
    this.#watchers.clear();
    this.#notifier.close();
    // A server that is away must not hold up the end; a listener's row lapses by itself. But no worker may look alive any longer.
    const leaving = this.#reader.once((db) => this.#journal.stop(db)).catch(() => {});
    const beating = [...this.#heartbeats].map((heartbeat) => heartbeat.stop());
    await patience.until(Promise.all([leaving, this.#listener?.close(), ...beating]));
    await patience.until(this.#parts.pool.end().catch(() => {}));
    this.#parts.pool.cut();
  }

  async #write<T>(work: (txn: Transaction) => Promise<T>, given: Parameters<Commits['add']>[2]): Promise<T> {
    return (await this.#commits.add(async (txn) => [await work(txn)], [null], given))[0]!;
  }

  #read<T>(work: (db: Connection) => Promise<T>): Promise<T> {
    return this.#closed ? Promise.reject(storeClosed()) : this.#reader.read(work);
  }

  #insertions(jobs: Parameters<Store['insert']>[0], now: number): Insertion[] {
    this.#look(now);
    const refused = new Set<string>();
    return jobs.map((job) => ({ job, now, refused }));
  }

  #look(now: number): void {
    if (now > this.#latest) this.#latest = now;
  }

  /** Where live rows begin, on a connection of its own, as long as there are many dead ones before them. */
  async #survey(positions: Positions): Promise<void> {
    const found = await this.#reader.once((db) => survey(db, MOST_LANES)).catch(() => null);
    const again = positions.surveyed(found);
    if (again && !this.#closed) setTimeout(() => void this.#survey(positions), SURVEY_EVERY_MS).unref();
  }

  #onNote(origin: string): void {
    if (origin === this.#journal.origin) return;
    this.#noted = true;
    for (const hint of this.#hints) hint();
  }

  /** Each chunk is a transaction; it counts once it has committed. */
  async #inChunks<T extends { readonly next: number | null }>(
    chunk: (txn: Transaction, after: number) => Promise<T>,
    committed: (chunk: T) => void,
    start = 0,
  ): Promise<void> {
    let after: number | null = start;
    while (after !== null) {
      const from: number = after;
      const done: T = await this.#write((txn) => chunk(txn, from), PROMISED);
      committed(done);
      after = done.next;
    }
  }
}
