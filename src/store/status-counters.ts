/**
 * How many jobs stand in which state, per queue and type: the steps that one transaction counts and writes, however many jobs moved;
 * and what the counters add up to when they are read.
 */
import { STATUSES, type Status } from '../job/states.ts';
import { PerKind } from './kinds.ts';
import { number, type Row, text } from './rows.ts';
import type { StoreStats } from './store.ts';

/** `late`: results that came when their lease was lost; it has no queue and no type. */
type Counted = Status | 'late';

export interface CounterStep {
  readonly queue: string;
  readonly type: string;
  readonly status: Counted;
  /** Never 0. */
  readonly n: number;
}

export class StatusCounters {
  readonly #counts = new PerKind<Partial<Record<Counted, number>>>(() => ({}));

  /** One job moved; `from` is null for a new one, `to` for one that is deleted. */
  moved({ queue, type }: { queue: string; type: string }, from: Status | null, to: Status | null): void {
    const counts = this.#counts.of(queue, type);
    if (from) counts[from] = (counts[from] ?? 0) - 1;
    if (to) counts[to] = (counts[to] ?? 0) + 1;
  }

  late(): void {
    const counts = this.#counts.of('', '');
    counts.late = (counts.late ?? 0) + 1;
  }

  /** What was counted since the last call. */
  take(): CounterStep[] {
    const steps: CounterStep[] = [];
    for (const [queue, type, counts] of this.#counts.entries())
      for (const [status, n] of Object.entries(counts))
        if (n !== 0) steps.push({ queue, type, status: status as Counted, n });
    this.#counts.clear();
    return steps;
  }
}

/** How many jobs there are in each state, by the name of a queue or a type: adds up rows with `status` and `n`. */
export class StatusCounts {
  readonly #byName = new Map<string, Record<Status, number>>();

  add(name: string, row: Row): void {
    const counts = this.of(name);
    counts[text(row['status']) as Status] += number(row['n']);
    this.#byName.set(name, counts);
  }

  of(name: string): Record<Status, number> {
    return this.#byName.get(name) ?? noCounts();
  }

  /** All names together. */
  sum(): Record<Status, number> {
    const sum = noCounts();
    for (const counts of this.#byName.values()) for (const status of STATUSES) sum[status] += counts[status];
    return sum;
  }

  /** Without the names that have nothing left. */
  byName(): Record<string, Record<Status, number>> {
    return Object.fromEntries([...this.#byName].filter(([, counts]) => Object.values(counts).some((n) => n > 0)));
  }
}

const noCounts = (): Record<Status, number> =>
  Object.fromEntries(STATUSES.map((status) => [status, 0])) as Record<Status, number>;

/** @param rows a type, a status and a number each. */
export const statsFrom = (rows: readonly Row[], lateResults: number, sizeBytes: number): StoreStats => {
  const counts = new StatusCounts();
  for (const row of rows) counts.add(text(row['type']), row);
  const byStatus = counts.sum();
  const total = Object.values(byStatus).reduce((sum, n) => sum + n, 0);
  return { total, byStatus, byType: counts.byName(), lateResults, sizeBytes };
};
