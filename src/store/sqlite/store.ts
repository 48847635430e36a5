/** The store contract on one SQLite file: each verb is a transaction of the group commit, or a read. */
import { type FSWatcher, statSync, watch as watchFile } from 'node:fs';
import { basename, dirname } from 'node:path';
import { v4 } from 'uuid';
import { badTransaction, fileExists, storeClosed, storeUnavailable } from '../../job/errors.ts';
import { beatFromThread, type Heartbeat, leaseOf, threadScript } from '../heartbeat.ts';
import type { Lease, LeaseOptions, Orphan, Store, Target, WorkerInfo } from '../store.ts';
import { Watchers } from '../watchers.ts';
import { Commits } from './commits.ts';
import { Connection, connect, copyTo, type Driver, explain } from './driver.ts';
import { checkFile } from './integrity.ts';
import { Journal } from './journal.ts';
import { beat, beatFromTimer, endLease, register } from './lease.ts';
import { SqliteSchedules } from './schedules.ts';
import { accessStore } from './sql/access.ts';
import { sealBatch, settleBatches, touchDueBatches } from './sql/batch.ts';
import { bulkStep, surveyOf } from './sql/bulk.ts';
import { adjustJob, appendLogs, applyChanges, cancelChunk, saveProgress } from './sql/change.ts';
import { claimJobs } from './sql/claim.ts';
import { pruneSchedules } from './sql/fire.ts';
import { insertJobs } from './sql/insert.ts';
import { setKeyLimit, sweepKeys } from './sql/limit.ts';
import { declareDead, expireDue, pruneChunk, releaseChunk, removeChunk, setQueue } from './sql/maintain.ts';
import { sampleDepths } from './sql/metrics.ts';
import { failuresFor, metricsFor, queuesFor, statsFor } from './sql/part.ts';
import { attemptsOf, countJobs, getJob, listJobs, logsOf, workersOf } from './sql/read.ts';
import { insertOnce } from './sql/request.ts';
import { reviveChunk } from './sql/revive.ts';
import { indexPayload } from './sql/search.ts';
import { standingOf } from './sql/standing.ts';
import { Transaction } from './transaction.ts';

export interface StoreOptions {
  readonly durability: 'disk' | 'process';
  readonly busyMs: number;
}

/** What a caller was promised is synced; what can only cost a repeated run is not. */
const PROMISED = true;
const REPEATABLE = false;

export class SqliteStore implements Store {
  readonly where: string;
  readonly schedules: SqliteSchedules;
  readonly #db: Connection;
  readonly #commits: Commits;
  readonly #journal: Journal;
  readonly #watchers = new Watchers();
  readonly #heartbeats = new Set<Heartbeat>();
  readonly #callers = new WeakMap<object, Connection>();
  readonly #inode: bigint | null;
  #dataVersion = -1;
  #closed = false;
  #closing: Promise<void> | undefined;

