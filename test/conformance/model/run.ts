/** One history against a store and the model: every answer is compared; in the end both are drained. */
import { expect } from 'vitest';
import type { Change } from '../../../src/job/change.ts';
import type { NewCallback, NewJob } from '../../../src/job/enqueue-options.ts';
import { checkFilter } from '../../../src/job/filter.ts';
import type { ClaimedJob } from '../../../src/job/job.ts';
import type { Store, StoreChange } from '../../../src/store/store.ts';
import { newJob, STILL, workerInfo } from '../fixtures.ts';
import { settle } from './batches.ts';
import { type BatchSpec, type Command, type JobSpec, KEYS, QUEUES, WORKERS } from './commands.ts';
import { compareAll, expectStories, same } from './compare.ts';
import { changeOf } from './endings.ts';
import { isOver, Model, type ModelJob } from './model.ts';
import { adjust, cancel, expire, prune, remove, revive, seal, withDescendants } from './people.ts';

/** Where a history begins on a store that has seen others. */
export interface Start {
  readonly now: number;
  readonly newest: number;
  readonly late: number;
  readonly boots: number;
}

export class Run {
  readonly #store: Store;
  readonly #model = new Model();
  readonly #owners: string[] = [];
  /** Every claim that was ever given out. */
  readonly #claims: ClaimedJob[] = [];
  readonly #heard: StoreChange[] = [];
  readonly #stop: () => void;
  #ids = 0;
  #boots: number;
  #newest: number;
  #now: number;

  constructor(store: Store, { now, newest, late, boots }: Start) {
    this.#store = store;
    this.#now = now;
    this.#newest = newest;
    this.#boots = boots;
    this.#model.late = late;
    this.#stop = store.watch((changes) => this.#heard.push(...changes));
  }

  async start(): Promise<void> {
    for (let i = 0; i < WORKERS.length; i++) await this.#boot(i);
  }

  /** One command, and what it means for batches. */
  async step(command: Command): Promise<void> {
    await this.#do(command);
    await this.#settle();
  }

