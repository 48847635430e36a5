/** Changes of many jobs: first what they would do, then a job that does it. */
import {
  BULK_TYPE,
  type BulkAction,
  type BulkPlan,
  type BulkPreview,
  type CheckedAction,
  checkAction,
  previewOf,
  type SurveyRow,
  sameAs,
} from '../job/bulk.ts';
import { checkOptions, instant, integer, oneOf, text } from '../job/check.ts';
import type { NewJob } from '../job/enqueue-options.ts';
import { bulkChanged, invalidOption } from '../job/errors.ts';
import type { CheckedFilter, Within } from '../job/filter.ts';
import { MASK } from '../job/secrets.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import { type AuditRecord, DOORS } from './audit.ts';
import { type Enqueued, toEnqueued } from './enqueued.ts';
import type { SystemDefaults } from './new-job.ts';
import type { Vault } from './vault.ts';
import { type Which, wide } from './which.ts';

/** What a bulk change is made of; `filter`: which jobs, or `{ all: true }` where every job is meant. */
export interface BulkRequest {
  readonly filter: Which;
  readonly action: BulkAction;
}

export interface BulkStart extends BulkRequest {
  /** The `snapshotAt` of a preview: jobs that were made or came into their state later are left alone. Default: now. */
  readonly snapshotAt?: Date | number | string;
  /** The `count` of a preview: if it would be another number by now, nothing is begun. */
  readonly expected?: number;
}

/** The result of the job that a bulk change is. */
export interface BulkResult {
  readonly done: number;
  /** Jobs of the filter that were left alone, by reason. */
  readonly skipped: BulkPreview['skipped'];
}

/** Who changes many jobs, for the audit. */
export interface BulkBy {
  /** As people know them. Default: the program. */
  readonly actor?: string;
  readonly door?: AuditRecord['door'];
}

/** One line of the audit, when a change begins; another follows at its end. What it cannot be written to stops it. */
export interface BulkAudit extends Required<BulkBy> {
  readonly action: `bulk.${CheckedAction['kind']}`;
  /** The id of the job that carries it out. */
  readonly target: string;
  readonly filter: unknown;
  readonly count: number;
  readonly detail: CheckedAction;
}

export interface BulkParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly defaults: Pick<SystemDefaults, 'newId' | 'vault'>;
  readonly within?: Within;
  readonly wake: () => void;
  readonly audit?: (entry: BulkAudit) => Promise<void> | void;
}

/** The payload of the job. */
export interface BulkPayload extends BulkPlan {
  readonly filter: CheckedFilter;
  /** How many jobs the filter had, those that are left alone included. */
  readonly total: number;
  /** There are batches among them, whose jobs change with them. */
  readonly followsBatches: boolean;
  readonly by: Required<BulkBy>;
}

const START = { filter: (value: unknown) => value, action: checkAction };
const MORE = { ...START, snapshotAt: instant, expected: integer(0, Number.MAX_SAFE_INTEGER) };
const BY = { actor: text(200), door: oneOf(...DOORS) };
const MAX_ATTEMPTS = 10;
const MAX_CRASHES = 20;

export class Bulk {
  readonly #parts: BulkParts;

  constructor(parts: BulkParts) {
    this.#parts = parts;
  }

