/** Deletes finished jobs that are older or more than the retention allows, in small chunks with room for others in between. */
import type { Store } from '../../store/store.ts';
import type { Clock } from '../../util/clock.ts';

/** How long finished jobs are kept; null keeps them. */
export interface RetentionSettings {
  readonly completedMs: number | null;
  readonly failedMs: number | null;
  readonly maxFinished: number | null;
  /** How long it is kept who changed what. */
  readonly auditMs: number | null;
}

/** How long tokens and sessions are shown that have ended. */
const ENDED_MS = 30 * 86_400_000;
const MOST_AUDIT = 1_000_000;

export class Pruner {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #settings: RetentionSettings;
  #stopped = false;

  constructor(store: Store, clock: Clock, settings: RetentionSettings) {
    this.#store = store;
    this.#clock = clock;
    this.#settings = settings;
  }

  async run(): Promise<void> {
    const now = this.#clock.now();
    const { completedMs, failedMs, maxFinished, auditMs } = this.#settings;
    const before = (ms: number | null) => (ms === null ? null : now - ms);
    const retention = { doneBefore: before(completedMs), failedBefore: before(failedMs), keep: maxFinished };
    while (!this.#stopped && (await this.#store.prune(retention, now)) > 0) await breath();
    const access = { endedBefore: now - ENDED_MS, auditBefore: before(auditMs), auditMost: MOST_AUDIT };
    while (!this.#stopped && (await this.#store.access.forget(access)) > 0) await breath();
  }

  stop(): void {
    this.#stopped = true;
  }
}

/** Lets everything else that waits for the event loop go first. */
const breath = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