  async #do(command: Command): Promise<void> {
    const [store, model, now] = [this.#store, this.#model, this.#now];
    switch (command.do) {
      case 'insert':
        return this.#insert(command.jobs.map((spec) => this.#newJob(spec)));
      case 'batch':
        return this.#insert(this.#newBatch(command));
      case 'seal': {
        const id = this.#id(command.pick);
        return same((await store.adjust(id, { sealed: true }, now)).kind, seal(model, id));
      }
      case 'claim':
        return this.#claim(command.worker, command.n);
      case 'finish': {
        const running = this.#claims.filter(({ id, seq, claim }) => model.heldBy(id, seq, claim));
        return this.#finish(at(running, command.pick), command.end);
      }
      case 'finish-late':
        return this.#finish(at(this.#claims, command.pick), command.end);
      case 'progress':
        return this.#progress(at(this.#claims, command.pick), command.percent);
      case 'cancel': {
        const ids = [this.#id(command.pick)];
        const expected = cancel(model, command.tree ? withDescendants(model, ids) : ids, now);
        return same(await store.requestCancel({ ids, tree: command.tree }, 'no', now), expected);
      }
      case 'cancel-queue': {
        const { queue } = command;
        const expected = cancel(
          model,
          model.all((job) => job.queue === queue).map(({ id }) => id),
          now,
        );
        return same(await store.requestCancel({ filter: checkFilter({ queue }) }, 'no', now), expected);
      }
      case 'revive': {
        const ids = this.#some(command);
        return same(await store.revive({ ids }, now), revive(model, ids, now));
      }
      case 'priority':
        return this.#adjust(command.pick, { priority: command.priority });
      case 'reschedule':
        return this.#adjust(command.pick, { runAt: now + command.delay });
      case 'hold':
        return this.#adjust(command.pick, { held: command.held });
      case 'remove': {
        const ids = this.#some(command);
        return same(await store.remove({ ids }, now), remove(model, ids));
      }
      default:
        return this.#stepOfSystem(command);
    }
  }

  async #stepOfSystem(command: Command): Promise<void> {
    const [store, model, now] = [this.#store, this.#model, this.#now];
    switch (command.do) {
      case 'pause': {
        const until = command.forMs === null ? null : now + command.forMs;
        Object.assign(this.#queue(command.queue), { paused: true, until });
        return store.setQueue(command.queue, { pause: { reason: null, actor: null, until } }, now);
      }
      case 'resume':
        Object.assign(this.#queue(command.queue), { paused: false, until: null });
        return store.setQueue(command.queue, { pause: null }, now);
      case 'limit-queue':
        this.#queue(command.queue).max = command.max;
        return store.setQueue(command.queue, { maxRunning: command.max }, now);
      case 'limit-key':
        if (command.max === null) model.limits.delete(command.key);
        else model.limits.set(command.key, command.max);
        return store.setKeyLimit(command.key, command.max);
      case 'die':
        await this.#die(command.worker);
        return this.#boot(command.worker);
      case 'leave':
        return this.#leave(command.worker);
      case 'expire':
        return same(await store.expire(now), expire(model, now));
      case 'prune':
        return this.#prune({
          doneBefore: now - command.doneMs,
          failedBefore: now - command.failedMs,
          keep: command.keep,
        });
      case 'wait':
        this.#now += command.ms;
        return;
    }
  }

  /** With everything open and time enough, every job must come to its end. */
  async drain(): Promise<void> {
    const [store, model] = [this.#store, this.#model];
    for (const queue of QUEUES) {
      await this.step({ do: 'resume', queue });
      if (model.queues.get(queue)!.max === 0) await this.step({ do: 'limit-queue', queue, max: 1 });
    }
    for (const [key, max] of model.limits)
      if (max === 0) await this.step({ do: 'limit-key', key: key as 'k0', max: 1 });
    for (let i = 0; i < WORKERS.length; i++) {
      await this.#die(i);
      await this.#settle();
    }
    await this.#boot(0);
    for (const { id } of model.all((job) => job.held)) {
      const outcome = await store.adjust(id, { held: false }, this.#now);
      same(outcome.kind, adjust(model, id, { held: false }, this.#now));
    }
    for (const { id } of model.all((job) => job.batch !== null && !isOver(job))) {
      same((await store.adjust(id, { sealed: true }, this.#now)).kind, seal(model, id));
      await this.#settle();
    }
    this.#now += 1_000_000;
    await this.step({ do: 'expire' });
    for (let i = 0; model.all((job) => !isOver(job)).length > 0; i++) {
      expect(i, 'jobs are stuck').toBeLessThan(500);
      await this.#claim(0, 4);
      await this.#settle();
      for (const { id, seq, claim, ...job } of this.#claims.slice(-4))
        if (model.heldBy(id, seq, claim)) {
          const end = model.jobs.get(id)!.cancelRequestedAt === null ? 'completed' : 'cancelled';
          await this.#finish({ id, seq, claim, ...job }, end);
          await this.#settle();
        }
    }
  }

  compare(): Promise<void> {
    return compareAll(this.#store, this.#model, this.#now);
  }

  expectStories(): void {
    expectStories(this.#heard, this.#model);
  }

  /** Leaves nothing but the counter of late results and the numbering. */
  async clear(): Promise<Start> {
    this.#stop();
    await this.#die(0);
    for (const queue of QUEUES) await this.step({ do: 'limit-queue', queue, max: null });
    for (const key of KEYS) await this.step({ do: 'limit-key', key, max: null });
    const ids = this.#model.all().map(({ id }) => id);
    same(await this.#store.remove({ ids }, this.#now), ids.length, 'removed at the end');
    return { now: this.#now + 1_000_000, newest: this.#newest, late: this.#model.late, boots: this.#boots };
  }

  async #settle(): Promise<void> {
    settle(this.#model, this.#now);
    for (const job of this.#model.fresh.splice(0)) {
      job.seq = (await this.#store.get(job.id))?.seq ?? expect.unreachable(`${job.id} was not handed in`);
      this.#newest = Math.max(this.#newest, job.seq);
      this.#model.seq = this.#newest;
    }
  }

  async #insert(jobs: readonly NewJob[]): Promise<void> {
    const expected = this.#model.insertAll(jobs, this.#now);
    const outcomes = await this.#store.insert(jobs, this.#now);
    same(
      outcomes.map(({ kind, id }) => ({ kind, id })),
      expected,
    );
    // The numbers grow; what was refused may leave a gap.
    for (const outcome of outcomes)
      if (outcome.kind === 'inserted') {
        same(outcome.seq > this.#newest, true, 'a number was given out again');
        this.#newest = outcome.seq;
        this.#model.jobs.get(outcome.id)!.seq = outcome.seq;
        this.#model.seq = outcome.seq;
      }
  }

  #newJob({ delay, keyWindow, parent, held, expires, large, sameId, ...rest }: JobSpec): NewJob {
    const now = this.#now;
    const n = this.#ids++;
    return newJob({
      ...rest,
      id: sameId && this.#model.jobs.size > 0 ? this.#id(n) : `j${n}`,
      status: held ? 'created' : 'queued',
      payload: JSON.stringify(large ? 'x'.repeat(1100) : n),
      runAt: now + delay,
      keyUntil: rest.key === null || keyWindow === null ? null : now + keyWindow,
      parentId: this.#parent(parent),
      expiresAt: expires === null ? null : now + expires,
    });
  }

  /** The batch, then its jobs. */
  #newBatch({ jobs, policy, open, callbacks, parent, totalMs, sameId, queue }: BatchSpec): NewJob[] {
    const n = this.#ids++;
    const id = sameId && this.#model.jobs.size > 0 ? this.#id(n) : `b${n}`;
    const called = callbacks.map((on): NewCallback => {
      const limits = { maxAttempts: 2, maxCrashes: 2, timeoutMs: null, totalMs: null, limitKey: null };
      const job = { id: `c${n}-${on}`, type: 'a', queue, priority: 5, payload: `"${on}"`, ...limits };
      return { on, job: { ...job, tags: [], userInitiated: true }, delayMs: 0, runAt: null, startMs: null };
    });
    const row = newJob({
      ...{ id, type: 'album', queue, payload: `"${id}"`, runAt: this.#now, timeoutMs: null, totalMs },
      ...{ parentId: this.#parent(parent), batch: { policy, open, callbacks: called } },
    });
    return [row, ...jobs.map((spec) => ({ ...this.#newJob(spec), parentId: id }))];
  }

  async #claim(index: number, n: number): Promise<void> {
    const { types, queues } = WORKERS[index]!;
    const owner = this.#owners[index]!;
    const expected = this.#model.mayRun(owner, types, queues, n, this.#now);
    const request = { owner, n, types, ...(queues ? { queues } : {}) };
    const { jobs } = await this.#store.claim(request, this.#now);
    same(
      jobs.map(({ id }) => id),
      expected.map(({ id }) => id),
      'claimed',
    );
    for (const [i, job] of jobs.entries()) {
      const known = expected[i]!;
      this.#model.take(known, owner, this.#now);
      same(essence(job), essence(known));
    }
    this.#claims.push(...jobs);
    // A claim may cancel what has expired, where it comes across it. What a batch cancels thereupon says so.
    for (const job of this.#model.expired(this.#now)) {
      const { status, error } = (await this.#store.get(job.id))!;
      if (status === 'cancelled' && !error!.startsWith('batch ')) this.#model.end(job, 'cancelled', this.#now);
    }
  }

  async #finish(job: ClaimedJob | undefined, end: string): Promise<void> {
    if (!job) return;
    const change = changeOf(job, end, this.#now);
    const [outcome] = await this.#store.applyChanges([change]);
    same(outcome, this.#applied(job, change));
  }

  #applied(job: ClaimedJob, change: Change): string {
    const held = this.#model.heldBy(job.id, job.seq, job.claim);
    if (!held) {
      this.#model.late++;
      return 'late';
    }
    if (held.cancelRequestedAt !== null && change.to !== 'cancelled') return 'cancel-requested';
    held.crashes = change.crashes;
    if (change.to === 'queued') this.#model.requeue(held, change.runAt, change.attempts, this.#now);
    else this.#model.end(held, change.to, this.#now);
    return 'applied';
  }

  async #progress(job: ClaimedJob | undefined, percent: number): Promise<void> {
    if (!job) return;
    await this.#store.saveProgress([{ job, percent, note: null }], this.#now);
    const held = this.#model.heldBy(job.id, job.seq, job.claim);
    if (held) held.progress = percent;
  }

  async #adjust(pick: number, change: { priority?: number; runAt?: number; held?: boolean }): Promise<void> {
    const id = this.#id(pick);
    const outcome = await this.#store.adjust(id, change, this.#now);
    same(outcome.kind, adjust(this.#model, id, change, this.#now));
  }

  async #prune(retention: { doneBefore: number; failedBefore: number; keep: number }): Promise<void> {
    let pruned = 0;
    for (let n = -1; n !== 0; pruned += n) n = await this.#store.prune(retention, this.#now);
    same(pruned, prune(this.#model, retention));
  }

  async #boot(index: number): Promise<void> {
    const { name, types, queues } = WORKERS[index]!;
    const owner = `${name}#${this.#boots++}`;
    await this.#store.keepLease(workerInfo(name, { owner, types, queues }), { ...STILL, now: () => this.#now });
    this.#owners[index] = owner;
    this.#model.registered.add(owner);
  }

  async #die(index: number): Promise<void> {
    const owner = this.#owners[index]!;
    this.#model.registered.delete(owner);
    const orphans = await this.#store.releaseOrphans([{ owner, beat: 1 }], this.#now);
    same(orphans.map(({ id }) => id).sort(), this.#model.releaseOrphans(this.#now).sort());
  }

  /** Asked of a worker that is gone already: nothing may happen. */
  async #leave(index: number): Promise<void> {
    const stranger = [{ owner: `${WORKERS[index]!.name}#stranger`, beat: 1 }];
    expect(
      await this.#store.releaseOrphans([...stranger, { owner: this.#owners[index]!, beat: 0 }], this.#now),
    ).toEqual([]);
  }

  #queue(name: string) {
    const queue = this.#model.queues.get(name) ?? { paused: false, until: null, max: null };
    this.#model.queues.set(name, queue);
    return queue;
  }

  /** The id of some job, or of one that never was. */
  #id(pick: number): string {
    return at(this.#model.all(), pick)?.id ?? 'nobody';
  }

  /** Mostly a batch that runs, if there is one. */
  #parent(pick: number | null): string | null {
    if (pick === null) return null;
    const running = this.#model.all(({ batch, status }) => batch !== null && status === 'running');
    return pick % 3 > 0 && running.length > 0 ? at(running, pick)!.id : this.#id(pick);
  }

  #some({ pick, all }: { pick: number; all: boolean }): string[] {
    return all ? this.#model.all().map(({ id }) => id) : [this.#id(pick)];
  }
}

const at = <T>(items: readonly T[], pick: number): T | undefined => items[pick % Math.max(1, items.length)];

/** What a claimed job and its record in the model must agree in. */
const essence = ({ seq, type, queue, attempts, life, claim, payload, limitKey, runAt }: ClaimedJob | ModelJob) => ({
  ...{ seq, type, queue, attempts, life, claim, payload, limitKey, runAt },
});
