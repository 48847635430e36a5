import { isIdFor } from './job-file.ts';
import type { Drop } from './room.ts';

const A_TURN = 200;
const REMEMBERED = 10_000;

/** The dropped jobs that are followed, and the names of those that have ended, for a person may retry them. */
export class Followed {
  readonly #byStem = new Map<string, Drop>();
  readonly #stems = new Map<string, string>();
  readonly #ended = new Map<string, string>();
  readonly #touched = new Set<string>();
  #position = 0;

  has(stem: string): boolean {
    return this.#byStem.has(stem);
  }

  add(drop: Drop): void {
    this.#byStem.set(drop.stem, drop);
    this.#stems.set(drop.jobId, drop.stem);
    this.#touched.add(drop.stem);
  }

  /** The last was said about a job; unless something happened to it meanwhile, as when a person retries it at once. */
  ended(drop: Drop): void {
    if (this.#touched.has(drop.stem)) return;
    this.#byStem.delete(drop.stem);
    this.#stems.delete(drop.jobId);
    this.remember(drop.stem, drop.jobId);
  }

  /** Keeps the name of a job that has ended; only the latest few thousand. */
  remember(stem: string, jobId: unknown): void {
    if (!isIdFor(stem, jobId)) return;
    this.#ended.set(jobId, stem);
    if (this.#ended.size > REMEMBERED) this.#ended.delete(this.#ended.keys().next().value ?? '');
  }

  /** Something happened to a job. @returns whether it is one of ours. */
  touch(jobId: string, startTime: number): boolean {
    const stem = this.#stems.get(jobId);
    if (stem !== undefined) {
      this.#touched.add(stem);
      return true;
    }
    const former = this.#ended.get(jobId);
    // A newer file of the same name has the status file now.
    if (former === undefined || this.#byStem.has(former)) return false;
    this.#ended.delete(jobId);
    this.add({ stem: former, jobId, startTime, file: null, next: null, written: null });
    return true;
  }

  /** Those to look at in this round: the ones that were touched, and some of the others in turn. */
  turn(): Drop[] {
    const all = [...this.#byStem.values()];
    const first = all.length <= A_TURN ? 0 : this.#position % all.length;
    this.#position = first + A_TURN;
    const chosen = new Set([
      ...all.slice(first, first + A_TURN),
      ...all.slice(0, Math.max(0, first + A_TURN - all.length)),
    ]);
    for (const stem of this.#touched) {
      const drop = this.#byStem.get(stem);
      if (drop) chosen.add(drop);
    }
    this.#touched.clear();
    return [...chosen];
  }

  clear(): void {
    this.#byStem.clear();
    this.#stems.clear();
    this.#touched.clear();
  }
}
