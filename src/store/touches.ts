/**
 * Parents whose children moved in a transaction: the batches among them are settled before it commits (sql/batch.ts of each
 * database), by the rules of src/job/batch.ts.
 */
import { isFinal, type Status } from '../job/states.ts';

/** What happened to the children of one parent. */
export interface Touch {
  /** When, by the verb's own time. */
  readonly at: number;
  /** Children that came, ended, went or came back. */
  readonly moves: number;
  /** Of these, the ones that ended without completing, or went. */
  readonly losses: number;
  /** Something else changed, or nobody knows what: its children are counted in any case. */
  readonly look: boolean;
}

export class Touches {
  #touched = new Map<string, Touch>();

  get size(): number {
    return this.#touched.size;
  }

  /** A child moved; `from` is null for a new one, `to` for one that is deleted. Only what ends or becomes unfinished matters. */
  moved(parentId: string | null, from: Status | null, to: Status | null, at: number): void {
    if (parentId === null || (!isOutside(from) && !isOutside(to))) return;
    this.#add(parentId, { at, moves: 1, losses: to !== 'completed' && isOutside(to) ? 1 : 0, look: false });
  }

  /** Something changed for a batch itself. */
  look(id: string, at: number): void {
    this.#add(id, { at, moves: 1, losses: 0, look: true });
  }

  /** What was touched since the last call. */
  take(): ReadonlyMap<string, Touch> {
    const touched = this.#touched;
    this.#touched = new Map();
    return touched;
  }

  #add(id: string, touch: Touch): void {
    const known = this.#touched.get(id);
    this.#touched.set(id, known ? both(known, touch) : touch);
  }
}

export const both = (a: Touch, b: Touch): Touch => ({
  at: Math.max(a.at, b.at),
  moves: a.moves + b.moves,
  losses: a.losses + b.losses,
  look: a.look || b.look,
});

/** Not among the unfinished: final, or not there. */
const isOutside = (status: Status | null): boolean => status === null || isFinal(status);
