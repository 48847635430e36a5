/**
 * Where the live rows of each lane begin, so that a look need not walk over the dead ones before them. Kept only while there are many:
 * with positions a row that another process puts behind them is seen a second late, and then the order between processes is only
 * nearly exact. What this process itself puts there is known at once; what comes at its own time is never behind.
 *
 * 1. A look that reads far more blocks than it has use for asks for a survey, on a connection of its own.
 * 2. From then on each look begins at the positions, and moves them to the first row it got.
 * 3. The survey is repeated each second; when it finds that the dead rows are gone, the positions are dropped.
 */
export interface Place {
  readonly queue: string;
  readonly type: string;
  readonly priority: number;
  readonly runAt: number;
  readonly seq: number;
}

export interface Start {
  readonly places: readonly Place[] | null;
  readonly lowered: number;
}

/** Blocks that a look may read for nothing: they hold some 25,000 dead rows, which cost about six milliseconds. */
const MANY_BLOCKS = 400;
/** Blocks per row that a look of a clean table reads: its index leaf, its page, and once more to lock it. */
const BLOCKS_PER_ROW = 5;
export const MOST_LANES = 2000;
/** A row whose transaction commits this long after its own time is still not behind the position. */
const SLACK_MS = 250;

export class Positions {
  readonly #survey: () => void;
  readonly #manyBlocks: number;
  #lanes: Map<string, Place> | null = null;
  #asked = false;
  /** How often places were lowered: a look that began before has not seen what was put there. */
  #lowered = 0;

  /**
   * @param survey finds the first live row of each lane, soon and elsewhere, and calls `surveyed`.
   * @param manyBlocks what a look may read without anybody minding.
   */
  constructor(survey: () => void, manyBlocks = MANY_BLOCKS) {
    this.#survey = survey;
    this.#manyBlocks = manyBlocks;
  }

  get active(): boolean {
    return this.#lanes !== null;
  }

  /** Where to begin, lane by lane; `places` is null for the very front. */
  from(now: number): Start {
    if (!this.#lanes) return { places: null, lowered: this.#lowered };
    const latest = now - SLACK_MS;
    const places = [...this.#lanes.values()];
    return {
      places: places.map((place) => (place.runAt < latest ? place : { ...place, runAt: latest, seq: 0 })),
      lowered: this.#lowered,
    };
  }

  /** A look that began there got these rows, in order, and read so many blocks. */
  looked(start: Start, rows: readonly Place[], blocks: number): void {
    if (this.#lanes && start.places) {
      if (start.lowered !== this.#lowered) return;
      const seen = new Set<string>();
      for (const place of rows) {
        const lane = laneOf(place);
        if (!seen.has(lane)) this.#lanes.set(lane, place);
        seen.add(lane);
      }
    } else if (!this.#lanes && !this.#asked && blocks > this.#manyBlocks + BLOCKS_PER_ROW * rows.length) {
      this.#asked = true;
      this.#survey();
    }
  }

  /** This process has put rows there, and that is committed. */
  lower(places: readonly Place[]): void {
    if (!this.#lanes || places.length === 0) return;
    this.#lowered++;
    for (const place of places) {
      const lane = laneOf(place);
      const known = this.#lanes.get(lane);
      if (!known || isBefore(place, known)) this.#lanes.set(lane, place);
    }
  }

  /** @param found null if it failed, or there are too many lanes. @returns whether to survey again. */
  surveyed(found: { readonly places: readonly Place[]; readonly blocks: number } | null): boolean {
    this.#asked = false;
    if (!found || found.blocks <= this.#manyBlocks + BLOCKS_PER_ROW * found.places.length) {
      this.#lanes = null;
      return false;
    }
    this.#lanes ??= new Map();
    this.lower(found.places);
    this.#asked = true;
    return true;
  }
}

const laneOf = ({ queue, type, priority }: Place): string => JSON.stringify([queue, type, priority]);

const isBefore = (a: Place, b: Place): boolean => a.runAt < b.runAt || (a.runAt === b.runAt && a.seq < b.seq);
