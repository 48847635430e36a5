/**
 * The store as somebody sees it who is bound to some queues and tenants: everything else does not exist. What is asked or changed by
 * filter is ANDed in the store itself; what is asked by id is looked for within reach first. What concerns the system as a whole is
 * refused, in the same words whatever there is.
 */
import { createHash } from 'node:crypto';
import { BULK_TYPE } from '../job/bulk.ts';
import type { NewJob } from '../job/enqueue-options.ts';
import { beyondReach, jobNotFound } from '../job/errors.ts';
import { type CheckedFilter, checkPage, type Reach, type Within } from '../job/filter.ts';
import type { Job } from '../job/job.ts';
import { BUILT_IN_TENANT } from '../job/tenant.ts';
import type { ScheduleStore } from '../store/schedule-store.ts';
import type { InsertOutcome, LogPosition, RequestKey, Store, Target } from '../store/store.ts';
import type { ClientParts } from './producer.ts';
import { schedulesWithin } from './reach-schedules.ts';
import { standingWithin } from './reach-standing.ts';

const ALL = checkPage({ limit: 1000 });

/** What a client of somebody works with who is bound. */
export const partsWithin = (parts: ClientParts, reach: Reach): ClientParts => {
  const made = new Set<string>();
  const newId = () => {
    const id = parts.defaults.newId();
    made.add(id);
    return id;
  };
  const within = withinOf(reach);
  const store = new StoreWithin(parts.store, within, made);
  const of: ClientParts['results']['of'] = async (id, timeoutMs) => {
    if (!(await store.get(id))) throw jobNotFound(id);
    return parts.results.of(id, timeoutMs);
  };
  const { rooms: _, ...shared } = parts;
  return { ...shared, store, within, results: { of }, defaults: { ...parts.defaults, newId } };
};

/** Who has the same reach shares what was begun with it. */
const withinOf = (reach: Reach): Within => {
  const sorted = [reach.queues, reach.tenants].map((names) => names && [...names].sort());
  const digest = createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
  return { ...reach, own: `${BUILT_IN_TENANT}${digest.slice(0, 24)}` };
};

/** Every verb of a store is named here, and what cannot be bounded is refused: one to come does not compile until it is, too. */
class StoreWithin implements Store {
  readonly #store: Store;
  readonly #reach: Within;
  /** For figures: what was begun here is no work. */
  readonly #figured: Reach;
  readonly #made: ReadonlySet<string>;
  readonly schedules: ScheduleStore;

