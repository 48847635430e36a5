/**
 * A change of many jobs: which of them it is for. One rule for what a preview counts, for what the change does later, and for the
 * command line.
 */
import { type Check, checkOptions, instant, integer, isRecord, text } from './check.ts';
import { priorityCheck } from './enqueue-options.ts';
import { invalidOption } from './errors.ts';
import type { Job } from './job.ts';
import { ACTIVE, FINAL, REVIVABLE, STATUSES, type Status } from './states.ts';

/** What is done to each of the jobs. */
export type BulkAction =
  | { readonly kind: 'cancel'; readonly reason?: string }
  | { readonly kind: 'retry' | 'remove' | 'runNow' | 'pause' | 'resume' }
  | { readonly kind: 'reprioritise'; readonly priority: number }
  /** `runAt`: a Date, epoch milliseconds or ISO text with an offset. */
  | { readonly kind: 'reschedule'; readonly runAt: Date | number | string }
  /** New jobs like those that have ended; at most so many a second, without a limit if not given. */
  | { readonly kind: 'replay'; readonly perSecond?: number };

/** An action after its check: times are epoch milliseconds. */
export type CheckedAction =
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'retry' | 'remove' | 'runNow' | 'pause' | 'resume' }
  | { readonly kind: 'reprioritise'; readonly priority: number }
  | { readonly kind: 'reschedule'; readonly runAt: number }
  | { readonly kind: 'replay'; readonly perSecond: number | null };

export type BulkKind = CheckedAction['kind'];

/** The type of the job that carries a bulk change out, and its queue: no user's, and known to every JobManager that works. */
export const BULK_TYPE = 'backline.bulk';

/** Names that only Backline itself hands in. */
export const isBuiltIn = (type: string): boolean => type.startsWith('backline.');

const WAITING = ['created', 'queued'] as const satisfies readonly Status[];

/** The states in which a job can be changed so. */
const FROM: Readonly<Record<BulkKind, readonly Status[]>> = {
  cancel: ACTIVE,
  retry: REVIVABLE,
  remove: STATUSES.filter((status) => status !== 'running'),
  reprioritise: WAITING,
  reschedule: WAITING,
  runNow: WAITING,
  pause: WAITING,
  resume: WAITING,
  replay: FINAL,
};

export const statesFor = (kind: BulkKind): readonly Status[] => FROM[kind];

const OF_BATCHES: readonly BulkKind[] = ['cancel', 'retry', 'remove'];

export const BULK_KINDS = Object.keys(FROM) as BulkKind[];

const PARTS: Readonly<Record<BulkKind, Readonly<Record<string, Check<unknown>>>>> = {
  cancel: { reason: text(1000) },
  retry: {},
  remove: {},
  runNow: {},
  pause: {},
  resume: {},
  reprioritise: { priority: priorityCheck },
  reschedule: { runAt: instant },
  replay: { perSecond: integer(1, 100_000) },
};

const NEEDED: Readonly<Partial<Record<BulkKind, string>>> = { reprioritise: 'priority', reschedule: 'runAt' };
const DEFAULTS: Readonly<Partial<Record<BulkKind, object>>> = {
  cancel: { reason: 'cancelled by request' },
  replay: { perSecond: null },
};

/** @throws INVALID_OPTION, UNKNOWN_OPTION. */
export const checkAction = (given: unknown): CheckedAction => {
  const kind = isRecord(given) ? given['kind'] : given;
  if (!isRecord(given) || !BULK_KINDS.includes(kind as BulkKind))
    throw invalidOption('action.kind', kind, BULK_KINDS.join(', '));
  const { kind: _, ...parts } = given;
  const checked = checkOptions(PARTS[kind as BulkKind], parts, 'action', 'action.');
  const needed = NEEDED[kind as BulkKind];
  // The check itself says what is allowed there.
  if (needed !== undefined && checked[needed] === undefined)
    PARTS[kind as BulkKind][needed]!(undefined, `action.${needed}`);
  return { kind, ...DEFAULTS[kind as BulkKind], ...checked } as CheckedAction;
};

/** What decides whether a job can be changed so. */
export interface BulkFacts {
  readonly status: Status;
  readonly isBatch: boolean;
  readonly held: boolean;
  readonly cancelRequested: boolean;
  /** It has that priority already, or that time. */
  readonly same: boolean;
  /** Its family, or another job with its key, stands in the way. */
  readonly blocked: boolean;
}

/** A status: the job is in a state in which this cannot be done. */
export type SkipReason =
  | Status
  | ('batch' | 'cancel-requested' | 'unchanged' | 'changed-since' | 'has-children' | 'key-in-use');

