/** Names and payloads of all events, and how the store's changes become events. */
import { EventEmitter } from 'node:events';
import { func, oneOf } from '../job/check.ts';
import type { Status } from '../job/states.ts';
import type { HistoryKind } from '../schedule/record.ts';
import type { ScheduleChange } from '../store/schedule-store.ts';
import type { StoreChange } from '../store/store.ts';

/** What every job event carries. `at` is epoch milliseconds. */
export interface JobEvent {
  readonly jobId: string;
  readonly seq: number;
  readonly type: string;
  readonly queue: string;
  readonly at: number;
}

/** What every event of a schedule carries. Times are epoch milliseconds. */
export interface ScheduleEvent {
  readonly scheduleId: string;
  /** Of the jobs it starts. */
  readonly type: string;
  readonly at: number;
}

/** Slots without a run: how many, the first and the last of them, and why. */
interface SlotsEvent extends ScheduleEvent {
  readonly count: number;
  readonly firstSlotAt: number;
  readonly lastSlotAt: number;
  readonly reason: string | null;
}

export interface EventMap {
  /** One per move, in order per job; also for moves made by other processes. */
  'job-status-changed': JobEvent & {
    readonly status: Status;
    readonly from: Status | null;
    readonly attempts: number;
    readonly runAt: number;
    readonly error: string | null;
  };
  'job-progress': JobEvent & { readonly progress: number; readonly note: string | null };
  'job-completed': JobEvent & { readonly result: unknown };
  'job-failed': JobEvent & { readonly error: string; readonly attempts: number };
  'job-timeout': JobEvent & { readonly error: string; readonly attempts: number };
  'job-cancelled': JobEvent & { readonly reason: string };
  /** A cancel was asked of a running job. */
  'job-cancel-requested': JobEvent & { readonly reason: string };
  /** An attempt ended, and another follows at `runAt`. */
  'job-retrying': JobEvent & { readonly error: string | null; readonly attempts: number; readonly runAt: number };
  'job-removed': JobEvent;
  /** A result came after its lease was lost or its job had ended; it was dropped. */
  'job-late-result': JobEvent;
  /** The handler did not stop after its time-out or cancel; its slot stays taken until it ends. */
  'job-still-running': JobEvent & { readonly reason: string };
  /** A slot inserted its job; or, without a slot, a person asked for a run. */
  'schedule-fired': ScheduleEvent & { readonly jobId: string; readonly slotAt: number; readonly byHand: boolean };
  /** Slots passed without a run: a downtime, a pause, a sleep. */
  'schedule-missed': SlotsEvent;
  /** Slots were left out, because earlier runs were unfinished, or another job had the key. */
  'schedule-skipped': SlotsEvent;
  /** By a person, a program, or new time zone data. */
  'schedule-changed': ScheduleEvent & {
    readonly change: 'added' | 'updated' | 'paused' | 'resumed' | 'removed' | 'ended' | 'retimed' | 'recovered';
    readonly actor: string | null;
    readonly reason: string | null;
  };
  /** Its next run cannot be computed; it is tried again. */
  'schedule-problem': ScheduleEvent & { readonly problem: string };
  /** The wall clock was set, or this machine slept. Schedules were looked at anew. */
  'clock-jumped': { readonly byMs: number; readonly at: number };
  'worker-started': { readonly worker: string; readonly slots: number };
  'worker-stopped': { readonly worker: string };
  /** Another worker was found dead; its jobs go on. */
  'worker-lost': { readonly worker: string };
  /** This worker was declared dead while it was paused; what it ran is discarded. */
  'lease-lost': { readonly worker: string; readonly jobs: number };
  /** The event loop stood still; the heartbeat went on. */
  'loop-blocked': { readonly blockedMs: number };
  /** Nothing starts that could do the work of this runner: its jobs wait. */
  'runner-down': { readonly runner: string; readonly error: unknown };
  'runner-up': { readonly runner: string };
  'orphans-released': { readonly count: number; readonly quarantined: number };
  'store-unavailable': { readonly error: unknown };
  'store-recovered': { readonly afterMs: number };
  /** A damaged database was repaired at start. */
  'store-repaired': {
    readonly file: string;
    readonly kept: string;
    readonly recovered: number;
    readonly unreadable: number;
  };
  /** Something went wrong that no caller waits for. Without a listener it is logged, never thrown. */
  error: { readonly error: unknown; readonly during: string };
}

export type EventName = keyof EventMap;

/** Every name; the compiler says if one is missing. */
const NAMES: Readonly<Record<EventName, true>> = {
  'job-status-changed': true,
  'job-progress': true,
  'job-completed': true,
  'job-failed': true,
  'job-timeout': true,
  'job-cancelled': true,
  'job-cancel-requested': true,
  'job-retrying': true,
  'job-removed': true,
  'job-late-result': true,
  'job-still-running': true,
  'schedule-fired': true,
  'schedule-missed': true,
  'schedule-skipped': true,
  'schedule-changed': true,
  'schedule-problem': true,
  'clock-jumped': true,
  'worker-started': true,
  'worker-stopped': true,
  'worker-lost': true,
  'lease-lost': true,
  'loop-blocked': true,
  'runner-down': true,
  'runner-up': true,
  'orphans-released': true,
  'store-unavailable': true,
  'store-recovered': true,
  'store-repaired': true,
  error: true,
};

