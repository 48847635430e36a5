/**
 * Carries out changes of many jobs (bulk.ts). They are jobs, and claimed as such, under the lease of this process's worker; but they take
 * none of its slots: whoever cancels what fills all of them must not wait behind it.
 *
 * 1. A page of the filter, in order of insertion (of removals against it: children go before their parents).
 * 2. What becomes of each job is decided by `judge`; what is ready is changed in one step of the store, which also writes down how far it
 *    has come: so whoever goes on after a crash neither repeats nor forgets anything.
 * 3. The step itself says whether the job was cancelled, or went to another worker.
 */

import type { Wait } from '../../job/backoff.ts';
import { BULK_TYPE, type BulkKind, blockedBy, judge, type SkipReason } from '../../job/bulk.ts';
import type { BulkDoing } from '../../job/bulk-step.ts';
import { type Change, changeFor } from '../../job/change.ts';
import type { CheckedJobType } from '../../job/define.ts';
import type { NewJob } from '../../job/enqueue-options.ts';
import { isClosed } from '../../job/errors.ts';
import { checkFilter } from '../../job/filter.ts';
import type { ClaimedJob, Job, LogLine } from '../../job/job.ts';
import { type Outcome, toFailure } from '../../job/outcome.ts';
import type { Store } from '../../store/store.ts';
import type { Clock } from '../../util/clock.ts';
import { sleep } from '../../util/sleep.ts';
import { Audit } from '../audit.ts';
import { type BulkPayload, upTo } from '../bulk.ts';
import type { Events } from '../events.ts';
import { copyOf } from '../new-job.ts';
import type { Vault } from '../vault.ts';

export interface BulkRunnerParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly events: Events;
  /** Under whose lease. */
  readonly owner: () => string | null;
  readonly defaultWait: Wait;
  readonly types: ReadonlyMap<string, CheckedJobType>;
  readonly vault: Vault;
}

/** Jobs per step: each step is one transaction, for which the others wait. */
const STEP: Readonly<Record<BulkKind, number>> = {
  ...{ cancel: 500, retry: 500, remove: 500, replay: 200 },
  ...{ reprioritise: 100, reschedule: 100, runNow: 100, pause: 100, resume: 100 },
};
const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;
/** Tries of one step, until its error becomes that of the attempt. */
const TRIES = 8;
const LINES = 1000;
const WAITING = checkFilter({ type: BULK_TYPE, status: 'queued' });

/** How far it has come. */
interface Sofar {
  /** Pages up to this cursor are done. */
  readonly after: string | null;
  readonly done: number;
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
}

export class BulkRunner {
  readonly #parts: BulkRunnerParts;
  readonly #stop = new AbortController();

  constructor(parts: BulkRunnerParts) {
    this.#parts = parts;
  }

