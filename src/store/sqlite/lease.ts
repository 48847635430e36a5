/** The lease of a worker in a file: one row, renewed by a thread (src/store/heartbeat.ts) with a connection of its own. */
import { type Heartbeat, type HeartbeatOrder, reborn, rowOfWorker } from '../heartbeat.ts';
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
  ...rowOfWorker(worker),
  now,
  until: now + leaseMs,
});

export const register = (txn: Transaction, worker: WorkerInfo, now: number, leaseMs: number): void => {
  txn.run(REGISTER, registration(worker, now, leaseMs));
  failpoints.hit?.('worker-registered');
};

/** One heartbeat. @returns the worker, or if it had been declared dead, what it is from now on. */
export const beat = (txn: Transaction, worker: WorkerInfo, now: number, leaseMs: number): WorkerInfo => {
  const values = { owner: worker.owner, now, until: now + leaseMs, blockedMs: 0 };
  if (txn.run(BEAT, values) > 0) return worker;
  const again = reborn(worker);
  register(txn, again, now, leaseMs);
  return again;
};

export const endLease = (txn: Transaction, owner: string): void => {
  txn.run(END, owner);
};

/** What the thread is started with. */
export interface FileOrder extends HeartbeatOrder {
  readonly file: string;
}

/** A database in memory has no other process: a timer is enough. */
export const beatFromTimer = (
  first: WorkerInfo,
  options: LeaseOptions,
  beatOnce: (worker: WorkerInfo) => Promise<WorkerInfo>,
): Heartbeat => {
  let worker = first;
  const heard = (now: WorkerInfo) => {
    if (now === worker) return;
    worker = now;
    options.onLost();
  };
  // The only way to fail is that the store was closed.
  const timer = setInterval(() => beatOnce(worker).then(heard, () => clearInterval(timer)), options.beatMs).unref();
  return {
    get owner() {
      return worker.owner;
    },
    stop: async () => clearInterval(timer),
  };
};