  /**
   * What a change would do: to how many jobs, and why it would leave others alone. If nothing moves until then, it is what `start`
   * does. @throws FILTER_TOO_WIDE for an empty filter, INVALID_OPTION, UNKNOWN_OPTION.
   */
  async preview(request: BulkRequest): Promise<BulkPreview> {
    const { filter, action = checkAction(undefined) } = checkOptions(START, request, 'the change');
    const snapshotAt = this.#parts.clock.now();
    return previewOf(action, await this.#rows(wide(filter as Which, 'bulk'), action, snapshotAt), snapshotAt);
  }

  /**
   * Hands in the job that does it, of the type `backline.bulk`: in bounded steps, with progress, and a log line per step. Any process
   * whose JobManager works carries it out, beside its own jobs, and goes on where another has died. Cancelling that job stops it
   * between two steps. Its result is a `BulkResult`.
   * @param by who does it, for the audit.
   * @throws as `preview`; BULK_CHANGED if it would not be done to `expected` jobs; INVALID_OPTION for a filter by what is secret.
   */
  async start(request: BulkStart, by: BulkBy = {}): Promise<Enqueued<BulkResult>> {
    const { filter: which, action = checkAction(undefined), ...given } = checkOptions(MORE, request, 'the change');
    const filter = wide(which as Which, 'bulk');
    const { actor = 'this program', door = 'code' } = checkOptions(BY, by, 'options');
    const { store, clock, defaults, audit, wake, within } = this.#parts;
    mustTellNoSecret(filter, defaults.vault);
    const now = clock.now();
    const snapshotAt = Math.min(given.snapshotAt ?? now, now);
    const rows = await this.#rows(filter, action, snapshotAt);
    const { count, skipped } = previewOf(action, rows, snapshotAt);
    if (given.expected !== undefined && given.expected !== count) throw bulkChanged(given.expected, count);
    const total = Object.values(skipped).reduce((sum, n) => sum + n, count);
    const followsBatches = (action.kind === 'cancel' || action.kind === 'retry') && rows.some(({ isBatch }) => isBatch);
    const bounded = within ? { ...filter, within } : filter;
    const counts = { total, followsBatches };
    const plan = { action, statuses: filter.status ?? null, snapshotAt };
    const payload = { ...plan, filter: bounded, ...counts, by: { actor, door } };
    const job = jobOf(defaults.newId(), payload, now);
    const line = { actor, door, action: `bulk.${action.kind}`, target: job.id, filter, count, detail: action } as const;
    await audit?.(line);
    // Made after the snapshot: it never means itself.
    const [outcome] = await store.insert([job], Math.max(now, snapshotAt + 1));
    wake();
    return toEnqueued(outcome!, job) as Enqueued<BulkResult>;
  }

  #rows(filter: CheckedFilter, action: CheckedAction, snapshotAt: number): Promise<SurveyRow[]> {
    const blockedBy = action.kind === 'remove' ? 'family' : action.kind === 'retry' ? 'key' : 'nothing';
    const options = { same: sameAs(action, snapshotAt), blockedBy } as const;
    return this.#parts.store.survey(upTo(filter, snapshotAt), options);
  }
}

/** What it asks for is kept with its job, in clear; and an encrypted value equals nothing that anybody could ask for. */
const mustTellNoSecret = ({ payload = [] }: CheckedFilter, vault: Vault): void => {
  const { isSecret } = vault.rulesOf(undefined);
  for (const { path } of payload)
    if (path.some((name) => isSecret(String(name))))
      throw invalidOption(`filter.payload.${path.join('.')}`, MASK, 'paths of what is not secret');
};

/** The jobs of a filter that were made up to a time. */
export const upTo = (filter: CheckedFilter, snapshotAt: number): CheckedFilter => ({
  ...filter,
  createdBefore: Math.min(filter.createdBefore ?? Number.POSITIVE_INFINITY, snapshotAt + 1),
});

const jobOf = (id: string, payload: BulkPayload, now: number): NewJob => ({
  ...{
    id,
    type: BULK_TYPE,
    queue: BULK_TYPE,
    status: 'queued',
    priority: 1,
    payload: JSON.stringify(payload),
    runAt: now,
  },
  ...{ maxAttempts: MAX_ATTEMPTS, maxCrashes: MAX_CRASHES, timeoutMs: null, totalMs: null, expiresAt: null },
  ...{ key: null, keyUntil: null, onConflict: 'return', limitKey: null, parentId: null, replayOf: null },
  ...{ tenant: null, tags: [], userInitiated: true },
});