  /** Does all that waits, one after the other. */
  async run(): Promise<void> {
    for (let job = await this.#claim(); job; job = await this.#claim()) await this.#carryOut(job);
  }

  async #claim(): Promise<ClaimedJob | null> {
    const { store, clock } = this.#parts;
    const owner = this.#parts.owner();
    if (owner === null || this.#stop.signal.aborted) return null;
    try {
      // Asked of the counters: a claim would be a transaction at every look.
      if ((await store.count(WAITING)) === 0) return null;
      const { jobs } = await store.claim({ owner, n: 1, types: [BULK_TYPE], queues: [BULK_TYPE] }, clock.now());
      return jobs[0] ?? null;
    } catch {
      // A store that is away is told of once, by whoever polls it; this looks again by and by.
      return null;
    }
  }

  /** Ends between two steps; what is not done is handed back. */
  stop(): void {
    this.#stop.abort();
  }

  async #carryOut(job: ClaimedJob): Promise<void> {
    let outcome: Exclude<Outcome, { kind: 'completed-in-transaction' }>;
    try {
      outcome = await this.#allSteps(job);
    } catch (error) {
      if (isClosed(error)) return;
      outcome = this.#stop.signal.aborted ? { kind: 'released' } : { kind: 'failed', failure: toFailure(error) };
    }
    if (outcome.kind === 'lost') return;
    if (outcome.kind !== 'released') await this.#tell(job, outcome);
    const change = changeFor(
      job,
      outcome,
      { wait: this.#parts.defaultWait, retryTimeouts: true },
      this.#parts.clock.now(),
    );
    await this.#write(change);
  }

  /** What was done is done, whether it can be written down or not: it is in the job's own log, too. */
  async #tell(job: ClaimedJob, outcome: Exclude<Outcome, { kind: 'completed-in-transaction' }>): Promise<void> {
    const { by, action, filter } = JSON.parse(job.payload) as BulkPayload;
    const { within: _, ...asked } = filter;
    const ended = outcome.kind === 'completed' ? (JSON.parse(outcome.result!) as { done: number }) : null;
    const detail = { ended: outcome.kind, ...(ended ?? { attempt: job.attempts }) };
    const line = {
      ...by,
      action: `bulk.${action.kind}`,
      target: job.id,
      filter: asked,
      count: ended?.done ?? null,
      detail,
    };
    try {
      await new Audit(this.#parts).record(line);
    } catch (error) {
      this.#parts.events.emit('error', () => ({ error, during: 'the audit of a change of many jobs' }));
    }
  }

  /** A cancel that came after the last step does not undo it. */
  async #write(change: Change): Promise<void> {
    const { store, events } = this.#parts;
    for (let waitMs = FIRST_RETRY_MS; ; waitMs = Math.min(MAX_RETRY_MS, waitMs * 2)) {
      try {
        const [outcome] = await store.applyChanges([change]);
        if (outcome !== 'cancel-requested') return;
        const failure = { name: 'Cancelled', message: 'cancelled by request, when all of it was done' };
        await store.applyChanges([{ ...change, to: 'cancelled', outcome: 'cancelled', failure, result: null }]);
        return;
      } catch (error) {
        if (isClosed(error)) return;
        events.emit('error', () => ({ error, during: 'a change of many jobs' }));
        // It is an orphan when this process is gone, and goes on elsewhere.
        if (this.#stop.signal.aborted) return;
        await this.#pause(waitMs);
      }
    }
  }

  async #allSteps(job: ClaimedJob): Promise<Exclude<Outcome, { kind: 'completed-in-transaction' }>> {
    const plan = JSON.parse(job.payload) as BulkPayload;
    let { sofar, n } = await this.#resume(job);
    for (;;) {
      if (this.#stop.signal.aborted) return { kind: 'released' };
      const step = await this.#patiently(() => this.#step(job, plan, sofar, n));
      if (step.kind === 'lost') return { kind: 'lost' };
      if (step.kind === 'cancelled') return { kind: 'cancelled', reason: stoppedText(step.reason, sofar, plan.total) };
      sofar = step.sofar;
      n++;
      if (step.isLast)
        return { kind: 'completed', result: JSON.stringify({ done: sofar.done, skipped: sofar.skipped }) };
      const perSecond = plan.action.kind === 'replay' ? plan.action.perSecond : null;
      if (perSecond !== null) await this.#pause((1000 * step.done) / perSecond);
    }
  }

  /** What the steps before a crash have written down. */
  async #resume(job: ClaimedJob): Promise<{ sofar: Sofar; n: number }> {
    let last: LogLine | undefined;
    for (;;) {
      const after = last ? { claim: last.claim, n: last.n } : null;
      const lines = await this.#patiently(() => this.#parts.store.logs(job.id, after, LINES));
      last = lines.at(-1) ?? last;
      if (lines.length < LINES) break;
    }
    // Of an earlier life, it is all to be done again.
    const fields = last?.fields as (Sofar & { life: number }) | null | undefined;
    if (!fields || fields.life !== job.life) return { sofar: { after: null, done: 0, skipped: {} }, n: 1 };
    const { after, done, skipped } = fields;
    return { sofar: { after, done, skipped }, n: 1 };
  }

