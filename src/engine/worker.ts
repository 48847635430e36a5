/** The loop that takes jobs and starts them: how many slots are free, claim that many, start each, then sleep until woken. */

import type { Wait } from '../job/backoff.ts';
import { type Change, changeFor, complete } from '../job/change.ts';
import type { CheckedJobType } from '../job/define.ts';
import type { EnqueueOptions, Transaction } from '../job/enqueue-options.ts';
import { isClosed } from '../job/errors.ts';
import type { ClaimedJob } from '../job/job.ts';
import type { Outcome } from '../job/outcome.ts';
import type { RunnerRoom } from '../job/standing.ts';
import type { Runner } from '../runner/runner.ts';
import type { Lease, MaybePromise, Store, StoreChange, WorkerInfo } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import { Patience } from '../util/patience.ts';
import { sleep } from '../util/sleep.ts';
import { messageOf } from '../util/text.ts';
import type { Events } from './events.ts';
import { Execution, type ExecutionParts } from './executor.ts';
import { Finisher } from './finisher.ts';
import { Reporter } from './reporter.ts';
import type { StoreWatch } from './store-watch.ts';
import type { Vault } from './vault.ts';

export interface WorkerOptions {
  readonly info: WorkerInfo;
  readonly types: ReadonlyMap<string, CheckedJobType>;
  readonly defaultWait: Wait;
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly stuckLoopMs: number | null;
  readonly graceMs: number;
  readonly pollMs: number;
  readonly progressIntervalMs: number;
  readonly maxLogBytes: number;
  readonly maxPayloadBytes: number;
}

export interface WorkerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: Events;
  readonly storeWatch: StoreWatch;
  readonly vault: Vault;
  readonly runnerOf: (type: CheckedJobType) => Runner;
  readonly enqueue: (type: string, payload?: unknown, options?: EnqueueOptions) => Promise<{ readonly id: string }>;
}

const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5000;
/** Jobs taken in one transaction. */
const MAX_CLAIM = 500;

export class Worker {
  readonly #parts: WorkerParts;
  readonly #options: WorkerOptions;
  readonly #finisher: Finisher;
  readonly #reporter: Reporter;
  readonly #execution: ExecutionParts;
  readonly #running = new Set<Execution>();
  /** Cancels by seq that were heard while a claim is on its way here: they may be meant for what it brings. */
  #early: Map<number, string> | null = null;
  /** Who does the work of which types. */
  readonly #lanes: ReadonlyMap<Runner, readonly string[]>;
  readonly #downRunners = new Set<Runner>();
  #lease: Lease | undefined;
  #loop: Promise<void> | undefined;
  #stopping = false;
  #paused = false;
  #awake: (() => void) | undefined;
  #woken = false;
  #emptied: (() => void)[] = [];
  #undo: (() => void)[] = [];
  #tickedAt: number;

