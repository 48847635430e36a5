/**
 * The thread that renews a worker's lease: kept alive from the main thread, because a busy event loop must not starve it. The main
 * thread ticks a shared counter; the thread measures how long it has stood still. What it writes, and how it waits, is in the
 * `lease-thread.ts` of each database.
 */
import { Worker } from 'node:worker_threads';
import { newOwner } from '../util/ids.ts';
import { sleep } from '../util/sleep.ts';
import type { Lease, LeaseOptions, WorkerInfo } from './store.ts';

/** What every thread is started with; each database adds how to reach it. */
export interface HeartbeatOrder {
  readonly worker: WorkerInfo;
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly stuckLoopMs: number | null;
  /** The main thread adds one to the first element each tick, and sets the second to 1 to stop. */
  readonly shared: SharedArrayBuffer;
}

/** `lost`: it was declared dead, and has begun again under another name. */
export type HeartbeatNews =
  | { readonly kind: 'lost'; readonly owner: string }
  | { readonly kind: 'blocked'; readonly blockedMs: number };

/** A heartbeat that goes on until it is stopped. */
export interface Heartbeat {
  /** Under which the worker claims now. */
  readonly owner: string;
  /** Always settles; then no thread has the database open any more, unless it hangs. */
  stop(): Promise<void>;
}

/**
 * What a worker that was declared dead begins again as. Under its old name it must not: what it had claimed and was not given back yet
 * would look alive for ever, and what it claims before it hears of its loss would be dropped with the rest.
 */
export const reborn = (worker: WorkerInfo): WorkerInfo => ({ ...worker, owner: newOwner(worker.name) });

const TICK_MS = 100;
const FIRST_RESTART_MS = 250;
const MAX_RESTART_MS = 30_000;
/** How long to wait for the end of the thread. */
const STOP_MS = 2000;

/** Starts a heartbeat thread. @param address what it needs to reach the database. */
export const beatFromThread = (
  script: URL,
  address: Readonly<Record<string, unknown>>,
  worker: WorkerInfo,
  options: LeaseOptions,
): Heartbeat => {
  const { leaseMs, beatMs, stuckLoopMs, onLost, onBlocked, onTrouble } = options;
  const shared = new SharedArrayBuffer(8);
  const cells = new Int32Array(shared);
  const order = { ...address, leaseMs, beatMs, stuckLoopMs, shared };
  let { owner } = worker;
  let restartMs = FIRST_RESTART_MS;
  let thread: Worker;
  let ended: Promise<void>;
  const start = () => {
    thread = new Worker(script, { workerData: { ...order, worker: { ...worker, owner } } satisfies HeartbeatOrder });
    ended = new Promise((resolve) => thread.once('exit', () => resolve()));
    thread.on('message', (news: HeartbeatNews) => {
      if (news.kind === 'blocked') return onBlocked(news.blockedMs);
      owner = news.owner;
      onLost();
    });
    // Out of memory, say: without a heartbeat the jobs would be given away, so a new thread takes over; but never a storm of them.
    thread.on('error', (error) => {
      onTrouble(error);
      restartMs = Math.min(MAX_RESTART_MS, restartMs * 2);
      setTimeout(() => Atomics.load(cells, 1) === 0 && start(), restartMs).unref();
    });
    // After the listeners: each of them would hold the process open again.
    thread.unref();
  };
  start();
  const tick = setInterval(() => Atomics.add(cells, 0, 1), TICK_MS).unref();
  return {
    get owner() {
      return owner;
    },
    stop: async () => {
      clearInterval(tick);
      Atomics.store(cells, 1, 1);
      // It sleeps either in Atomics.wait or in an event loop.
      Atomics.notify(cells, 1);
      // Held open until it is gone: else the process could end in the middle of this wait.
      thread.ref();
      thread.postMessage('stop');
      await Promise.race([ended, sleep(STOP_MS, { keepAlive: false })]);
      thread.unref();
    },
  };
};

/** @param stopped what is left to do when no heartbeat follows any more. */
export const leaseOf = (heartbeat: Heartbeat, stopped: () => Promise<void>): Lease => ({
  get owner() {
    return heartbeat.owner;
  },
  end: async () => {
    await heartbeat.stop();
    await stopped();
  },
});

/** A loop that stood still for so long is reported. */
const ALARM_MS = 1000;

/** Within the thread: how long the event loop of the main thread has stood still. */
export class LoopWatch {
  readonly #cells: Int32Array;
  readonly #stuckLoopMs: number | null;
  readonly #tell: (news: HeartbeatNews) => void;
  #ticks: number;
  #movedAt = performance.now();
  #told = false;

  constructor({ shared, stuckLoopMs }: HeartbeatOrder, tell: (news: HeartbeatNews) => void) {
    this.#cells = new Int32Array(shared);
    this.#stuckLoopMs = stuckLoopMs;
    this.#tell = tell;
    this.#ticks = Atomics.load(this.#cells, 0);
  }

  /** @returns how long, if it is worth a word; else 0. */
  blockedMs(): number {
    const seen = Atomics.load(this.#cells, 0);
    if (seen !== this.#ticks) {
      this.#ticks = seen;
      this.#movedAt = performance.now();
      this.#told = false;
    }
    const stoodMs = Math.round(performance.now() - this.#movedAt);
    return stoodMs > ALARM_MS ? stoodMs : 0;
  }

  /** After the beat that wrote it down: says so, once; and ends a process that has been stuck for too long. */
  act(blockedMs: number): void {
    if (blockedMs > 0 && !this.#told) {
      this.#told = true;
      this.#tell({ kind: 'blocked', blockedMs });
    }
    // Nothing else can end a handler that loops for ever in this process; its jobs go on elsewhere.
    if (this.#stuckLoopMs !== null && blockedMs > this.#stuckLoopMs) process.kill(process.pid, 'SIGKILL');
  }
}

/** The script of a thread beside the module that names it, as it is now: source or built. */
export const threadScript = (module: string): URL =>
  new URL(`./lease-thread.${module.endsWith('.ts') ? 'ts' : 'js'}`, module);

/** What a worker's row says of it, but for its times. */
export const rowOfWorker = ({ owner, name, host, pid, pidStart, slots, queues, types, startedAt }: WorkerInfo) => ({
  ...{ owner, name, host, pid, pidStart, slots, startedAt },
  queues: queues === null ? null : JSON.stringify(queues),
  types: JSON.stringify(types),
});
