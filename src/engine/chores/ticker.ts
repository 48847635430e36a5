/**
 * Fires schedules when their time has come. Any number of processes may: a slot is unique, and a schedule moves on in the transaction
 * that inserts its job.
 *
 * 1. It sleeps until the earliest run, and is woken by what changes in between; it asks the database now and then all the same.
 * 2. Timers do not notice that a laptop slept or that the wall clock was set, so it looks at the clock every few seconds, without
 *    asking the database. What the clock did is told; after a jump all times are looked at again.
 * 3. At the start, and after a jump, schedules are found whose next run was computed with other time zone data, by a clock that was
 *    ahead, or not at all.
 */
import { isClosed } from '../../job/errors.ts';
import type { HistoryKind, Schedule } from '../../schedule/record.ts';
import { ZONE_DATA } from '../../schedule/zone.ts';
import type { ScheduleChange } from '../../store/schedule-store.ts';
import type { Store } from '../../store/store.ts';
import type { Clock } from '../../util/clock.ts';
import { sleep } from '../../util/sleep.ts';
import type { Events } from '../events.ts';
import type { Service } from '../service.ts';
import type { StoreWatch } from '../store-watch.ts';

export interface TickerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: Events;
  readonly storeWatch: StoreWatch;
  readonly newId: () => string;
}

/** The longest sleep between two looks at the clock. */
const LOOK_MS = 5000;
/** The longest time without asking the database, where no change was heard of. */
const ASK_MS = 60_000;
/** More than this between the wall clock and the one that never jumps is a jump. */
const JUMP_MS = 1000;
const RETRY_MS = 1000;
const BUSY_MS = 50;
/** Schedules fired in one transaction. */
const CHUNK = 500;
const PAGE = 1000;
/** A clock that was this far ahead has left its trace in what was fired last. */
const AHEAD_MS = 86_400_000;

export class Ticker implements Service {
  readonly #parts: TickerParts;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #started = false;
  #again = false;
  #isDown = false;
  /** When something is due, by the wall clock; null if nothing is. */
  #nextAt: number | null = null;
  /** When the database was asked last, by the clock that never jumps. */
  #askedAt = 0;
  /** Something has changed since it was asked. */
  #mustAsk = true;
  #unsettled = true;
  /** What the wall clock was ahead of the other one at the last look. */
  #lead: number;
  #undo: (() => void)[] = [];

  constructor(parts: TickerParts) {
    this.#parts = parts;
    this.#lead = this.#leadNow();
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    const { store, clock } = this.#parts;
    this.#undo.push(store.schedules.watch((changes) => this.#heard(changes)));
    const leave = clock.onMove?.(() => this.#wake());
    if (leave) this.#undo.push(leave);
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#started = false;
    clearTimeout(this.#timer);
    for (const undo of this.#undo.splice(0)) undo();
    await this.#running;
  }

  #heard(changes: readonly ScheduleChange[]): void {
    // What a ticker does, here or elsewhere, brings nothing forward.
    if (changes.every(({ entry }) => BY_TICKER.has(entry.kind))) return;
    this.#mustAsk = true;
    this.#wake();
  }

  #wake(): void {
    if (!this.#started) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#again = false;
    this.#running = this.#look()
      .then(
        () => {
          this.#isDown = false;
          this.#parts.storeWatch.up('tick');
        },
        (error) => this.#failed(error),
      )
      .finally(() => {
        this.#running = undefined;
        if (this.#again) this.#wake();
        else this.#sleep();
      });
  }

  #failed(error: unknown): void {
    if (isClosed(error)) return;
    this.#parts.storeWatch.down('tick', error);
    this.#mustAsk = true;
    this.#isDown = true;
  }

  #sleep(): void {
    if (!this.#started) return;
    const dueMs =
      this.#nextAt === null ? LOOK_MS : Math.max(0, Math.min(LOOK_MS, this.#nextAt - this.#parts.clock.now()));
    const ms = this.#isDown ? RETRY_MS : dueMs;
    // It never holds a process open: that is for those who run jobs.
    this.#timer = setTimeout(() => this.#wake(), ms).unref();
  }

  async #look(): Promise<void> {
    const { clock } = this.#parts;
    await this.#checkClock();
    if (this.#unsettled) await this.#retime();
    const isDue = this.#nextAt !== null && this.#nextAt <= clock.now();
    if (this.#mustAsk || isDue || clock.monotonic() - this.#askedAt >= ASK_MS) await this.#fire();
  }

  async #fire(): Promise<void> {
    const { store, clock, newId } = this.#parts;
    for (;;) {
      const now = clock.now();
      // Before it is asked: what is heard meanwhile may have come too late for the answer.
      this.#mustAsk = false;
      const { schedules, nextAt } = await store.schedules.fire({ limit: CHUNK, newId }, now);
      this.#askedAt = clock.monotonic();
      this.#nextAt = nextAt;
      if (!this.#started || nextAt === null || nextAt > clock.now()) return;
      // Another process has in hand what is due.
      if (schedules === 0 && nextAt <= now) await sleep(BUSY_MS, { keepAlive: false });
    }
  }

  async #checkClock(): Promise<void> {
    const { store, events, clock } = this.#parts;
    const seen = this.#lead;
    if (Math.abs(this.#leadNow() - seen) < JUMP_MS) {
      // A clock that is slewed drifts, and does not jump.
      this.#lead = this.#leadNow();
      return;
    }
    // This machine's clock jumped or slept; where the database has a clock of its own, that one counts.
    await store.measureClock?.();
    this.#lead = this.#leadNow();
    const byMs = Math.round(this.#lead - seen);
    if (Math.abs(byMs) < JUMP_MS) return;
    events.emit('clock-jumped', () => ({ byMs, at: clock.now() }));
    this.#mustAsk = true;
    this.#unsettled = true;
  }

  async #retime(): Promise<void> {
    const { store, clock } = this.#parts;
    let after: string | undefined;
    do {
      const page = await store.schedules.list({ limit: PAGE, after });
      for (const schedule of page.schedules)
        if (mayBeWrong(schedule, clock.now()))
          await store.schedules.change(schedule.id, { kind: 'retime' }, clock.now());
      after = page.next ?? undefined;
    } while (after !== undefined);
    this.#unsettled = false;
  }

  #leadNow(): number {
    const { clock } = this.#parts;
    return clock.now() - clock.monotonic();
  }
}

const BY_TICKER: ReadonlySet<HistoryKind> = new Set(['fired', 'missed', 'skipped', 'ran', 'ended', 'problem']);

/** The decision itself is made in the store, on the row as it is then. */
const mayBeWrong = ({ zoneData, problem, after }: Schedule, now: number): boolean =>
  zoneData !== ZONE_DATA || problem !== null || after > now + AHEAD_MS;
