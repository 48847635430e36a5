/**
 * The live feed of a process: what happens to jobs, whichever process does it, as frames for any number of readers.
 *
 * 1. Events become frames in one log (frame-log.ts), which keeps the newest of each thing.
 * 2. A reader is a place in the log. At each tick, four a second at most, it gets what is new behind its place, within its bytes.
 * 3. Readers that want the same and stand at the same place share one answer: five hundred pages cost hardly more than one.
 * 4. Whose place was forgotten gets a `gap`: fetch anew, and go on from here. Nothing grows because somebody does not read.
 */
import type { EventMap, EventName } from '../../engine/events.ts';
import type { JobFilter } from '../../job/filter.ts';
import type { Caller } from './access.ts';
import { endable } from './endable.ts';
import { type FeedFilter, type Selection, selectionOf } from './frame-filter.ts';
import { type Entry, FrameLog, type JobFacts } from './frame-log.ts';
import { type Frame, type GapFrame, NEWS } from './frames.ts';
import { type QueueSource, QueueWatch } from './queue-watch.ts';

/** What the feed needs of a JobManager. */
export interface FeedSource extends QueueSource {
  on<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): unknown;
  off<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): unknown;
  list(
    filter: JobFilter,
    page: { readonly limit: number },
  ): Promise<{
    readonly jobs: readonly {
      readonly id: string;
      readonly seq: number;
      readonly parentId: string | null;
      readonly scheduleId?: string | null;
      readonly tenant?: string | null;
    }[];
  }>;
}

export interface FeedOptions {
  /** The shortest time between two deliveries to a reader, in milliseconds. Default 250. */
  readonly tickMs?: number;
  /** The most that a reader gets in a second, in bytes of JSON. Default 65,536. */
  readonly maxBytesPerSecond?: number;
  /** How many things that changed are remembered for readers that come back or are slow; at most twice as many. Default 5,000. */
  readonly keepFrames?: number;
  /** How often the switches of queues are looked at while somebody watches, in milliseconds. Default 1,000. */
  readonly queuesEveryMs?: number;
  /** How long the feed goes on without a reader, in milliseconds: who comes back within it misses nothing. Default 60,000. */
  readonly idleMs?: number;
}

export interface WatchRequest {
  readonly filter?: FeedFilter;
  readonly caller: Pick<Caller, 'queues' | 'tenants'>;
  /** The id of the last frame that was seen, to go on behind it. */
  readonly lastEventId?: string | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** What one tick brings. Readers may be given the same object. */
export interface Batch {
  readonly frames: readonly Frame[];
  /** Each of them as JSON. */
  readonly texts: readonly string[];
}

/** So many jobs are looked up for one answer. */
const LOOK_UP = 500;
/** A timer may fire this much before its time. */
const EARLY_MS = 2;

const OF_SCHEDULES = [
  ...(['schedule-fired', 'schedule-missed', 'schedule-skipped', 'schedule-changed', 'schedule-problem'] as const),
] as const;

const feeds = new WeakMap<FeedSource, Feed>();

/** The feed of a manager: one, however many doors serve it. Its options are those of the first. */
export const feedOf = (source: FeedSource, options?: FeedOptions): Feed => {
  const known = feeds.get(source) ?? new Feed(source, options);
  feeds.set(source, known);
  return known;
};

export class Feed {
  readonly #source: FeedSource;
  readonly #log: FrameLog;
  readonly #queues: QueueWatch;
  readonly #tickMs: number;
  readonly #batchBytes: number;
  readonly #idleMs: number;
  readonly #waiting = new Set<Reader>();
  readonly #shared = new Map<string, Promise<Answer>>();
  #listeners: (() => void)[] = [];
  #readers = 0;
  #tick: NodeJS.Timeout | undefined;
  #idle: NodeJS.Timeout | undefined;
  /** When readers were given something last, by the clock that never jumps. */
  #givenAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(source: FeedSource, options: FeedOptions = {}) {
    const {
      tickMs = 250,
      maxBytesPerSecond = 65_536,
      keepFrames = 5000,
      queuesEveryMs = 1000,
      idleMs = 60_000,
    } = options;
    this.#source = source;
    this.#log = new FrameLog(keepFrames);
    this.#tickMs = tickMs;
    this.#batchBytes = Math.max(1, Math.floor((maxBytesPerSecond * tickMs) / 1000));
    this.#idleMs = idleMs;
    this.#queues = new QueueWatch(source, queuesEveryMs, (news) => this.#append(news));
  }

