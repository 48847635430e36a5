/** What a JobManager says of itself, for people: how it was set up, and what that means for jobs. */
import type { ManagerSettings } from './manager-options.ts';

/** Lengths of time in milliseconds; null for never, without end, or all. */
export interface About {
  /** The database, as it was given; it may hold a password. */
  readonly where: string;
  readonly database: 'sqlite' | 'postgresql';
  /** `disk`: what was promised survives a power cut; `process`: only a killed process. */
  readonly durability: 'disk' | 'process';
  /** IANA zone of schedules that name none. */
  readonly timeZone: string;
  /** Of this process; `slots` is 0 where it runs no jobs. */
  readonly worker: {
    readonly slots: number;
    readonly queues: readonly string[] | null;
    readonly types: readonly string[];
  };
  /** How long finished jobs and what happened in each minute are kept. */
  readonly keeps: {
    readonly completedMs: number | null;
    readonly failedMs: number | null;
    readonly maxFinished: number | null;
    readonly metricsMs: number | null;
  };
  readonly limits: {
    readonly timeoutMs: number | null;
    readonly maxAttempts: number;
    readonly leaseMs: number;
    readonly shutdownMs: number;
    readonly maxPayloadBytes: number;
    readonly maxLogBytes: number;
  };
}

export const aboutOf = (where: string, settings: ManagerSettings, types: Iterable<string>): About => {
  const { durability, timeZone, worker, slots, queues, retention, metricsMs } = settings;
  const { timeoutMs, maxAttempts, leaseMs, shutdownMs, maxPayloadBytes, maxLogBytes } = settings;
  const { completedMs, failedMs, maxFinished } = retention;
  return {
    ...{ where, durability, timeZone, database: /^postgres(ql)?:/i.test(where) ? 'postgresql' : 'sqlite' },
    worker: { slots: worker ? slots : 0, queues, types: [...types].sort() },
    keeps: { completedMs, failedMs, maxFinished, metricsMs },
    limits: { timeoutMs, maxAttempts, leaseMs, shutdownMs, maxPayloadBytes, maxLogBytes },
  };
};