  constructor(db: Connection, file: string, options: StoreOptions) {
    this.where = file;
    this.#db = db;
    this.#journal = new Journal(v4());
    this.#inode = file === ':memory:' ? null : inodeOf(file);
    // From here on we wait for locks ourselves, without holding up the event loop.
    db.exec('PRAGMA busy_timeout = 0');
    const { durability, busyMs } = options;
    const commits = { where: file, syncs: durability === 'disk' && file !== ':memory:', busyMs };
    this.#commits = new Commits(
      db,
      this.#journal,
      commits,
      () => this.#watchers.size > 0,
      (changes) => this.#watchers.deliver(changes),
    );
    this.schedules = new SqliteSchedules({
      write: (work) => this.#write(work, PROMISED),
      read: (work) => this.#read(work),
      watch: (listener) => this.#watchers.ofSchedules(listener),
    });
  }

  insert: Store['insert'] = (jobs, now) => this.#write((txn) => insertJobs(txn, jobs, now), PROMISED);
  insertOnce: Store['insertOnce'] = (request, jobs, now) =>
    this.#write((txn) => insertOnce(txn, request, jobs, now), PROMISED);
  insertWithin: Store['insertWithin'] = (tx, jobs, now) => this.#within(tx, (txn) => insertJobs(txn, jobs, now));

  claim: Store['claim'] = (request, now) => this.#write((txn) => claimJobs(txn, request, now), REPEATABLE);

  applyChanges: Store['applyChanges'] = (changes) => this.#write((txn) => applyChanges(txn, changes), REPEATABLE);
  applyWithin: Store['applyWithin'] = (tx, changes) => this.#within(tx, (txn) => applyChanges(txn, changes));

  saveProgress: Store['saveProgress'] = (updates, now) =>
    this.#write((txn) => saveProgress(txn, updates, now), REPEATABLE);

  appendLogs: Store['appendLogs'] = (lines) => this.#write((txn) => appendLogs(txn, lines), REPEATABLE);

  async keepLease(worker: WorkerInfo, options: LeaseOptions): Promise<Lease> {
    const { leaseMs, now } = options;
    await this.#write((txn) => register(txn, worker, now(), leaseMs), REPEATABLE);
    const beatOnce = (one: WorkerInfo) => this.#write((txn) => beat(txn, one, now(), leaseMs), REPEATABLE);
    const inMemory = this.where === ':memory:';
    const heartbeat = inMemory
      ? beatFromTimer(worker, options, beatOnce)
      : beatFromThread(threadScript(import.meta.url), { file: this.where }, worker, options);
    this.#heartbeats.add(heartbeat);
    return leaseOf(heartbeat, async () => {
      this.#heartbeats.delete(heartbeat);
      await this.#write((txn) => endLease(txn, heartbeat.owner), REPEATABLE);
    });
  }

  workers: Store['workers'] = async () => this.#read((db) => workersOf(db));

  async releaseOrphans(gone: Parameters<Store['releaseOrphans']>[0], now: number): Promise<Orphan[]> {
    if (gone.length > 0) await this.#write((txn) => declareDead(txn, gone), REPEATABLE);
    const orphans: Orphan[] = [];
    for (;;) {
      const chunk = await this.#write((txn) => releaseChunk(txn, now), REPEATABLE);
      orphans.push(...chunk);
      if (chunk.length < 500) return orphans;
    }
  }

  async requestCancel(target: Target, reason: string, now: number) {
    const total = { cancelled: 0, requested: 0 };
    await this.#inChunks((txn, after) => {
      const chunk = cancelChunk(txn, target, after, reason, now);
      return {
        ...chunk,
        done: () => {
          total.cancelled += chunk.cancelled;
          total.requested += chunk.requested;
        },
      };
    });
    return total;
  }

  async revive(target: Target, now: number): Promise<number> {
    let revived = 0;
    await this.#inChunks((txn, after) => {
      const chunk = reviveChunk(txn, target, after, now);
      return {
        next: chunk.next,
        done: () => {
          revived += chunk.revived;
        },
      };
    });
    return revived;
  }

  /** From the newest on, because a child is younger than its parent. */
  async remove(target: Target, now: number): Promise<number> {
    let removed = 0;
    await this.#inChunks((txn, before) => {
      const chunk = removeChunk(txn, target, before, now);
      return {
        next: chunk.next,
        done: () => {
          removed += chunk.removed;
        },
      };
    }, Number.MAX_SAFE_INTEGER);
    return removed;
  }

  adjust: Store['adjust'] = (id, change, now) =>
    this.#write((txn) => (change.sealed ? sealBatch(txn, id, now) : adjustJob(txn, id, change, now)), PROMISED);

  bulkStep: Store['bulkStep'] = (step, now) => this.#write((txn) => bulkStep(txn, step, now), PROMISED);

  setQueue: Store['setQueue'] = (name, change, now) => this.#write((txn) => setQueue(txn, name, change, now), PROMISED);

  setKeyLimit: Store['setKeyLimit'] = (key, max) => this.#write((txn) => setKeyLimit(txn, key, max), PROMISED);
  indexPayload: Store['indexPayload'] = (path, on) => this.#write((txn) => indexPayload(txn, path, on), PROMISED);

  expire: Store['expire'] = (now) =>
    this.#write((txn) => {
      touchDueBatches(txn, now);
      return expireDue(txn, now);
    }, REPEATABLE);

  prune: Store['prune'] = (retention, now) =>
    this.#write((txn) => {
      sweepKeys(txn);
      this.#journal.tidy(txn.db, now);
      if (retention.failedBefore !== null) pruneSchedules(txn, retention.failedBefore);
      const pruned = pruneChunk(txn, retention, now);
      if (pruned > 0) txn.db.exec('PRAGMA incremental_vacuum(500)');
      return pruned;
    }, REPEATABLE);

  sampleDepths: Store['sampleDepths'] = (now, forgetBefore) =>
    this.#write((txn) => sampleDepths(txn, now, forgetBefore), REPEATABLE);

  get: Store['get'] = async (id) => this.#read((db) => getJob(db, id));
  list: Store['list'] = async (filter, page) => this.#read((db) => listJobs(db, filter, page));
  count: Store['count'] = async (filter) => this.#read((db) => countJobs(db, filter));
  attempts: Store['attempts'] = async (id) => this.#read((db) => attemptsOf(db, id));
  logs: Store['logs'] = async (id, after, limit) => this.#read((db) => logsOf(db, id, after, limit));
  queues: Store['queues'] = async (now, within) => this.#read((db) => queuesFor(db, now, within));
  survey: Store['survey'] = async (filter, options) => this.#read((db) => surveyOf(db, filter, options));
  standing: Store['standing'] = async (id, now) => this.#read((db) => standingOf(db, id, now));
  failures: Store['failures'] = async (before, limit, within) =>
    this.#read((db) => failuresFor(db, before, limit, within));
  stats: Store['stats'] = async (within) => this.#read((db) => statsFor(db, within));
  metrics: Store['metrics'] = async (range, within) => this.#read((db) => metricsFor(db, range, within));

  watch: Store['watch'] = (listener) => this.#watchers.ofJobs(listener);

  /** See `Store.poll`. */
  async poll(now: number): Promise<boolean> {
    if (this.#closed) throw storeClosed();
    if (this.where === ':memory:') return false;
    this.#mustBeThere();
    const version = Number(this.#read((db) => db.get('PRAGMA data_version'))?.['data_version']);
    const changed = version !== this.#dataVersion;
    this.#dataVersion = version;
    if (this.#watchers.size > 0 && this.#journal.mustRefresh(now)) {
      await this.#write((txn) => this.#journal.listen(txn.db, now), REPEATABLE);
      this.#journal.listening(now);
    } else if (changed) {
      const heard = this.#read((db) => this.#journal.read(db));
      if (heard.length > 0) this.#watchers.deliver(heard);
    }
    return changed;
  }

  /** The log file changes with every commit of any process; the event may come before the commit, so a poll follows soon after. */
  hint(listener: () => void): () => void {
    if (this.where === ':memory:') return () => {};
    const log = `${basename(this.where)}-wal`;
    let watcher: FSWatcher | undefined;
    try {
      watcher = watchFile(dirname(this.where), { persistent: false }, (_, name) => name === log && listener());
      watcher.on('error', () => watcher?.close());
    } catch {
      // No file notifications here; polling is the truth anyway.
    }
    return () => watcher?.close();
  }

  readonly access = accessStore(
    (work) => this.#read(work),
    (work) => this.#write(work, PROMISED),
  );

  checkIntegrity: Store['checkIntegrity'] = async () => this.#read((db) => checkFile(db));

  async backup(file: string): Promise<void> {
    if (this.#closed) throw storeClosed();
    if (this.#inode !== null && inodeOf(file) === this.#inode)
      throw fileExists(file, 'It is the database itself; name another file.');
    if (this.where === ':memory:') return copyTo(this.#db, file, 'at once');
    // A connection of its own holds one moment of the database: else every commit of another process would start the copy anew.
    const source = connect(this.where, true);
    try {
      source.exec('BEGIN; SELECT 1 FROM sqlite_schema');
      await copyTo(source, file, 'in steps');
    } catch (error) {
      throw explain(error, file);
    } finally {
      source.close();
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#commits.close();
    this.#closed = true;
    this.#watchers.clear();
    try {
      this.#journal.stop(this.#db);
    } catch {
      // Another process holds the lock: the row lapses by itself.
    }
    // A worker whose store is closed can do nothing more: it must not look alive to others.
    await Promise.all([...this.#heartbeats].map((heartbeat) => heartbeat.stop()));
    this.#db.close();
  }

  #write<T>(work: (txn: Transaction) => T, synced: boolean): Promise<T> {
    return this.#commits.add(work, synced);
  }

  #read<T>(work: (db: Connection) => T): T {
    if (this.#closed) throw storeClosed();
    try {
      return work(this.#db);
    } catch (error) {
      throw explain(error, this.where);
    }
  }

  /** Runs synchronously on the caller's connection, inside the caller's transaction; its commit makes it true. */
  #within<T>(tx: object, work: (txn: Transaction) => T): T {
    if (this.#closed) throw storeClosed();
    const db = this.#callerConnection(tx as Driver);
    const txn = new Transaction(db, true);
    // A savepoint: if it fails half-way and the caller commits all the same, nothing of it may stay.
    db.exec('SAVEPOINT backline');
    try {
      const result = work(txn);
      settleBatches(txn);
      txn.writeCounts();
      // All must hear, this process included: it cannot know when the caller commits.
      if (this.#journal.listens || this.#journal.othersListen(db)) this.#journal.append(db, txn.changes, '');
      db.exec('RELEASE backline');
      this.#commits.settleAgain(txn);
      return result;
    } catch (error) {
      // A full disk has rolled back the whole transaction already.
      if (db.inTransaction) db.exec('ROLLBACK TO backline; RELEASE backline');
      throw explain(error, this.where);
    }
  }

  #callerConnection(driver: Driver): Connection {
    if (typeof driver.prepare !== 'function' || typeof driver.exec !== 'function')
      throw badTransaction('is no SQLite connection');
    // Two copies of SQLite in one process do not know of each other's locks, and closing a file in one drops those of the other:
    // the log could then be deleted under us. Source: sqlite.org/howtocorrupt.html, section 2.2.1
    if (!(driver instanceof this.#db.driver.constructor)) throw badTransaction('comes from another copy of SQLite');
    const known = this.#callers.get(driver) ?? new Connection(driver);
    this.#callers.set(driver, known);
    if (!known.inTransaction) throw badTransaction('has no open transaction');
    const main = String(known.get('PRAGMA database_list')?.['file'] ?? '');
    const inode = main === '' ? null : inodeOf(main);
    if (inode === null || inode !== this.#inode)
      throw badTransaction(`belongs to another database (${main || 'in memory'})`);
    return known;
  }

  async #inChunks(
    chunk: (txn: Transaction, after: number) => { next: number | null; done: () => void },
    start = 0,
  ): Promise<void> {
    let after: number | null = start;
    while (after !== null) {
      const from: number = after;
      const { next, done } = await this.#write((txn) => chunk(txn, from), PROMISED);
      done();
      after = next;
    }
  }

  /** A file that was deleted or replaced still takes writes, and loses all of them at the next start. */
  #mustBeThere(): void {
    if (inodeOf(this.where) !== this.#inode)
      throw storeUnavailable(this.where, 'the file was moved, deleted or replaced while it was open');
  }
}

/** What tells whether two paths name one file; null where there is none, or none that can be looked at. */
const inodeOf = (path: string): bigint | null => {
  try {
    return statSync(path, { bigint: true }).ino;
  } catch {
    return null;
  }
};
