/**
 * A small model of the store, written from the rules and not from the SQL: plain records, plain loops. The property test runs
 * random histories against both and compares every answer.
 */
import type { NewJob } from '../../../src/job/enqueue-options.ts';
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
  late = 0;
  seq = 0;

  all(where: (job: ModelJob) => boolean = () => true): ModelJob[] {
    return [...this.jobs.values()].filter(where).sort((a, b) => a.seq - b.seq);
  }

  // --- jobs come in ---

  insert(given: NewJob, now: number): { kind: string; id: string } {
    if (given.parentId !== null && !this.jobs.has(given.parentId)) return { kind: 'no-parent', id: given.id };
    const holder = given.key === null ? undefined : this.#holder(given.key, now);
    if (holder) return this.#onTaken(given, holder);
    if (this.jobs.has(given.id)) return { kind: 'duplicate-id', id: given.id };
    this.jobs.set(given.id, {
      ...{
        seq: ++this.seq,
        id: given.id,
        type: given.type,
        queue: given.queue,
        status: given.status,
        priority: given.priority,
      },
      ...{ payload: given.payload, runAt: given.runAt, attempts: 0, maxAttempts: given.maxAttempts, crashes: 0 },
      ...{ maxCrashes: given.maxCrashes, life: 1, claim: 0, owner: null, limitKey: given.limitKey, key: given.key },
      ...{
        parentId: given.parentId,
        held: given.status === 'created',
        progress: 0,
        startedAt: null,
        completedAt: null,
      },
      ...{ queuedAt: given.status === 'queued' ? now : null, expiresAt: given.expiresAt, cancelRequestedAt: null },
    });
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
    const busy = [...this.all((other) => other.status === 'running'), ...taken];
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
  }

  requeue(job: ModelJob, runAt: number, attempts: number, now: number): void {
    Object.assign(job, { status: 'queued', runAt, attempts, queuedAt: now, completedAt: null });
  }

  // --- workers die ---

  releaseOrphans(now: number): string[] {
    const orphans = this.all((job) => job.status === 'running' && !this.registered.has(job.owner!));
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