  async #step(job: ClaimedJob, plan: BulkPayload, sofar: Sofar, n: number) {
    const { store, clock } = this.#parts;
    const now = clock.now();
    const page = await store.list(filterOf(plan), {
      order: plan.action.kind === 'remove' ? 'newest' : 'oldest',
      limit: sizeOf(plan),
      after: sofar.after ?? undefined,
    });
    const { ready, done: withBatch, skipped } = sort(page.jobs, plan, sofar.skipped);
    const next = (done: number): Sofar => ({
      after: page.next,
      done: sofar.done + withBatch + done,
      skipped: added(skipped, blockedBy(plan.action.kind), ready.length - done),
    });
    const note = (done: number) => {
      const reached = next(done);
      const left = Object.values(reached.skipped).reduce((sum, many) => sum + many, 0);
      const percent =
        page.next === null ? 100 : Math.min(99, Math.floor((100 * (reached.done + left)) / Math.max(1, plan.total)));
      const message = `${reached.done.toLocaleString('en-US')} done, ${left.toLocaleString('en-US')} left alone`;
      return { percent, message, fields: JSON.stringify({ ...reached, life: job.life }) };
    };
    const step = { job, ids: ready.map(({ id }) => id), doing: this.#doing(plan, job, ready, now), n, note };
    const outcome = await store.bulkStep(step, now);
    if (outcome.kind !== 'done') return outcome;
    return { kind: 'done', done: outcome.done, sofar: next(outcome.done), isLast: page.next === null } as const;
  }

  #doing(plan: BulkPayload, bulk: ClaimedJob, ready: readonly Job[], now: number): BulkDoing {
    const { types, vault } = this.#parts;
    // Its id follows from the old one's, so that it cannot be made twice; a batch that has ended takes no more, so it runs alone.
    const replayed = (old: Job): NewJob => {
      const id = `${bulk.id}:${bulk.life}:${old.seq}`;
      const { payload } = vault.open(old.payload, old, types.get(old.type));
      const json = vault.seal(JSON.stringify(payload ?? null), types.get(old.type), `job ${id}`);
      return { ...copyOf(old, json, id, now), parentId: null };
    };
    return doingOf(plan, replayed, ready, now);
  }

  /** A store that is away or busy may come back. */
  async #patiently<T>(work: () => Promise<T>): Promise<T> {
    for (let tries = 1, waitMs = FIRST_RETRY_MS; ; tries++, waitMs = Math.min(MAX_RETRY_MS, waitMs * 2)) {
      try {
        return await work();
      } catch (error) {
        if (isClosed(error) || tries === TRIES || this.#stop.signal.aborted) throw error;
        await this.#pause(waitMs);
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, { signal: this.#stop.signal, keepAlive: false });
  }
}

/**
 * Jobs may leave the states of the filter together with their batch: then they are counted all the same, so that all of the filter is
 * looked at.
 */
const filterOf = ({ filter, snapshotAt, followsBatches }: BulkPayload) => {
  const { status: _, ...rest } = filter;
  return upTo(followsBatches ? rest : filter, snapshotAt);
};

const sizeOf = ({ action }: BulkPayload): number =>
  action.kind === 'replay' && action.perSecond !== null ? Math.min(STEP.replay, action.perSecond) : STEP[action.kind];

const sort = (jobs: readonly Job[], plan: BulkPayload, before: Sofar['skipped']) => {
  const ready: Job[] = [];
  let done = 0;
  let skipped = before;
  for (const job of jobs) {
    const verdict = judge(job, plan);
    if (verdict === 'ready') ready.push(job);
    else if (verdict === 'done') done++;
    else if (verdict !== null) skipped = added(skipped, verdict, 1);
  }
  return { ready, done, skipped };
};

const added = (skipped: Sofar['skipped'], reason: SkipReason, n: number): Sofar['skipped'] =>
  n <= 0 ? skipped : { ...skipped, [reason]: (skipped[reason] ?? 0) + n };

const doingOf = (
  { action }: BulkPayload,
  replayed: (old: Job) => NewJob,
  ready: readonly Job[],
  now: number,
): BulkDoing => {
  switch (action.kind) {
    case 'cancel':
      return { kind: 'cancel', reason: action.reason };
    case 'retry':
    case 'remove':
      return { kind: action.kind };
    case 'reprioritise':
      return { kind: 'adjust', change: { priority: action.priority } };
    case 'reschedule':
      return { kind: 'adjust', change: { runAt: action.runAt } };
    case 'runNow':
      return { kind: 'adjust', change: { runAt: now, held: false } };
    case 'pause':
      return { kind: 'adjust', change: { held: true } };
    case 'resume':
      return { kind: 'adjust', change: { held: false } };
    case 'replay':
      return { kind: 'insert', jobs: ready.map(replayed) };
  }
};

const stoppedText = (reason: string, { done }: Sofar, total: number): string =>
  `${reason}; ${done.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} were done`;
