/** Whether everything is well, and figures about jobs. */
import type { StoreStats, WorkerRow } from '../store/store.ts';

/** S1's statistics, with the other states beside. */
export interface JobStatistics {
  readonly total: number;
  readonly created: number;
  readonly queued: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly timeout: number;
}

/** A process's own worker loop. */
export interface LoopHealth {
  /** It reached the database not long ago, or has no slot free. */
  readonly ticking: boolean;
  readonly ageMs: number;
  readonly running: number;
}

export interface Health {
  /** Everything below is well. */
  readonly ok: boolean;
  readonly database: {
    readonly ok: boolean;
    readonly where: string;
    readonly sizeBytes: number;
    readonly problem: string | null;
  };
  /** This process's own loop; null where it runs no jobs. */
  readonly loop: LoopHealth | null;
  readonly workers: readonly WorkerRow[];
  /** Jobs that wait: created and queued. */
  readonly queueDepth: number;
  /** Share of failed and timed-out among ended jobs, 0 to 1, by type. */
  readonly errorRates: Readonly<Record<string, number>>;
}

/** @param problem what keeps the store away now, or null. */
export const healthOf = (
  where: string,
  stats: StoreStats,
  workers: readonly WorkerRow[],
  loop: LoopHealth | null,
  problem: unknown,
): Health => {
  const database = { ok: problem === null, where, sizeBytes: stats.sizeBytes, problem: describe(problem) };
  const queueDepth = stats.byStatus.created + stats.byStatus.queued;
  const ok = database.ok && loop?.ticking !== false;
  return { ok, database, loop, workers, queueDepth, errorRates: errorRates(stats.byType) };
};

/** The store did not even answer. */
export const unreachable = (where: string, loop: LoopHealth | null, problem: unknown): Health => ({
  ok: false,
  database: { ok: false, where, sizeBytes: 0, problem: describe(problem) },
  loop,
  workers: [],
  queueDepth: 0,
  errorRates: {},
});

const describe = (problem: unknown): string | null =>
  problem === null ? null : problem instanceof Error ? problem.message : String(problem);

const errorRates = (byType: StoreStats['byType']): Record<string, number> =>
  Object.fromEntries(
    Object.entries(byType).flatMap(([type, { completed, failed, timeout }]) => {
      const ended = completed + failed + timeout;
      return ended === 0 ? [] : [[type, (failed + timeout) / ended]];
    }),
  );
