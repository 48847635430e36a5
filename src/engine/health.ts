/** Whether everything is well, and figures about jobs. */
import type { StoreStats, WorkerRow } from '../store/store.ts';
import type { Metrics } from './metrics.ts';

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
  /** Share of failed and timed-out among the jobs that ended in the last 15 minutes, 0 to 1, by type. */
  readonly errorRates: Readonly<Record<string, number>>;
  /** Jobs per second in the last 15 minutes. */
  readonly rates: { readonly created: number; readonly completed: number };
}

/** What counts as lately. */
export const LATELY_MS = 900_000;

/**
 * @param lately the metrics of the last minutes.
 * @param problem what keeps the store away now, or null.
 */
export const healthOf = (
  where: string,
  stats: StoreStats,
  workers: readonly WorkerRow[],
  lately: Pick<Metrics, 'total' | 'types'>,
  loop: LoopHealth | null,
  problem: unknown,
): Health => {
  const database = { ok: problem === null, where, sizeBytes: stats.sizeBytes, problem: describe(problem) };
  const queueDepth = stats.byStatus.created + stats.byStatus.queued;
  const ok = database.ok && loop?.ticking !== false;
  const { createdPerSecond: created, completedPerSecond: completed } = lately.total;
  const rates = { created, completed };
  return { ok, database, loop, workers, queueDepth, errorRates: errorRates(lately.types), rates };
};

/** The store did not even answer. */
export const unreachable = (where: string, loop: LoopHealth | null, problem: unknown): Health => ({
  ok: false,
  database: { ok: false, where, sizeBytes: 0, problem: describe(problem) },
  loop,
  workers: [],
  queueDepth: 0,
  errorRates: {},
  rates: { created: 0, completed: 0 },
});

const describe = (problem: unknown): string | null =>
  problem === null ? null : problem instanceof Error ? problem.message : String(problem);

const errorRates = (types: Metrics['types']): Record<string, number> =>
  Object.fromEntries(
    Object.entries(types).flatMap(([type, { errorRate }]) => (errorRate === null ? [] : [[type, errorRate]])),
  );
