/** Schedules in one PostgreSQL schema. */
import { storeUnavailable } from '../../job/errors.ts';
import type { ScheduleStore } from '../schedule-store.ts';

export class PostgresSchedules implements ScheduleStore {
  readonly #where: string;

  constructor(where: string) {
    this.#where = where;
  }

  change: ScheduleStore['change'] = () => this.#refuse();
  fire: ScheduleStore['fire'] = () => this.#refuse();
  run: ScheduleStore['run'] = () => this.#refuse();
  nextAt: ScheduleStore['nextAt'] = async () => null;
  get: ScheduleStore['get'] = async () => null;
  list: ScheduleStore['list'] = async () => ({ schedules: [], next: null });
  history: ScheduleStore['history'] = async () => ({ entries: [], next: null });
  watch: ScheduleStore['watch'] = () => () => {};

  #refuse = async (): Promise<never> => {
    throw storeUnavailable(this.#where, 'schedules are kept in SQLite only');
  };
}