/** Why a job is left alone, or null. */
export const whyNot = ({ kind }: CheckedAction, facts: BulkFacts): SkipReason | null => {
  const { status, isBatch, held, cancelRequested, same, blocked } = facts;
  if (!FROM[kind].includes(status)) return status;
  if (isBatch && !OF_BATCHES.includes(kind)) return 'batch';
  if (kind === 'cancel' && cancelRequested) return 'cancel-requested';
  if ((kind === 'pause' && held) || (kind === 'resume' && !held)) return 'unchanged';
  if (same && !(kind === 'runNow' && held)) return 'unchanged';
  return blocked ? blockedBy(kind) : null;
};

/** What a store means that did not do it to a job which looked ready. */
export const blockedBy = (kind: BulkKind): SkipReason =>
  kind === 'remove' ? 'has-children' : kind === 'retry' ? 'key-in-use' : 'changed-since';

/** How a store compares what `same` means. */
export const sameAs = (action: CheckedAction, snapshotAt: number) => ({
  priority: action.kind === 'reprioritise' ? action.priority : null,
  runAt: action.kind === 'reschedule' ? action.runAt : null,
  dueBy: action.kind === 'runNow' ? snapshotAt : null,
});

/** A plan as the job that carries it out holds it. */
export interface BulkPlan {
  readonly action: CheckedAction;
  /** Of the filter; null if it names no states. */
  readonly statuses: readonly Status[] | null;
  readonly snapshotAt: number;
}

/**
 * What becomes of one job, as it is now: it is `ready`, it was `done` already together with its batch, or why not; null if it is no
 * longer of the filter, so that it counts nowhere.
 */
export const judge = (job: Job, plan: BulkPlan): 'ready' | 'done' | SkipReason | null => {
  const { action, statuses, snapshotAt } = plan;
  if (job.parentId !== null && doneWithBatch(job, plan)) return 'done';
  if (statuses && !statuses.includes(job.status)) return null;
  const same = sameAs(action, snapshotAt);
  const reason = whyNot(action, {
    status: job.status,
    isBatch: job.batch !== null,
    held: job.held,
    cancelRequested: job.cancelRequestedAt !== null,
    same:
      job.priority === same.priority || job.runAt === same.runAt || (same.dueBy !== null && job.runAt <= same.dueBy),
    blocked: false,
  });
  if (reason !== null) return reason;
  // Whoever cancels all of a queue means also what has begun since; whoever names a state means what was in it.
  if (changedAt(job) > snapshotAt && !(action.kind === 'cancel' && statuses === null)) return 'changed-since';
  return 'ready';
};

const doneWithBatch = (job: Job, { action, snapshotAt }: BulkPlan): boolean => {
  if (action.kind === 'cancel') return job.status === 'cancelled' && (job.completedAt ?? 0) > snapshotAt;
  return action.kind === 'retry' && job.life > 1 && (job.queuedAt ?? 0) > snapshotAt;
};

/** When a job came into the state in which it is. */
const changedAt = ({ status, createdAt, queuedAt, startedAt, completedAt }: Job): number => {
  if (status === 'running') return startedAt ?? createdAt;
  return status === 'created' || status === 'queued' ? Math.max(createdAt, queuedAt ?? 0) : (completedAt ?? createdAt);
};

/** Jobs of a filter that are alike in all that decides. */
export interface SurveyRow extends BulkFacts {
  readonly n: number;
  /** When the first and the last of them were made. */
  readonly oldest: number;
  readonly newest: number;
}

export interface BulkPreview {
  /** How many jobs the action would be done to. */
  readonly count: number;
  /** These, by their status. */
  readonly byStatus: Readonly<Partial<Record<Status, number>>>;
  /** Jobs of the filter that would be left alone, by reason. A status: it cannot be done to a job in that state. */
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** When the first and the last of those that are counted were made; epoch milliseconds. */
  readonly oldest: number | null;
  readonly newest: number | null;
  /** Pass it to `start`, so that nothing is caught that came later. */
  readonly snapshotAt: number;
}

export const previewOf = (action: CheckedAction, rows: readonly SurveyRow[], snapshotAt: number): BulkPreview => {
  const byStatus: Partial<Record<Status, number>> = {};
  const skipped: Partial<Record<SkipReason, number>> = {};
  const ready: SurveyRow[] = [];
  for (const row of rows) {
    const reason = whyNot(action, row);
    if (reason !== null) skipped[reason] = (skipped[reason] ?? 0) + row.n;
    else ready.push(row);
  }
  for (const { status, n } of ready) byStatus[status] = (byStatus[status] ?? 0) + n;
  return {
    count: ready.reduce((sum, { n }) => sum + n, 0),
    byStatus,
    skipped,
    oldest: ready.length === 0 ? null : Math.min(...ready.map(({ oldest }) => oldest)),
    newest: ready.length === 0 ? null : Math.max(...ready.map(({ newest }) => newest)),
    snapshotAt,
  };
};
