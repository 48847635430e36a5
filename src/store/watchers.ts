/** Who hears of changes: of jobs, and of schedules. Both travel together, in the order in which they were made. */
import type { ScheduleChange } from './schedule-store.ts';
import type { StoreChange } from './store.ts';

export type AnyChange = StoreChange | ScheduleChange;

type Listener<T> = (changes: readonly T[]) => void;

export class Watchers {
  readonly #jobs = new Set<Listener<StoreChange>>();
  readonly #schedules = new Set<Listener<ScheduleChange>>();

  get size(): number {
    return this.#jobs.size + this.#schedules.size;
  }

  /** @returns a function that stops it. */
  ofJobs(listener: Listener<StoreChange>): () => void {
    this.#jobs.add(listener);
    return () => this.#jobs.delete(listener);
  }

  ofSchedules(listener: Listener<ScheduleChange>): () => void {
    this.#schedules.add(listener);
    return () => this.#schedules.delete(listener);
  }

  clear(): void {
    this.#jobs.clear();
    this.#schedules.clear();
  }

  /** By now the changes are committed: what a listener throws must not look like a failed write. */
  deliver(changes: readonly AnyChange[]): void {
    const schedules = changes.filter((change) => change.kind === 'schedule');
    const jobs = schedules.length === 0 ? changes : changes.filter((change) => change.kind !== 'schedule');
    if (jobs.length > 0) tell(this.#jobs, jobs as readonly StoreChange[]);
    if (schedules.length > 0) tell(this.#schedules, schedules);
  }
}

const tell = <T>(listeners: ReadonlySet<Listener<T>>, changes: readonly T[]): void => {
  for (const listener of listeners) {
    try {
      listener(changes);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
};