  /** How many watch. */
  get readers(): number {
    return this.#readers;
  }

  /** How many frames are kept. */
  get size(): number {
    return this.#log.size;
  }

  /** Frames one by one, from this call on; or from behind `lastEventId`, with a `gap` first if that is not possible. */
  watch(request: WatchRequest): AsyncGenerator<Frame, void> {
    const batches = this.batches(request);
    return endable(framesOf(batches), () => void batches.return());
  }

  /** The same, as each tick brings it. Everything from this call on is heard, also before it is iterated. `return` does not wait for a tick. */
  batches({ filter = {}, caller, lastEventId, signal }: WatchRequest): AsyncGenerator<Batch, void> {
    if (!this.#closed) this.#hear();
    const place = lastEventId === undefined ? this.#log.head : this.#log.placeOf(lastEventId);
    const reader: Reader = { ended: signal?.aborted ?? false, wake: () => {} };
    const end = () => {
      reader.ended = true;
      reader.wake();
    };
    return endable(this.#read(selectionOf(filter, caller), place, reader, signal, end), end);
  }

  /** Ends all readers. What watches later ends at once. */
  close(): void {
    this.#closed = true;
    this.#deafen();
    clearTimeout(this.#tick);
    this.#wake();
  }

  async *#read(
    selection: Selection,
    from: number | GapFrame['reason'],
    reader: Reader,
    signal: AbortSignal | undefined,
    end: () => void,
  ): AsyncGenerator<Batch, void> {
    let place = typeof from === 'number' ? from : this.#log.head;
    const isOver = () => this.#closed || reader.ended;
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
    this.#readers++;
    this.#queues.start();
    clearTimeout(this.#idle);
    try {
      if (typeof from !== 'number' && !isOver()) yield this.#gap(from);
      while (!isOver()) {
        await this.#next(place, reader);
        if (isOver()) return;
        if (this.#log.isLost(place)) {
          place = this.#log.head;
          yield this.#gap('too-slow');
        } else if (this.#log.head > place) {
          const { next, batch } = await this.#answer(selection, place);
          place = next;
          if (batch.frames.length > 0 && !isOver()) yield batch;
        }
      }
    } finally {
      signal?.removeEventListener('abort', end);
      this.#readers--;
      if (this.#readers === 0) this.#rest();
    }
  }

  #gap(reason: GapFrame['reason']): Batch {
    const frame = this.#log.gap(reason, this.#source.now());
    return { frames: [frame], texts: [JSON.stringify(frame)] };
  }

  /** Until the next tick: it comes by itself when there is news. */
  async #next(place: number, reader: Reader): Promise<void> {
    if (this.#log.head > place) this.#arm();
    await new Promise<void>((resolve) => {
      reader.wake = resolve;
      this.#waiting.add(reader);
    });
    this.#waiting.delete(reader);
  }

  #arm(): void {
    if (this.#tick || this.#closed) return;
    const waitMs = () => this.#givenAt + this.#tickMs - performance.now();
    this.#tick = setTimeout(
      () => {
        this.#tick = undefined;
        // What this tick was to follow took its time to be looked up. Timers of the system may be a little early.
        if (waitMs() > EARLY_MS) return this.#arm();
        this.#givenAt = performance.now();
        this.#shared.clear();
        this.#wake();
      },
      Math.max(0, waitMs()),
    ).unref();
  }

  #wake(): void {
    for (const { wake } of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Readers of one tick with the same wish and place share one answer. */
  #answer(selection: Selection, place: number): Promise<Answer> {
    const key = `${place} ${selection.key}`;
    const shared = this.#shared.get(key) ?? this.#make(selection, place);
    this.#shared.set(key, shared);
    return shared;
  }

  async #make(selection: Selection, place: number): Promise<Answer> {
    // What comes while something is looked up is for the next tick.
    const { head } = this.#log;
    if (selection.needsFacts && !(await this.#lookUp(selection, place))) return { next: place, batch: NOTHING };
    const { entries, next } = this.#log.read(place, head, selection.fits, this.#batchBytes);
    this.#givenAt = performance.now();
    return { next, batch: { frames: entries.map(({ frame }) => frame), texts: entries.map(({ text }) => text!) } };
  }

  /** @returns false if the store does not answer: the reader stays where it is, and asks again at the next tick. */
  async #lookUp(selection: Selection, place: number): Promise<boolean> {
    const isUnknown = (entry: Entry) =>
      entry.frame.kind === 'job' && entry.facts === undefined && selection.mayFit(entry, place);
    const unknown = [...this.#log.behind(place)].filter(isUnknown);
    try {
      for (let i = 0; i < unknown.length; i += LOOK_UP) await this.#lookUpSome(unknown.slice(i, i + LOOK_UP));
      return true;
    } catch {
      return false;
    }
  }

  async #lookUpSome(entries: readonly Entry[]): Promise<void> {
    const id = entries.map(({ frame }) => (frame.kind === 'job' ? frame.jobId : ''));
    const { jobs } = await this.#source.list({ id }, { limit: LOOK_UP });
    // By number: the job that has the id now may be another than the one of the frame, and another's.
    const found = new Map<number, JobFacts>(
      jobs.map(({ seq, parentId, scheduleId = null, tenant = null }) => [seq, { parentId, scheduleId, tenant }]),
    );
    // An entry that became stale meanwhile hands on what it knows.
    for (const entry of entries)
      if (entry.frame.kind === 'job') this.#log.learn(entry, found.get(entry.frame.seq) ?? null);
  }

  // --- the manager's events ---

  #append(...news: Parameters<FrameLog['append']>): void {
    this.#log.append(...news);
    if (this.#waiting.size > 0) this.#arm();
  }

  #hear(): void {
    if (this.#listeners.length > 0) return;
    this.#on('job-status-changed', (event) =>
      this.#append(NEWS['job-status-changed'](event), event.status, event.from),
    );
    this.#on('job-progress', (event) => this.#append(NEWS['job-progress'](event), 'running'));
    this.#on('job-cancel-requested', (event) => this.#append(NEWS['job-cancel-requested'](event), 'running'));
    this.#on('job-removed', (event) => this.#append(NEWS['job-removed'](event)));
    const at = () => new Date(this.#source.now()).toISOString();
    for (const change of ['started', 'stopped', 'lost'] as const)
      this.#on(`worker-${change}`, ({ worker }) => this.#append({ kind: 'worker', at: at(), worker, change }));
    for (const name of OF_SCHEDULES)
      this.#on(name, ({ at: then, scheduleId: schedule, type }) =>
        this.#append({ kind: 'schedule', at: new Date(then).toISOString(), schedule, type }),
      );
    for (const change of ['store-unavailable', 'store-recovered'] as const)
      this.#on(change, () => this.#append({ kind: 'service', at: at(), change }));
    this.#rest();
  }

  #on<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): void {
    this.#source.on(name, listener);
    this.#listeners.push(() => this.#source.off(name, listener));
  }

  /** Nobody reads: in a while the events are let go. */
  #rest(): void {
    this.#queues.stop();
    clearTimeout(this.#idle);
    if (this.#closed) return;
    this.#idle = setTimeout(() => {
      if (this.#readers === 0) this.#deafen();
    }, this.#idleMs).unref();
  }

  #deafen(): void {
    for (const off of this.#listeners.splice(0)) off();
    this.#queues.stop();
    clearTimeout(this.#idle);
    this.#log.forget();
  }
}

interface Reader {
  ended: boolean;
  wake: () => void;
}

async function* framesOf(batches: AsyncIterable<Batch>): AsyncGenerator<Frame, void> {
  for await (const { frames } of batches) yield* frames;
}

interface Answer {
  /** The place behind it. */
  readonly next: number;
  readonly batch: Batch;
}

const NOTHING: Batch = { frames: [], texts: [] };