export const EVENT_NAMES = Object.keys(NAMES) as readonly EventName[];

type Listener<E extends EventName> = (event: EventMap[E]) => void;

const eventCheck = oneOf(...EVENT_NAMES);

const checked = <E extends EventName>(name: E, listener: Listener<E>): [E, Listener<E>] => {
  eventCheck(name, 'event');
  func(listener, 'listener');
  return [name, listener];
};

/** An emitter whose listeners cannot break it: what they throw becomes an `error` event, and an unheard `error` is logged. */
export class Events {
  readonly #emitter = new EventEmitter();
  readonly #unheard: (event: EventMap['error']) => void;

  constructor(unheard: (event: EventMap['error']) => void) {
    this.#emitter.setMaxListeners(0);
    this.#unheard = (event) => {
      try {
        unheard(event);
      } catch {
        // Nobody is left to tell.
      }
    };
  }

  /** @throws INVALID_OPTION for an event that does not exist, or a listener that is no function. */
  on<E extends EventName>(name: E, listener: Listener<E>): void {
    this.#emitter.on(...checked(name, listener));
  }

  /** @throws as `on`. */
  once<E extends EventName>(name: E, listener: Listener<E>): void {
    this.#emitter.once(...checked(name, listener));
  }

  off<E extends EventName>(name: E, listener: Listener<E>): void {
    this.#emitter.off(name, listener);
  }

  /** Makes the event only if somebody listens. */
  emit<E extends EventName>(name: E, event: () => EventMap[E]): void {
    if (this.#emitter.listenerCount(name) === 0) {
      if (name === 'error') this.#unheard(event() as EventMap['error']);
      return;
    }
    const made = event();
    for (const listener of this.#emitter.rawListeners(name)) {
      try {
        const answer = (listener as (event: EventMap[E]) => unknown).call(this.#emitter, made);
        if (answer instanceof Promise) answer.catch((error) => this.#fault(name, error));
      } catch (error) {
        this.#fault(name, error);
      }
    }
  }

  #fault(name: EventName, error: unknown): void {
    if (name === 'error') this.#unheard({ error, during: 'a listener of "error"' });
    else this.emit('error', () => ({ error, during: `a listener of "${name}"` }));
  }
}

/** One change in the store → the events that tell of it. */
export const emitChange = (events: Events, change: StoreChange): void => {
  const { seq, id: jobId, type, queue, at, from, to, attempts, runAt } = change;
  const base = { jobId, seq, type, queue, at };
  const error = change.error ?? null;
  switch (change.kind) {
    case 'removed':
      return events.emit('job-removed', () => base);
    case 'cancel-requested':
      return events.emit('job-cancel-requested', () => ({ ...base, reason: error ?? '' }));
    case 'progress':
      return events.emit('job-progress', () => ({
        ...base,
        progress: change.progress ?? 0,
        note: change.note ?? null,
      }));
    case 'status': {
      // Rescheduled, re-prioritised or replaced where it waits: no move.
      if (from === to) return;
      const moved = (status: Status, before: Status | null) =>
        events.emit('job-status-changed', () => ({ ...base, status, from: before, attempts, runAt, error }));
      // Every life begins as created, also where a job is stored as queued at once.
      if (from === null) moved('created', null);
      if (from === null && to === 'created') return;
      moved(to, from ?? 'created');
      return emitEnd(events, change, base, error);
    }
  }
};

const emitEnd = (events: Events, change: StoreChange, base: JobEvent, error: string | null): void => {
  const { from, to, attempts, runAt } = change;
  if (to === 'completed')
    events.emit('job-completed', () => ({ ...base, result: change.result ? JSON.parse(change.result) : null }));
  else if (to === 'failed') events.emit('job-failed', () => ({ ...base, error: error ?? '', attempts }));
  else if (to === 'timeout') events.emit('job-timeout', () => ({ ...base, error: error ?? '', attempts }));
  else if (to === 'cancelled') events.emit('job-cancelled', () => ({ ...base, reason: error ?? '' }));
  else if (to === 'queued' && from === 'running')
    events.emit('job-retrying', () => ({ ...base, error, attempts, runAt }));
};

/** One entry of a schedule's history → the event that tells of it. */
export const emitScheduleChange = (events: Events, { id: scheduleId, type, at, entry }: ScheduleChange): void => {
  const base = { scheduleId, type, at };
  const { kind, jobId, slotAt, lastSlotAt, count, actor, reason } = entry;
  const slots = () => ({ ...base, count, firstSlotAt: slotAt!, lastSlotAt: lastSlotAt!, reason });
  if (isRun(kind))
    events.emit('schedule-fired', () => ({ ...base, jobId: jobId!, slotAt: slotAt!, byHand: kind === 'ran' }));
  else if (kind === 'missed') events.emit('schedule-missed', slots);
  else if (kind === 'skipped') events.emit('schedule-skipped', slots);
  else if (kind === 'problem') events.emit('schedule-problem', () => ({ ...base, problem: reason ?? '' }));
  else events.emit('schedule-changed', () => ({ ...base, change: kind, actor, reason }));
};

const isRun = (kind: HistoryKind): kind is 'fired' | 'ran' => kind === 'fired' || kind === 'ran';
