/**
 * A small model of the store, written from the rules and not from the SQL: plain records, plain loops. The property test runs
 * random histories against both and compares every answer.
 */
import type { BatchCounts, FailurePolicy } from '../../../src/job/batch.ts';
import type { NewCallback, NewJob } from '../../../src/job/enqueue-options.ts';
import type { Status } from '../../../src/job/states.ts';

export interface ModelJob {
  seq: number;
  readonly id: string;
  type: string;
  queue: string;
  status: Status;
  priority: number;
  payload: string;
  runAt: number;
  attempts: number;
  maxAttempts: number;
  crashes: number;
  maxCrashes: number;
  life: number;
  claim: number;
  owner: string | null;
  limitKey: string | null;
  readonly key: string | null;
  readonly parentId: string | null;
  held: boolean;
  progress: number;
  queuedAt: number | null;
  startedAt: number | null;
  completedAt: number | null;
  expiresAt: number | null;
  cancelRequestedAt: number | null;
  deadlineAt: number | null;
  readonly batch: ModelBatch | null;
}

/** What a batch has beside what every job has. */
export interface ModelBatch {
  readonly policy: FailurePolicy;
  readonly totalMs: number | null;
  readonly callbacks: readonly NewCallback[];
  open: boolean;
  timedOut: boolean;
  /** Its counts when it ended. */
  result: BatchCounts | null;
}

export interface ModelQueue {
  paused: boolean;
  until: number | null;
  max: number | null;
}

const WAITING: readonly Status[] = ['created', 'queued'];
const FINAL: readonly Status[] = ['completed', 'failed', 'cancelled', 'timeout'];

export const waits = (job: ModelJob): boolean => WAITING.includes(job.status);
export const isOver = (job: ModelJob): boolean => FINAL.includes(job.status);

export class Model {
  readonly jobs = new Map<string, ModelJob>();
  readonly queues = new Map<string, ModelQueue>();
  readonly limits = new Map<string, number>();
  readonly windows = new Map<string, { id: string; until: number }>();
  readonly registered = new Set<string>();
  /** Batches with a child that came, ended, went or came back, and those that were changed themselves. */
  readonly touched = new Set<string>();
  /** What batches handed in; the store knows its number. */
  readonly fresh: ModelJob[] = [];
  late = 0;
  seq = 0;

  all(where: (job: ModelJob) => boolean = () => true): ModelJob[] {
    return [...this.jobs.values()].filter(where).sort((a, b) => a.seq - b.seq);
  }

  // --- jobs come in ---

  /** Children of a batch that did not go in do not go in, either. */
  insertAll(all: readonly NewJob[], now: number): { kind: string; id: string }[] {
    const refused = new Set<string>();
    return all.map((job) => {
      if (refused.has(job.parentId ?? '')) return { kind: 'no-parent', id: job.id };
      const outcome = this.insert(job, now);
      if (job.batch && outcome.kind !== 'inserted') refused.add(job.id);
      return outcome;
    });
  }

  insert(given: NewJob, now: number): { kind: string; id: string } {
    const parent = this.jobs.get(given.parentId ?? '');
    if (given.parentId !== null && !parent) return { kind: 'no-parent', id: given.id };
    if (parent?.batch && isOver(parent)) return { kind: 'parent-ended', id: given.id };
    const holder = given.key === null ? undefined : this.#holder(given.key, now);
    if (holder) return this.#onTaken(given, holder);
    if (this.jobs.has(given.id)) return { kind: 'duplicate-id', id: given.id };
    const status = given.batch ? 'running' : given.status;
    const { id, type, queue, priority, payload, runAt, maxAttempts, maxCrashes, limitKey, key, expiresAt } = given;
    this.jobs.set(id, {
      ...{ seq: ++this.seq, id, type, queue, status, priority, payload, runAt, attempts: 0, maxAttempts, crashes: 0 },
      ...{ maxCrashes, life: 1, claim: 0, owner: null, limitKey, key, parentId: given.parentId },
      ...{ held: status === 'created', progress: 0, startedAt: given.batch ? now : null, completedAt: null },
      ...{ queuedAt: status === 'queued' ? now : null, expiresAt, cancelRequestedAt: null },
      deadlineAt: given.batch && given.totalMs !== null ? now + given.totalMs : null,
      batch: given.batch ? { ...given.batch, totalMs: given.totalMs, timedOut: false, result: null } : null,
    });
    if (given.parentId !== null) this.touched.add(given.parentId);
    if (given.batch) this.touched.add(id);
    if (given.key !== null && given.keyUntil !== null)
      this.windows.set(given.key, { id: given.id, until: given.keyUntil });
    return { kind: 'inserted', id: given.id };
  }

