/**
 * The lease of a worker: one row, renewed by a thread with a connection of its own, because a busy event loop must not starve
 * the heartbeat. The main thread ticks a shared counter; the thread measures how long it has stood still.
 */
import { Worker } from 'node:worker_threads';
import { sleep } from '../../util/sleep.ts';
import type { LeaseOptions, WorkerInfo } from '../store.ts';
import { sql, type Value } from './driver.ts';
import { failpoints } from './failpoints.ts';
import type { Transaction } from './transaction.ts';

export const REGISTER = sql`
  INSERT INTO job_workers (owner, name, host, pid, pid_start, slots, queues, types, started_at, beat, beat_at, lease_until)
  VALUES (@owner, @name, @host, @pid, @pidStart, @slots, @queues, @types, @startedAt, 1, @now, @until)
  ON CONFLICT DO UPDATE SET beat = beat + 1, beat_at = excluded.beat_at, lease_until = excluded.lease_until`;
export const BEAT = sql`
  UPDATE job_workers SET beat = beat + 1, beat_at = @now, lease_until = @until, blocked_ms = @blockedMs WHERE owner = @owner`;
const END = sql`DELETE FROM job_workers WHERE owner = ?`;

export const registration = (worker: WorkerInfo, now: number, leaseMs: number): Record<string, Value> => ({
  owner: worker.owner,
  name: worker.name,
  host: worker.host,
  pid: worker.pid,
  pidStart: worker.pidStart,
  slots: worker.slots,
  queues: worker.queues === null ? null : JSON.stringify(worker.queues),
  types: JSON.stringify(worker.types),
  startedAt: worker.startedAt,
  now,
  until: now + leaseMs,
});

export const register = (txn: Transaction, worker: WorkerInfo, now: number, leaseMs: number): void => {
  txn.run(REGISTER, registration(worker, now, leaseMs));
  failpoints.hit?.('worker-registered');
};

/** One heartbeat. @returns false if the worker had been declared dead; it is registered anew then. */
export const beat = (txn: Transaction, worker: WorkerInfo, now: number, leaseMs: number): boolean => {
  const values = { owner: worker.owner, now, until: now + leaseMs, blockedMs: 0 };
  if (txn.run(BEAT, values) > 0) return true;
  register(txn, worker, now, leaseMs);
  return false;
};

export const endLease = (txn: Transaction, owner: string): void => {
  txn.run(END, owner);
};

/** What the thread is started with. */
export interface HeartbeatOrder {
  readonly file: string;
  readonly worker: WorkerInfo;
  readonly leaseMs: number;
  readonly beatMs: number;
  readonly stuckLoopMs: number | null;
  /** The main thread adds one each tick, and sets the second element to 1 to stop. */
  readonly shared: SharedArrayBuffer;
}

export type HeartbeatNews = { readonly kind: 'lost' } | { readonly kind: 'blocked'; readonly blockedMs: number };

const TICK_MS = 100;
const FIRST_RESTART_MS = 250;
const MAX_RESTART_MS = 30_000;
/** How long to wait for the end of the thread. */
const STOP_MS = 2000;

/** A heartbeat that goes on until it is stopped. */
export interface Heartbeat {
  /** Always settles; then no thread has the file open any more, unless it hangs. */
  stop(): Promise<void>;
}

/** Starts the heartbeat thread for a database file. */
export const beatFromThread = (file: string, worker: WorkerInfo, options: LeaseOptions): Heartbeat => {
  const { leaseMs, beatMs, stuckLoopMs, onLost, onBlocked, onTrouble } = options;
  const shared = new SharedArrayBuffer(8);
  const cells = new Int32Array(shared);
  const order: HeartbeatOrder = { file, worker, leaseMs, beatMs, stuckLoopMs, shared };
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  let restartMs = FIRST_RESTART_MS;
  let thread: Worker;
  let ended: Promise<void>;
  const start = () => {
    thread = new Worker(new URL(`./lease-thread.${extension}`, import.meta.url), { workerData: order });
    ended = new Promise((resolve) => thread.once('exit', () => resolve()));
    thread.on('message', (news: HeartbeatNews) => (news.kind === 'lost' ? onLost() : onBlocked(news.blockedMs)));
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
    stop: async () => {
      clearInterval(tick);
      Atomics.store(cells, 1, 1);
      Atomics.notify(cells, 1);
      // Held open until it is gone: else the process could end in the middle of this wait.
      thread.ref();
      await Promise.race([ended, sleep(STOP_MS, { keepAlive: false })]);
      thread.unref();
    },
  };
};

/** A database in memory has no other process: a timer is enough. */
export const beatFromTimer = (options: LeaseOptions, beatOnce: () => Promise<boolean>): Heartbeat => {
  const timer = setInterval(() => {
    // The only way to fail is that the store was closed.
    beatOnce().then(
      (alive) => alive || options.onLost(),
      () => clearInterval(timer),
    );
  }, options.beatMs).unref();
  return { stop: async () => clearInterval(timer) };
};
