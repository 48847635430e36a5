/**
 * The last frames of this process, numbered, with the newest of each thing only. A reader is nothing but a place in it: however
 * slow it is, it costs no memory, and gets the newest state of what it missed.
 */
import { randomBytes } from 'node:crypto';
import { STATUSES, type Status } from '../../job/states.ts';
import { type Frame, type GapFrame, keyOf, merged, type News } from './frames.ts';

/** What must be looked up of a job, because its events do not say it. */
export interface JobFacts {
  readonly parentId: string | null;
  readonly scheduleId: string | null;
  readonly tenant: string | null;
}

export interface Entry {
  readonly n: number;
  readonly key: string;
  readonly frame: Frame;
  /** Of each state, the number of the last frame that had to do with it: who watches a state hears also that it was left. */
  readonly touched: readonly number[];
  /** Undefined: not looked up yet. Null: there is no such job any more. */
  facts: JobFacts | null | undefined;
  /** The frame as JSON; made when the first reader needs it. */
  text: string | undefined;
  /** Something newer is told of the same thing. */
  stale: boolean;
}

/** The entries of one read; `next` is the place behind them. */
export interface Read {
  readonly entries: readonly Entry[];
  readonly next: number;
}

const ID = /^([0-9a-f]{12})-(0|[1-9]\d{0,14})$/;

export class FrameLog {
  readonly #boot = randomBytes(6).toString('hex');
  readonly #capacity: number;
  readonly #newest = new Map<string, Entry>();
  #entries: Entry[] = [];
  #head = 0;
  /** Everything up to here may have been forgotten. */
  #forgotten = 0;

  /** @param capacity how many things are remembered at least, if so many have changed; at most twice as many. */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** The number of the newest frame. */
  get head(): number {
    return this.#head;
  }

  /** How much is kept. */
  get size(): number {
    return this.#entries.length;
  }

  /** @param statuses the states it has to do with: where a job is, and where it came from. */
  append(news: News, ...statuses: readonly (Status | null | undefined)[]): void {
    const key = keyOf(news);
    const older = this.#newest.get(key);
    if (older) older.stale = true;
    const n = ++this.#head;
    // The number of the older one comes along with what it said: ours stands behind it.
    const frame = { ...merged(older?.frame as News | undefined, news), id: this.#idOf(n) } as Frame;
    const touched = STATUSES.map((status, i) => (statuses.includes(status) ? n : (older?.touched[i] ?? 0)));
    const entry: Entry = {
      ...{ n, key, frame, touched },
      ...{ facts: older?.facts, text: undefined, stale: false },
    };
    this.#newest.set(key, entry);
    this.#entries.push(entry);
    if (this.#entries.length > 2 * this.#capacity) this.#shrink();
  }

  /** Forgets everything, and that nothing may have been missed: whoever comes back gets a gap. */
  forget(): void {
    this.#entries = [];
    this.#newest.clear();
    this.#forgotten = ++this.#head;
  }

  /** Where somebody goes on who has seen the frame with this id. */
  placeOf(id: string): number | GapFrame['reason'] {
    const [, boot, n] = ID.exec(id) ?? [];
    if (boot !== this.#boot || Number(n) > this.#head) return 'other-process';
    return this.isLost(Number(n)) ? 'too-old' : Number(n);
  }

  /** Whether something behind this place was forgotten. */
  isLost(place: number): boolean {
    return place < this.#forgotten;
  }

  /** What is behind a place, up to another, and fits, in order, as far as it has room. What is larger than the room goes alone. */
  read(place: number, last: number, fits: (entry: Entry, place: number) => boolean, maxBytes: number): Read {
    const entries: Entry[] = [];
    let bytes = 0;
    for (let i = this.#indexBehind(place); i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.n > last) break;
      if (entry.stale || !fits(entry, place)) continue;
      entry.text ??= JSON.stringify(entry.frame);
      bytes += entry.text.length;
      if (bytes > maxBytes && entries.length > 0) return { entries, next: entries.at(-1)!.n };
      entries.push(entry);
    }
    return { entries, next: last };
  }

  /** What is behind a place and not stale. */
  *behind(place: number): Generator<Entry> {
    for (let i = this.#indexBehind(place); i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (!entry.stale) yield entry;
    }
  }

  /** What was looked up of a job; newer news of it may have come meanwhile. */
  learn(entry: Entry, facts: JobFacts | null): void {
    entry.facts = facts;
    const newest = this.#newest.get(entry.key);
    if (newest) newest.facts ??= facts;
  }

  gap(reason: GapFrame['reason'], at: number): GapFrame {
    return { id: this.#idOf(this.#head), kind: 'gap', at: new Date(at).toISOString(), reason, action: 'refetch' };
  }

  #idOf(n: number): string {
    return `${this.#boot}-${n}`;
  }

  #indexBehind(place: number): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.n > place) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #shrink(): void {
    const live = this.#entries.filter(({ stale }) => !stale);
    const gone = live.splice(0, Math.max(0, live.length - this.#capacity));
    for (const { key, n } of gone) {
      this.#newest.delete(key);
      this.#forgotten = n;
    }
    this.#entries = live;
  }
}