  constructor(parts: WorkerParts, options: WorkerOptions) {
    const { store, clock, events, storeWatch, runnerOf, enqueue, vault } = parts;
    const { graceMs, maxPayloadBytes, maxLogBytes, progressIntervalMs } = options;
    this.#parts = parts;
    this.#options = options;
    this.#lanes = lanesOf(options.types, runnerOf);
    this.#tickedAt = clock.monotonic();
    this.#finisher = new Finisher(store, clock, events, storeWatch);
    const onError = (error: unknown) => events.emit('error', () => ({ error, during: 'writing progress or a log' }));
    this.#reporter = new Reporter(store, clock, { intervalMs: progressIntervalMs, maxLogBytes }, onError);
    this.#execution = {
      runnerOf,
      now: () => clock.now(),
      reporter: this.#reporter,
      graceMs,
      maxPayloadBytes,
      vault,
      enqueue,
      report: (job, type, outcome) => this.#report(job, type, outcome),
      isLast: (job, type) => type.retryTimeouts === false || job.attempts >= job.maxAttempts,
      stillRunning: (job, reason) => this.#stillRunning(job, reason),
      completeWithin: (tx, job, result) => this.#completeWithin(tx, job, result),
    };
  }

  /** Registers the lease and starts the loop. */
  async start(): Promise<void> {
    const { store, events, clock } = this.#parts;
    const { info, leaseMs, beatMs, stuckLoopMs } = this.#options;
    this.#lease = await store.keepLease(info, {
      leaseMs,
      beatMs,
      stuckLoopMs,
      now: () => clock.now(),
      onLost: () => this.#onLost(),
      onBlocked: (blockedMs) => events.emit('loop-blocked', () => ({ blockedMs })),
      onTrouble: (error) => events.emit('error', () => ({ error, during: 'the heartbeat' })),
    });
    if (clock.onMove) this.#undo.push(clock.onMove(() => this.wake()));
    for (const runner of this.#lanes.keys()) this.#undo.push(runner.onSlots(() => this.#slotsChanged(runner)));
    events.emit('worker-started', () => ({ worker: info.name, slots: info.slots }));
    this.#loop = this.#work();
  }

  /** There may be something to claim. */
  wake(): void {
    this.#woken = true;
    this.#awake?.();
  }

  /** A change in the store that concerns this worker. */
  heard(change: StoreChange): void {
    const { kind, seq, to } = change;
    if (kind === 'cancel-requested') {
      const reason = change.error ?? 'cancelled by request';
      for (const execution of this.#running)
        if (execution.job.seq === seq) execution.stop({ kind: 'cancelled', reason });
      this.#early?.set(seq, reason);
      this.#finisher.heardCancel(seq, reason);
    } else if (kind === 'status' && to === 'queued') {
      this.#early?.delete(seq);
      this.wake();
    }
  }

  get running(): number {
    return this.#running.size;
  }

  get name(): string {
    return this.#options.info.name;
  }

  /** Under which it claims now. */
  get owner(): string {
    return this.#lease?.owner ?? this.#options.info.owner;
  }

  get paused(): boolean {
    return this.#paused;
  }

  /** Takes no more jobs until it is set back; what runs goes on, and its lease is kept. */
  set paused(paused: boolean) {
    this.#paused = paused;
    this.wake();
  }

  /** What its runners have room for. */
  get rooms(): RunnerRoom[] {
    const { owner } = this;
    return [...this.#lanes].map(([runner, types]) => {
      const { name, slots, problem = null } = runner;
      const running = this.#runningOn(runner);
      const said = this.#paused ? 'its worker was stopped by request' : problem === null ? null : messageOf(problem);
      return { owner, name, types, slots: this.#paused ? 0 : slots, running, problem: said };
    });
  }

  /** How long ago the loop last reached the store, in milliseconds. */
  get tickAgeMs(): number {
    return this.#parts.clock.monotonic() - this.#tickedAt;
  }

  /**
   * Takes no more, waits for what runs until the deadline, then aborts it, and hands back what still does not stop.
   * @param timeoutMs how long running jobs may take to end by themselves.
   * @param patience with a store that may be away.
   */
  async stop(timeoutMs: number, patience: Patience): Promise<void> {
    this.#stopping = true;
    for (const undo of this.#undo.splice(0)) undo();
    this.wake();
    await this.#emptyWithin(timeoutMs);
    for (const execution of this.#running) execution.stop({ kind: 'released' });
    await this.#emptyWithin([...this.#running].reduce((most, { patienceMs }) => Math.max(most, patienceMs), 0));
    for (const execution of this.#running) execution.abandon();
    // A store that is away must not hold up the end: what is not written is an orphan, and runs again.
    const drained = this.#loop?.then(() => this.#finisher.drained());
    const isThere = await new Patience(this.#options.graceMs + 2000).until(drained);
    const ended = this.#lease?.end().catch(() => {});
    if (isThere) await patience.until(ended);
    this.#parts.events.emit('worker-stopped', () => ({ worker: this.#options.info.name }));
  }

  async #work(): Promise<void> {
    let backoffMs = FIRST_BACKOFF_MS;
    while (!this.#stopping) {
      this.#woken = false;
      const { n, types } = this.#wanted();
      let nextAt: number | null = null;
      try {
        if (n > 0) nextAt = await this.#claim(n, types);
        backoffMs = FIRST_BACKOFF_MS;
      } catch (error) {
        this.#parts.storeWatch.down('claim', error);
        await this.#sleep(backoffMs);
        backoffMs = Math.min(MAX_BACKOFF_MS, backoffMs * 2);
        continue;
      }
      if (!this.#woken) await this.#sleep(this.#idleMs(nextAt));
    }
  }

  /**
   * How many jobs may be taken at once, of which types: never more than any of their runners has room for, so that what is claimed
   * begins at once, and the order of the queue is kept.
   */
  #wanted(): { n: number; types: readonly string[] } {
    if (this.#paused) return { n: 0, types: [] };
    let n = Math.min(this.#options.info.slots - this.#running.size, MAX_CLAIM);
    const open: (readonly string[])[] = [];
    for (const [runner, types] of this.#lanes) {
      const room = runner.slots === Number.POSITIVE_INFINITY ? n : runner.slots - this.#runningOn(runner);
      if (room <= 0) continue;
      n = Math.min(n, room);
      open.push(types);
    }
    return open.length > 0 ? { n, types: open.flat() } : { n: 0, types: [] };
  }

  #slotsChanged(runner: Runner): void {
    const { problem = null, name } = runner;
    if (problem !== null && !this.#downRunners.has(runner)) {
      this.#downRunners.add(runner);
      this.#parts.events.emit('runner-down', () => ({ runner: name, error: problem }));
    } else if (problem === null && this.#downRunners.delete(runner)) {
      this.#parts.events.emit('runner-up', () => ({ runner: name }));
    }
    this.wake();
  }

  #runningOn(runner: Runner): number {
    let n = 0;
    for (const execution of this.#running) if (execution.runner === runner) n++;
    return n;
  }

  /** @returns when the next delayed job is due. */
  async #claim(n: number, types: readonly string[]): Promise<number | null> {
    const { store, clock, storeWatch } = this.#parts;
    const { queues } = this.#options.info;
    const request = { owner: this.owner, n, types, ...(queues ? { queues } : {}) };
    this.#early = new Map();
    const { jobs, nextAt } = await store.claim(request, clock.now());
    this.#tickedAt = clock.monotonic();
    storeWatch.up('claim');
    for (const job of jobs) this.#start(job, this.#early.get(job.seq));
    this.#early = null;
    if (jobs.length === request.n) this.#woken = true;
    return nextAt;
  }

  /** @param cancelled the reason of a cancel that came before it. */
  #start(job: ClaimedJob, cancelled: string | undefined): void {
    const type = this.#options.types.get(job.type)!;
    if (cancelled !== undefined) return void this.#report(job, type, { kind: 'cancelled', reason: cancelled });
    // The claim was on its way when the worker was stopped, or paused.
    if (this.#stopping || this.#paused) return void this.#report(job, type, { kind: 'released' });
    const execution = new Execution(job, type, this.#execution);
    this.#running.add(execution);
    void execution.run().then(() => {
      this.#running.delete(execution);
      this.wake();
      if (this.#running.size === 0) for (const resolve of this.#emptied.splice(0)) resolve();
    });
  }

  #report(job: ClaimedJob, type: CheckedJobType, outcome: Outcome): MaybePromise<void> {
    if (outcome.kind === 'lost') return;
    if (outcome.kind === 'completed-in-transaction') return this.#confirm(job, type, outcome.otherwise);
    this.#finisher.add(this.#change(job, type, outcome));
  }

  /** A backoff function is the user's code: if it fails, the default stands in, and the job does not hang. */
  #change(job: ClaimedJob, type: CheckedJobType, outcome: Parameters<typeof changeFor>[1]): Change {
    const { defaultWait } = this.#options;
    const retryTimeouts = type.retryTimeouts ?? true;
    const now = this.#parts.clock.now();
    try {
      return changeFor(job, outcome, { wait: type.backoff ?? defaultWait, retryTimeouts }, now);
    } catch (error) {
      this.#parts.events.emit('error', () => ({ error, during: `the backoff of job ${job.id}` }));
      return changeFor(job, outcome, { wait: defaultWait, retryTimeouts }, now);
    }
  }

  /** Whether the transaction in which the handler completed the job did commit; asks until the store answers. */
  async #confirm(job: ClaimedJob, type: CheckedJobType, otherwise: Outcome): Promise<void> {
    const { store, storeWatch } = this.#parts;
    for (let waitMs = FIRST_BACKOFF_MS; ; waitMs = Math.min(MAX_BACKOFF_MS, waitMs * 2)) {
      try {
        const stored = await store.get(job.id);
        storeWatch.up('confirm');
        if (stored?.status === 'running' && stored.claim === job.claim) void this.#report(job, type, otherwise);
        return;
      } catch (error) {
        if (isClosed(error)) return;
        storeWatch.down('confirm', error);
        await sleep(waitMs, { keepAlive: false });
      }
    }
  }

  #completeWithin(tx: Transaction, job: ClaimedJob, result: string | null): MaybePromise<boolean> {
    const { store, clock } = this.#parts;
    const outcomes = store.applyWithin(tx, [complete(job, result, clock.now())]);
    if (outcomes instanceof Promise) return outcomes.then(([outcome]) => outcome === 'applied');
    return outcomes[0] === 'applied';
  }

  #stillRunning({ id: jobId, seq, type, queue }: ClaimedJob, reason: string): void {
    const at = this.#parts.clock.now();
    this.#parts.events.emit('job-still-running', () => ({ jobId, seq, type, queue, at, reason }));
  }

  #onLost(): void {
    const { events } = this.#parts;
    events.emit('lease-lost', () => ({ worker: this.#options.info.name, jobs: this.#running.size }));
    for (const execution of this.#running) execution.stop({ kind: 'lost' });
    this.wake();
  }

  #idleMs(nextAt: number | null): number {
    const { pollMs } = this.#options;
    return nextAt === null ? pollMs : Math.max(0, Math.min(pollMs, nextAt - this.#parts.clock.now()));
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, ms);
      const wake = done;
      function done() {
        clearTimeout(timer);
        resolve();
      }
      this.#awake = wake;
    });
  }

  async #emptyWithin(ms: number): Promise<void> {
    if (this.#running.size === 0) return;
    const empty = new Promise<void>((resolve) => this.#emptied.push(resolve));
    await Promise.race([empty, sleep(ms, { keepAlive: false })]);
  }
}

const lanesOf = (
  types: ReadonlyMap<string, CheckedJobType>,
  runnerOf: (type: CheckedJobType) => Runner,
): ReadonlyMap<Runner, readonly string[]> => {
  const lanes = new Map<Runner, string[]>();
  for (const type of types.values()) {
    const runner = runnerOf(type);
    lanes.set(runner, [...(lanes.get(runner) ?? []), type.name]);
  }
  return lanes;
};