  /** @param made ids that were just made here: another one could be that of a job which must not be known. */
  constructor(store: Store, reach: Within, made: ReadonlySet<string>) {
    this.#store = store;
    this.#reach = reach;
    this.#figured = { queues: reach.queues, tenants: reach.tenants };
    this.#made = made;
    this.schedules = schedulesWithin(store, reach, (id) => this.#sees(id), refused);
  }

  get where(): string {
    return this.#store.where;
  }

  async insert(jobs: readonly NewJob[], now: number): Promise<InsertOutcome[]> {
    return this.#insert(jobs, async (allowed) => this.#store.insert(allowed, now)) as Promise<InsertOutcome[]>;
  }

  insertOnce(request: RequestKey, jobs: readonly NewJob[], now: number): Promise<InsertOutcome[] | null> {
    return this.#insert(jobs, (allowed) => this.#store.insertOnce(request, allowed, now));
  }

  async get(id: string) {
    const { jobs } = await this.list({ id: [id] }, ALL);
    return jobs[0] ?? null;
  }

  list: Store['list'] = async (filter, page) => {
    const { jobs, next } = await this.#store.list(this.#within(filter), page);
    return { jobs: await this.#shown(jobs), next };
  };

  /** In two parts: what is counted of work the counters may know. */
  count: Store['count'] = async (filter) => {
    const own = { queues: null, tenants: [this.#reach.own!] };
    const [work, begun] = await Promise.all(
      [this.#figured, own].map((within) => this.#store.count({ ...filter, within })),
    );
    return work! + begun!;
  };

  attempts: Store['attempts'] = async (id) => ((await this.#sees(id)) ? this.#store.attempts(id) : []);
  logs = async (id: string, after: LogPosition | null, limit: number) =>
    (await this.#sees(id)) ? this.#store.logs(id, after, limit) : [];
  failures: Store['failures'] = (before, limit) => this.#store.failures(before, limit, this.#figured);
  queues: Store['queues'] = (now) => this.#store.queues(now, this.#figured);
  stats: Store['stats'] = () => this.#store.stats(this.#figured);
  metrics: Store['metrics'] = (range) => this.#store.metrics(range, this.#figured);

  requestCancel: Store['requestCancel'] = async (target, reason, now) =>
    this.#store.requestCancel(await this.#target(target), reason, now);
  revive: Store['revive'] = async (target, now) => this.#store.revive(await this.#target(target), now);
  remove: Store['remove'] = async (target, now) => this.#store.remove(await this.#target(target), now);
  adjust: Store['adjust'] = async (id, change, now) =>
    (await this.#sees(id)) ? this.#store.adjust(id, change, now) : { kind: 'missing' };

  /** A queue is shared by all tenants. */
  async setQueue(...[name, change, now]: Parameters<Store['setQueue']>): Promise<void> {
    if (this.#reach.tenants !== null) throw wholeOnly('a queue');
    this.#mustBeOwnQueue(name, 'queue');
    return this.#store.setQueue(name, change, now);
  }

  survey: Store['survey'] = (filter, options) => this.#store.survey(this.#within(filter), options);

  get access(): never {
    throw wholeOnly('tokens and the audit');
  }

  standing: Store['standing'] = async (id, now) => {
    const job = await this.get(id);
    const standing = job && (await this.#store.standing(id, now));
    return standing && standingWithin(standing, job, this.#reach, (ids) => this.#seen(ids));
  };

  bulkStep = refused('a claim');

  setKeyLimit = refused('a limit');
  workers = refused('workers');
  insertWithin = refused('a transaction');
  claim = refused('a claim');
  applyChanges = refused('a claim');
  applyWithin = refused('a claim');
  saveProgress = refused('a claim');
  appendLogs = refused('a claim');
  keepLease = refused('a lease');
  releaseOrphans = refused('a lease');
  expire = refused('upkeep');
  prune = refused('upkeep');
  sampleDepths = refused('upkeep');
  watch = refused('events');
  poll = refused('events');
  hint = refused('events');
  indexPayload = refused('the database');
  checkIntegrity = refused('the database');
  close = refused('the database');

  #within(filter: CheckedFilter): CheckedFilter {
    return { ...filter, within: this.#reach };
  }

  async #sees(id: string): Promise<boolean> {
    return (await this.#seen([id])).has(id);
  }

  /** Which of some jobs exist here. */
  async #seen(ids: readonly string[]): Promise<ReadonlySet<string>> {
    const seen = new Set<string>();
    for (let i = 0; i < ids.length; i += 1000)
      for (const { id } of (await this.#store.list(this.#within({ id: ids.slice(i, i + 1000) }), ALL)).jobs)
        seen.add(id);
    return seen;
  }

  /** What a job comes from may be out of reach. */
  async #shown(jobs: readonly Job[]): Promise<Job[]> {
    const named = new Set(jobs.flatMap(({ parentId, replayOf }) => [parentId, replayOf]));
    named.delete(null);
    const seen = await this.#seen([...named] as string[]);
    const orNull = (id: string | null) => (id !== null && seen.has(id) ? id : null);
    return jobs.map((job) => ({
      ...{ ...job, parentId: orNull(job.parentId), replayOf: orNull(job.replayOf) },
      tenant: job.tenant === this.#reach.own ? null : job.tenant,
    }));
  }

  /** Whoever may change a parent may cancel what belongs to it, whatever tenant that names. */
  async #target(target: Target): Promise<Target> {
    if ('filter' in target) return { filter: this.#within(target.filter) };
    const filter = this.#within({ id: [...target.ids] });
    if (!target.tree) return { filter };
    const { jobs } = await this.#store.list(filter, ALL);
    return { ids: jobs.map(({ id }) => id), tree: true };
  }

  async #insert<T extends InsertOutcome[] | null>(
    given: readonly NewJob[],
    insert: (jobs: readonly NewJob[]) => Promise<T>,
  ): Promise<T> {
    const parents = await this.#parentsOf(given);
    const jobs = given.map((job) => this.#owned(job, parents));
    const lost = new Set(jobs.filter(({ parentId }) => parentId !== null && !parents.has(parentId)));
    const outcomes = await insert(jobs.filter((job) => !lost.has(job)));
    if (outcomes === null) return outcomes;
    const known = await this.#known(outcomes);
    const answers = outcomes[Symbol.iterator]();
    return jobs.map((job): InsertOutcome => {
      if (lost.has(job)) return { kind: 'no-parent', id: job.id };
      const outcome = answers.next().value!;
      if ('status' in outcome && outcome.kind !== 'parent-ended' && !known.has(holderOf(outcome)))
        throw beyondReach('options.key', 'taken by a job elsewhere', 'a key of its own');
      return outcome;
    }) as T;
  }

  /** The parents that may be named, with their tenants: those that are seen, and batches of the same call. */
  async #parentsOf(jobs: readonly NewJob[]): Promise<Map<string, string | null>> {
    const own = new Map(jobs.flatMap(({ id, batch, tenant }) => (batch ? [[id, tenant] as const] : [])));
    const ids = [...new Set(jobs.flatMap(({ parentId }) => parentId ?? []))].filter((id) => !own.has(id));
    for (let i = 0; i < ids.length; i += 1000) {
      const page = await this.#store.list(this.#within({ id: ids.slice(i, i + 1000) }), ALL);
      for (const { id, tenant } of page.jobs) own.set(id, tenant);
    }
    return own;
  }

  /** Keys are apart for each tenant, not for each queue. */
  async #known(outcomes: readonly InsertOutcome[]): Promise<ReadonlySet<string>> {
    return this.#seen([...new Set(outcomes.flatMap((outcome) => ('status' in outcome ? holderOf(outcome) : [])))]);
  }

  /** @throws BEYOND_REACH. */
  #owned(job: NewJob, parents: ReadonlyMap<string, string | null>): NewJob {
    const { tenants } = this.#reach;
    if (!this.#made.has(job.id))
      throw beyondReach('options.id', `"${job.id}"`, 'nothing: callers that are bound get an id');
    if (job.type === BULK_TYPE) return { ...job, tenant: this.#reach.own! };
    this.#mustBeOwnQueue(job.queue, 'options.queue');
    for (const callback of job.batch?.callbacks ?? []) this.#mustBeOwnQueue(callback.job.queue, 'options.queue');
    if (tenants === null) {
      if (job.key !== null && job.onConflict === 'replace')
        throw beyondReach(
          'options.onConflict',
          '"replace"',
          'return, reject: the key may be that of a job in another queue',
        );
      return job;
    }
    const inherited = job.parentId === null ? null : parents.get(job.parentId);
    const tenant = job.tenant ?? inherited ?? (tenants.length === 1 ? tenants[0]! : null);
    if (tenant === null || !tenants.includes(tenant))
      throw beyondReach('options.tenant', tenant === null ? 'missing' : `"${tenant}"`, tenants.join(', '));
    const batch = job.batch && {
      ...job.batch,
      callbacks: job.batch.callbacks.map((callback) => ({ ...callback, job: { ...callback.job, tenant } })),
    };
    return { ...job, tenant, ...(batch ? { batch } : {}) };
  }

  #mustBeOwnQueue(name: string, field: string): void {
    const { queues } = this.#reach;
    if (queues !== null && !queues.includes(name)) throw beyondReach(field, `"${name}"`, queues.join(', '));
  }
}

const holderOf = (outcome: InsertOutcome): string => ('existing' in outcome ? outcome.existing : outcome.id);

const wholeOnly = (what: string) =>
  beyondReach(
    'caller',
    `bound, and ${what} belongs to the system as a whole`,
    'callers that see all queues and tenants',
  );

const refused = (what: string) => (): never => {
  throw wholeOnly(what);
};
