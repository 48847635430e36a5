/** The lease of a worker: one row, renewed by a thread (src/store/heartbeat.ts) with a connection of its own. Times are the server's. */
import { type HeartbeatOrder, rowOfWorker } from '../heartbeat.ts';
import type { WorkerInfo } from '../store.ts';
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
  ...rowOfWorker(worker),
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
export interface ServerOrder extends HeartbeatOrder {
  readonly config: PgConfig;
  readonly schema: string;
}
