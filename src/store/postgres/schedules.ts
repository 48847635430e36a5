/** Schedules in one PostgreSQL schema: each verb is a transaction of the group commit, or a read. */
import type { ScheduleChange, ScheduleStore } from '../schedule-store.ts';
import type { Connection } from './driver.ts';
import type { Locks } from './locks.ts';
import { changeSchedule, fireSchedules, runOnce, runSchedule } from './sql/fire.ts';
import { historyOf, listSchedules, nextWakeAt, scheduleOf } from './sql/schedule.ts';
import type { Transaction } from './transaction.ts';

/** What the store lends. All writes are synced: a run that had begun before a crash of the server must not be a new slot after it. */
export interface Access {
  readonly locks: Locks;
  write<T>(work: (txn: Transaction) => Promise<T>): Promise<T>;
  read<T>(work: (db: Connection) => Promise<T>): Promise<T>;
  watch(listener: (changes: readonly ScheduleChange[]) => void): () => void;
}

export class PostgresSchedules implements ScheduleStore {
  readonly #access: Access;

  constructor(access: Access) {
    this.#access = access;
  }

  change: ScheduleStore['change'] = (id, command, now) =>
    this.#access.write((txn) => changeSchedule(txn, this.#access.locks, id, command, now));
  fire: ScheduleStore['fire'] = (request, now) => this.#access.write((txn) => fireSchedules(txn, request, now));
  run: ScheduleStore['run'] = (id, request, now) => this.#access.write((txn) => runSchedule(txn, id, request, now));
  runOnce: ScheduleStore['runOnce'] = (once, id, request, now) =>
    this.#access.write((txn) => runOnce(txn, once, id, request, now));

  nextAt: ScheduleStore['nextAt'] = () => this.#access.read(nextWakeAt);
  get: ScheduleStore['get'] = (id) => this.#access.read((db) => scheduleOf(db, id));
  list: ScheduleStore['list'] = (query) => this.#access.read((db) => listSchedules(db, query));
  history: ScheduleStore['history'] = (id, query) => this.#access.read((db) => historyOf(db, id, query));

  watch: ScheduleStore['watch'] = (listener) => this.#access.watch(listener);
}
