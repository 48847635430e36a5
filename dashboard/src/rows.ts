/**
 * The jobs of a search as one long list, of which a window is known.
 *
 * 1. The window is one stretch of jobs without gaps, newest first, at most KEPT long. It grows at the side to which one scrolls, by pages
 *    that cost the same wherever they lie, and is cut at the other.
 * 2. A jump far away begins a new window. Jobs are numbered as they come in, so the number to begin at follows from the place in the
 *    list; where jobs are missing in between, the place is an estimate, and is put right when the window reaches an end of the list.
 *    What one looks at does not move then: the list is told by how much its places have shifted.
 * 3. Jobs that come in later wait beside it until they are asked for.
 */
import { signal } from '@preact/signals';
import type { JobView } from '../../src/client.ts';
import { type Trouble, troubleOf } from './trouble.ts';
import { isCounted } from './where.ts';

type Shown =
  | ('seq' | 'id' | 'type' | 'queue' | 'status' | 'shown' | 'allowed' | 'priority' | 'progress' | 'note' | 'error')
  | ('attempts' | 'maxAttempts' | 'createdAt' | 'runAt' | 'startedAt' | 'completedAt');

/** What a line shows of a job: inputs and results may be large, and are not kept. */
export type JobRow = Pick<JobView, Shown>;

const rowOf = (job: JobView): JobRow => {
  const { seq, id, type, queue, status, shown, allowed, priority, progress, note, error } = job;
  const { attempts, maxAttempts, createdAt, runAt, startedAt, completedAt } = job;
  return {
    ...{ seq, id, type, queue, status, shown, allowed, priority, progress, note, error: error?.slice(0, 300) ?? null },
    ...{ attempts, maxAttempts, createdAt, runAt, startedAt, completedAt },
  };
};

export interface Asked {
  readonly q?: string;
  readonly id?: string[];
  readonly order?: 'newest' | 'oldest';
  readonly limit: number;
  readonly after?: string;
}

/** What is asked of the server; tests ask something else. */
export interface Source {
  list(asked: Asked, signal: AbortSignal): Promise<{ readonly jobs: readonly JobView[]; readonly next: string | null }>;
  count(q: string, signal: AbortSignal): Promise<number>;
}

export const PAGE = 200;
const KEPT = 60 * PAGE;
/** Farther than this from the window, one jumps. */
const NEAR = 2 * PAGE;
const FRESH = 100;

export class JobRows {
  /** Grows with every change of what there is to see. */
  readonly version = signal(0);
  readonly trouble = signal<Trouble | null>(null);
  /** The first page has come. */
  readonly ready = signal(false);
  /** Jobs that came in since, oldest first. */
  readonly fresh = signal<readonly JobRow[]>([]);
  /** Told by how many places everything has moved. */
  onShift: (by: number) => void = () => {};

  readonly #q: string;
  readonly #source: Source;
  readonly #ended = new AbortController();
  #rows: JobRow[] = [];
  #start = 0;
  /** By the server's counters; null where counting would mean looking at every job. */
  #counted: number | null = null;
  #atTop = true;
  #atEnd = false;
  /** The numbers of the newest and the oldest job of the list. */
  #top: number | null = null;
  #lowest: number | null = null;
  #busy: AbortController | null = null;
  #looking = false;

  constructor(q: string, source: Source) {
    this.#q = q;
    this.#source = source;
  }

