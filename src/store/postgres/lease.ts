/**
 * The lease of a worker: one row, renewed by a thread with a connection of its own, because a busy event loop must not starve
 * the heartbeat. The main thread ticks a shared counter; the thread measures how long it has stood still. Times are the server's.
 */
import { Worker } from 'node:worker_threads';
import { sleep } from '../../util/sleep.ts';
import type { LeaseOptions, WorkerInfo } from '../store.ts';
import { type PgConfig, sql, type Value } from './driver.ts';
import type { Transaction } from './transaction.ts';

export const REGISTER = sql`
  INSERT INTO backline.job_workers AS w (owner, name, host, pid, pid_start, slots, queues, types, started_at, beat, beat_at, lease_until)
  VALUES ($owner, $name, $host, $pid, $pidStart, $slots, $queues, $types, $startedAt, 1, $now::bigint, $now::bigint + $leaseMs::bigint)
  ON CONFLICT (owner) DO UPDATE SET beat = w.beat + 1, beat_at = excluded.beat_at, lease_until = excluded.lease_until`;
export const BEAT = sql`
  UPDATE backline.job_workers SET beat = beat + 1, blocked_ms = $blockedMs::int, beat_at = n.ms, lease_until = n.ms + $leaseMs::bigint
  FROM (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms) n WHERE owner = $owner`;
export const NOW = sql`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms`;
const END = sql`DELETE FROM backline.job_workers WHERE owner = $owner`;

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
  leaseMs,
});

export const register = async (txn: Transaction, worker: WorkerInfo, now: number, leaseMs: number): Promise<void> => {
  await txn.run(REGISTER, registration(worker, now, leaseMs));
};

export const endLease = async (txn: Transaction, owner: string): Promise<void> => {
  await txn.run(END, { owner });
};

/** What the thread is started with. */
export interface HeartbeatOrder {
  readonly config: PgConfig;
  readonly schema: string;
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
  /** Always settles; then no thread has a connection any more, unless it hangs. */
  stop(): Promise<void>;
}

/** Starts the heartbeat thread for a worker. */
export const beatFromThread = (
  { config, schema }: { config: PgConfig; schema: string },
  worker: WorkerInfo,
  options: LeaseOptions,
): Heartbeat => {
  const { leaseMs, beatMs, stuckLoopMs, onLost, onBlocked, onTrouble } = options;
  const shared = new SharedArrayBuffer(8);
  const cells = new Int32Array(shared);
  const order: HeartbeatOrder = { config, schema, worker, leaseMs, beatMs, stuckLoopMs, shared };
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
      // Held open until it is gone: else the process could end in the middle of this wait.
      thread.ref();
      thread.postMessage('stop');
      await Promise.race([ended, sleep(STOP_MS, { keepAlive: false })]);
      thread.unref();
    },
  };
};
