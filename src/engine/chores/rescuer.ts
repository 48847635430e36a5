/**
 * Finds workers that died and gives their jobs back; every process does this for all others. A worker is dead when its process
 * is gone from this machine, or when its heartbeat has stood still for a whole lease by a clock that never jumps: the wall clock
 * may be set forward without anyone losing a job.
 */
import type { Orphan, Store, WorkerRow } from '../../store/store.ts';
import type { Clock } from '../../util/clock.ts';
import type { ProcessMark } from '../../util/process.ts';
import type { Events } from '../events.ts';

export interface RescuerOptions {
  /** This process's own worker, which it does not judge. */
  readonly owner: () => string | null;
  readonly leaseMs: number;
  readonly hasEnded: (mark: ProcessMark) => boolean;
}

export class Rescuer {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #events: Events;
  readonly #options: RescuerOptions;
  #seen: ReadonlyMap<string, Sighting> = new Map();

  constructor(store: Store, clock: Clock, events: Events, options: RescuerOptions) {
    this.#store = store;
    this.#clock = clock;
    this.#events = events;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { leaseMs, hasEnded } = this.#options;
    const owner = this.#options.owner();
    const workers = (await this.#store.workers()).filter((worker) => worker.owner !== owner);
    this.#seen = sightings(this.#seen, workers, this.#clock.monotonic(), leaseMs / 2);
    const gone = workers.filter((worker) => hasEnded(worker) || this.#seen.get(worker.owner)!.stillMs >= leaseMs);
    const orphans = await this.#store.releaseOrphans(gone, this.#clock.now());
    for (const { name } of gone) this.#events.emit('worker-lost', () => ({ worker: name }));
    if (orphans.length > 0) this.#events.emit('orphans-released', () => counted(orphans));
    await this.#store.expire(this.#clock.now());
  }
}

/** A worker's beat at the last look, and for how long it had stood still. */
export interface Sighting {
  readonly beat: number;
  readonly at: number;
  readonly stillMs: number;
}

/**
 * @param now by the monotonic clock.
 * @param maxStepMs what one look may add: who was itself paused or blocked between two looks has not seen the worker stand still.
 */
export const sightings = (
  before: ReadonlyMap<string, Sighting>,
  workers: readonly Pick<WorkerRow, 'owner' | 'beat'>[],
  now: number,
  maxStepMs: number,
): Map<string, Sighting> =>
  new Map(
    workers.map(({ owner, beat }) => {
      const known = before.get(owner);
      const stillMs = known?.beat === beat ? known.stillMs + Math.min(maxStepMs, now - known.at) : 0;
      return [owner, { beat, at: now, stillMs }];
    }),
  );

const counted = (orphans: readonly Orphan[]) => ({
  count: orphans.length,
  quarantined: orphans.filter(({ quarantined }) => quarantined).length,
});