  /** How long the list is, as far as is known. */
  get length(): number {
    const end = this.#start + this.#rows.length;
    if (this.#atEnd) return end;
    return Math.max(this.#counted ?? 0, end + 1);
  }

  /** The length is the real one. */
  get exact(): boolean {
    return this.#counted !== null || (this.#atEnd && this.#start === 0);
  }

  get known(): { readonly start: number; readonly rows: readonly JobRow[] } {
    return { start: this.#start, rows: this.#rows };
  }

  at(index: number): JobRow | undefined {
    return this.#rows[index - this.#start];
  }

  indexOf(id: string): number {
    const found = this.#rows.findIndex((row) => row.id === id);
    return found < 0 ? -1 : this.#start + found;
  }

  /** Begins at the top, anew. Always settles. */
  async reload(): Promise<void> {
    await this.#load(async (signal) => {
      const [page, counted] = await Promise.all([
        this.#ask({ order: 'newest', limit: PAGE }, signal),
        isCounted(this.#q) ? this.#source.count(this.#q, signal) : null,
      ]);
      if (signal.aborted) return;
      this.#counted = counted;
      this.#isTop(page);
      this.ready.value = true;
    });
  }

  /** These places are looked at: loads what is missing of them. */
  async need(first: number, last: number): Promise<void> {
    if (!this.ready.value) return;
    const end = this.#start + this.#rows.length;
    const missingAbove = first < this.#start && !(this.#atTop && this.#start === 0);
    const missingBelow = last >= end && !this.#atEnd;
    if (!missingAbove && !missingBelow) return;
    if (last < this.#start - NEAR || first > end + NEAR) return first < PAGE ? this.#first() : this.#jump(first);
    if (this.#busy) return;
    await (missingBelow ? this.#older() : this.#newer());
  }

  /** Looks for jobs that came in since the top was loaded. */
  async look(): Promise<void> {
    if (!this.ready.value || this.#looking) return;
    if (this.#top === null) return this.reload();
    this.#looking = true;
    try {
      const page = await this.#ask({ order: 'oldest', limit: FRESH, after: String(this.#top) }, this.#ended.signal);
      this.fresh.value = page.jobs.map(rowOf);
      this.trouble.value = null;
    } catch (error) {
      if (!this.#ended.signal.aborted) this.trouble.value = troubleOf(error);
    }
    this.#looking = false;
  }

  /** Shows what has waited. More than fits into one look means to begin anew. */
  async takeFresh(): Promise<void> {
    const fresh = this.fresh.value;
    if (fresh.length >= FRESH || !this.#atTop) return this.reload();
    this.#rows = [...fresh.toReversed(), ...this.#rows];
    this.#top = this.#rows[0]?.seq ?? null;
    if (this.#counted !== null) this.#counted += fresh.length;
    this.fresh.value = [];
    this.#changed();
  }

  /** Asks anew how some of them are; what is gone stays as it was last seen. */
  async refresh(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    try {
      const { jobs } = await this.#source.list({ id: [...ids], limit: ids.length }, this.#ended.signal);
      this.put(jobs);
      this.trouble.value = null;
    } catch (error) {
      if (!this.#ended.signal.aborted) this.trouble.value = troubleOf(error);
    }
  }

  put(jobs: readonly JobView[]): void {
    const changed = new Map(jobs.map((job) => [job.id, rowOf(job)]));
    this.#rows = this.#rows.map((row) => changed.get(row.id) ?? row);
    this.#changed();
  }

  end(): void {
    this.#ended.abort();
    this.#busy?.abort();
  }

  #ask(asked: Asked, signal: AbortSignal) {
    return this.#source.list(this.#q ? { q: this.#q, ...asked } : asked, signal);
  }

  #changed(): void {
    this.version.value += 1;
  }

  /** One question at a time: a later one ends the one before. */
  async #load(ask: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#busy?.abort();
    const mine = new AbortController();
    this.#busy = mine;
    try {
      await ask(mine.signal);
      this.trouble.value = null;
    } catch (error) {
      if (this.#busy === mine && !mine.signal.aborted) this.trouble.value = troubleOf(error);
    }
    if (this.#busy !== mine) return;
    this.#busy = null;
    this.#changed();
  }

  #first(): Promise<void> {
    return this.#load(async (signal) => {
      const page = await this.#ask({ order: 'newest', limit: PAGE }, signal);
      if (!signal.aborted) this.#isTop(page);
    });
  }

  #isTop({ jobs, next }: { readonly jobs: readonly JobView[]; readonly next: string | null }): void {
    this.#rows = jobs.map(rowOf);
    this.#start = 0;
    this.#atTop = true;
    this.#atEnd = next === null;
    this.#top = jobs[0]?.seq ?? null;
    this.fresh.value = [];
  }

  /** Begins a window at a place far away. */
  #jump(place: number): Promise<void> {
    return this.#load(async (signal) => {
      const length = Math.max(1, this.length);
      const begin = Math.max(0, Math.min(place, length - 1) - PAGE / 2);
      const page = await this.#ask(
        { order: 'newest', limit: PAGE, after: String(await this.#seqAt(begin, signal)) },
        signal,
      );
      if (signal.aborted) return;
      this.#rows = page.jobs.map(rowOf);
      this.#start = begin;
      this.#atTop = false;
      this.#atEnd = false;
      if (page.next === null) this.#endsHere();
    });
  }

  /** The number below which the jobs from this place on are, if they are spread evenly between what is known and the oldest. */
  async #seqAt(place: number, signal: AbortSignal): Promise<number> {
    this.#lowest ??= (await this.#ask({ order: 'oldest', limit: 1 }, signal)).jobs[0]?.seq ?? 1;
    const lowest = this.#lowest;
    const highest = this.#top ?? lowest;
    const part = place / Math.max(1, this.length);
    return Math.round(highest + 1 - part * (highest + 1 - lowest));
  }

  async #older(): Promise<void> {
    const last = this.#rows.at(-1);
    if (!last) return;
    await this.#load(async (signal) => {
      const page = await this.#ask({ order: 'newest', limit: PAGE, after: String(last.seq) }, signal);
      if (signal.aborted) return;
      this.#rows = [...this.#rows, ...page.jobs.map(rowOf)];
      const over = this.#rows.length - KEPT;
      if (over > 0) {
        this.#rows = this.#rows.slice(over);
        this.#start += over;
        this.#atTop = false;
      }
      this.#atEnd = page.next === null;
      if (this.#atEnd) this.#endsHere();
    });
  }

  async #newer(): Promise<void> {
    const first = this.#rows[0];
    if (!first) return;
    await this.#load(async (signal) => {
      const page = await this.#ask({ order: 'oldest', limit: PAGE, after: String(first.seq) }, signal);
      if (signal.aborted) return;
      const rows = page.jobs.map(rowOf).reverse();
      this.#rows = [...rows, ...this.#rows];
      this.#start -= rows.length;
      if (this.#rows.length > KEPT) {
        this.#rows = this.#rows.slice(0, KEPT);
        this.#atEnd = false;
      }
      if (page.next === null) this.#beginsHere();
      else if (this.#start <= 0) this.#shift(PAGE - this.#start);
    });
  }

  /** The window has reached the top: its first place is 0. */
  #beginsHere(): void {
    this.#atTop = true;
    this.#top = this.#rows[0]?.seq ?? null;
    this.fresh.value = [];
    if (this.#start !== 0) this.#shift(-this.#start);
  }

  /** The window has reached the end: the list is exactly as long as was counted. */
  #endsHere(): void {
    this.#atEnd = true;
    const end = this.#start + this.#rows.length;
    if (this.#counted !== null && end !== this.#counted && !this.#atTop) this.#shift(this.#counted - end);
  }

  #shift(by: number): void {
    this.#start += by;
    this.onShift(by);
  }
}