  #holder(key: string, now: number): ModelJob | undefined {
    const [unfinished] = this.all((job) => job.key === key && !isOver(job));
    const window = this.windows.get(key);
    return unfinished ?? (window && window.until > now ? this.jobs.get(window.id) : undefined);
  }

  #onTaken(given: NewJob, holder: ModelJob): { kind: string; id: string } {
    if (given.onConflict === 'return') return { kind: 'existing', id: holder.id };
    if (given.onConflict === 'reject' || !waits(holder)) return { kind: 'key-taken', id: given.id };
    const { type, queue, priority, payload, runAt, maxAttempts, maxCrashes, limitKey, expiresAt } = given;
    Object.assign(holder, { type, queue, priority, payload, runAt, maxAttempts, maxCrashes, limitKey, expiresAt });
    return { kind: 'replaced', id: holder.id };
  }

  // --- jobs are worked on ---

  /** Waiting jobs whose time ran out before they ever started. */
  expired(now: number): ModelJob[] {
    return this.all((job) => waits(job) && job.startedAt === null && job.expiresAt !== null && job.expiresAt <= now);
  }

  /** What a claim must give out, in this order. */
  mayRun(
    owner: string,
    types: readonly string[],
    queues: readonly string[] | null,
    n: number,
    now: number,
  ): ModelJob[] {
    if (!this.registered.has(owner)) return [];
    const expired = new Set(this.expired(now));
    const due = this.all((job) => job.status === 'queued' && job.runAt <= now && !expired.has(job));
    due.sort((a, b) => a.priority - b.priority || a.runAt - b.runAt || a.seq - b.seq);
    const taken: ModelJob[] = [];
    for (const job of due) {
      if (taken.length === n) break;
      const serves = types.includes(job.type) && (queues === null || queues.includes(job.queue));
      if (serves && !this.isPaused(job.queue, now) && this.#hasRoom(job, taken)) taken.push(job);
    }
    return taken;
  }

  isPaused(name: string, now: number): boolean {
    const queue = this.queues.get(name);
    return queue?.paused === true && (queue.until === null || queue.until > now);
  }

  #hasRoom(job: ModelJob, taken: readonly ModelJob[]): boolean {
    const busy = [...this.all((other) => other.status === 'running' && other.batch === null), ...taken];
    const inQueue = busy.filter(({ queue }) => queue === job.queue).length;
    const ofKey = busy.filter(({ limitKey }) => limitKey === job.limitKey).length;
    const max = job.limitKey === null ? undefined : this.limits.get(job.limitKey);
    return inQueue < (this.queues.get(job.queue)?.max ?? Infinity) && ofKey < (max ?? Infinity);
  }

  take(job: ModelJob, owner: string, now: number): void {
    Object.assign(job, {
      status: 'running',
      claim: job.claim + 1,
      attempts: job.attempts + 1,
      owner,
      startedAt: now,
      progress: 0,
    });
  }

  /** The job that still runs under this claim. */
  heldBy(id: string, seq: number, claim: number): ModelJob | undefined {
    const job = this.jobs.get(id);
    return job && job.seq === seq && job.claim === claim && job.status === 'running' ? job : undefined;
  }

  end(job: ModelJob, status: Status, now: number): void {
    Object.assign(job, { status, completedAt: now });
    if (status === 'completed') job.progress = 100;
    if (job.parentId !== null) this.touched.add(job.parentId);
  }

  requeue(job: ModelJob, runAt: number, attempts: number, now: number): void {
    if (isOver(job) && job.parentId !== null) this.touched.add(job.parentId);
    Object.assign(job, { status: 'queued', runAt, attempts, queuedAt: now, completedAt: null });
  }

  delete(job: ModelJob): void {
    this.jobs.delete(job.id);
    if (job.parentId !== null) this.touched.add(job.parentId);
  }

  /** Somebody asks a running job to stop. */
  ask(job: ModelJob, now: number): void {
    if (job.cancelRequestedAt !== null) return;
    job.cancelRequestedAt = now;
    if (job.batch) this.touched.add(job.id);
  }

  /** Whether a batch that runs still counts it. */
  isCounted(job: ModelJob): boolean {
    const parent = this.jobs.get(job.parentId ?? '');
    return isOver(job) && parent?.batch != null && parent.status === 'running';
  }

  // --- workers die ---

  releaseOrphans(now: number): string[] {
    const orphans = this.all(
      (job) => job.status === 'running' && job.batch === null && !this.registered.has(job.owner!),
    );
    for (const job of orphans) {
      job.crashes++;
      job.claim++;
      if (job.cancelRequestedAt !== null) this.end(job, 'cancelled', now);
      else if (job.crashes >= job.maxCrashes) this.end(job, 'failed', now);
      else this.requeue(job, job.runAt, job.attempts, now);
      job.attempts--;
    }
    return orphans.map(({ id }) => id);
  }

  childrenOf(id: string): ModelJob[] {
    return this.all((job) => job.parentId === id);
  }
}
