/** JobManager, what people import: puts the parts together, and starts and stops them in order. */
import { hostname } from 'node:os';
import { checkOptions, type Duration, duration } from '../job/check.ts';
import { checkJobTypes, type InputOf, type Jobs } from '../job/define.ts';
import type { EnqueueOptions } from '../job/enqueue-options.ts';
import { ADDRESSES, invalidOption, managerClosed, notStarted } from '../job/errors.ts';
import type { Job } from '../job/job.ts';
import { ACTIVE } from '../job/states.ts';
import { runnerOf } from '../runner/in-process.ts';
import type { ScheduleRequest } from '../schedule/request.ts';
import { openStore } from '../store/open.ts';
import type { ScheduleChange } from '../store/schedule-store.ts';
import type { IntegrityReport, Store, StoreChange } from '../store/store.ts';
import { offsetClock } from '../util/clock.ts';
import { newId, newOwner } from '../util/ids.ts';
import { Patience } from '../util/patience.ts';
import { hasEnded, markOf } from '../util/process.ts';
import { sleep } from '../util/sleep.ts';
import { aboutOf } from './about.ts';
import { BulkRunner } from './chores/bulk-runner.ts';
import { Pruner } from './chores/pruner.ts';
import { Rescuer } from './chores/rescuer.ts';
import { SAMPLE_MS, sampleDepths } from './chores/sampler.ts';
import { Ticker } from './chores/ticker.ts';
import { Client } from './client.ts';
import { type EventMap, type EventName, Events, emitChange, emitScheduleChange } from './events.ts';
import { type Health, healthOf, type JobStatistics, LATELY_MS, type LoopHealth, unreachable } from './health.ts';
import { logEvents, loggerOf } from './log.ts';
import { checkManagerOptions, type ManagerOptions, type ManagerSettings } from './manager-options.ts';
import { Processor } from './processor.ts';
import { Results } from './results.ts';
import { Repeater } from './service.ts';
import { closeOnSignal } from './signals.ts';
import { StoreWatch } from './store-watch.ts';
import { type Vault, vaultWith } from './vault.ts';
import { Worker } from './worker.ts';

const HINT_DELAY_MS = 2;
const PATIENCE_MS = 2000;
const ABORT_LOOK_MS = 20;

/**
 * A job manager on one database.
 *
 * @example
 * const manager = new JobManager('sqlite:data/backline.db', { jobs });
 * await manager.start();
 * await manager.enqueue('welcome', { email: 'ada@example.test' });
 */
export class JobManager<J extends Jobs = Jobs> extends Client<J> implements AsyncDisposable {
  readonly #url: string;
  readonly #settings: ManagerSettings;
  readonly #types: ReturnType<typeof checkJobTypes>;
  readonly #vault: Vault;
  readonly #events: Events;
  readonly #storeWatch: StoreWatch;
  #store: Store | undefined;
  #results: Results | undefined;
  #worker: Worker | undefined;
  #poller: Repeater | undefined;
  #chores: Repeater[] = [];
  #pruner: Pruner | undefined;
  #ticker: Ticker | undefined;
  #rescuer: Rescuer | undefined;
  #bulk: Repeater | undefined;
  #stopBulk: (() => Promise<void>) | undefined;
  #undo: (() => void)[] = [];
  #wanted = false;
  #listening = false;
  #starting: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #closed = false;

  /**
   * @param database `sqlite:path`, a path, `:memory:`, or `postgres://user:password@host:5432/database?schema=backline`.
   * @throws UNKNOWN_OPTION, INVALID_OPTION.
   */
  constructor(database: string, options: ManagerOptions<J> = {}) {
    if (typeof database !== 'string' || database === '') throw invalidOption('database', database, ADDRESSES);
    const checked = checkManagerOptions(options);
    // Where the database has a clock of its own, all machines go by that one.
    const clock = options.clock ?? offsetClock(() => self.#store?.clockOffsetMs ?? 0);
    const settings = { ...checked, clock };
    const types = checkJobTypes(options.jobs);
    const { timeoutMs, maxAttempts, maxPayloadBytes, secrets } = settings;
    const vault = vaultWith(secrets, () => self.#mustStore().where);
    super({
      get store() {
        return self.#mustStore();
      },
      get results() {
        self.#mustStore();
        return self.#results!;
      },
      ...{ types, clock: settings.clock, timeZone: settings.timeZone },
      about: () => aboutOf(self.#store?.where ?? database, settings, types.keys()),
      defaults: { timeoutMs, maxAttempts, maxPayloadBytes, newId: () => newId(settings.ids), vault },
      wake: () => {
        self.#worker?.wake();
        self.#bulk?.soon();
      },
      rooms: () => self.#worker?.rooms ?? [],
      audit: (entry) => self.audit.record(entry),
    });
    const self = this;
    this.#url = database;
    this.#settings = settings;
    this.#types = types;
    this.#vault = vault;
    const log = loggerOf(settings.logger);
    this.#events = new Events(({ error, during }) => log?.error({ err: error }, `an error during ${during}`));
    this.#storeWatch = new StoreWatch(this.#events, settings.clock);
    if (log) logEvents(this.#events, log);
  }

  /** Opens the database, migrates it, gives back what dead workers left, and starts to run jobs. Starting twice is harmless. */
  start(): Promise<void> {
    if (this.#closing) return Promise.reject(managerClosed('start()'));
    this.#starting ??= this.#start().catch((error) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /**
   * Lets running jobs end, aborts those that do not within the time, hands them back, and closes the database. Always settles.
   * @param options `timeout`: how long running jobs may go on; `shutdownTimeout` if not given.
   */
  close(options: { timeout?: Duration } = {}): Promise<void> {
    try {
      const { timeout = this.#settings.shutdownMs } = checkOptions({ timeout: duration }, options, 'options');
      this.#closing ??= this.#close(timeout);
      return this.#closing;
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Listens to an event; see `EventMap` for names and payloads. */
  on<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): this {
    this.#events.on(name, listener);
    this.#listen();
    return this;
  }

  once<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): this {
    this.#events.once(name, listener);
    this.#listen();
    return this;
  }

  off<E extends EventName>(name: E, listener: (event: EventMap[E]) => void): this {
    this.#events.off(name, listener);
    return this;
  }

  /** Every job, also those that ended. For large stores, page with `list`. */
  async getAllJobs(): Promise<Job[]> {
    return this.#collect({});
  }

  /** Jobs in `created`, `queued` or `running`. */
  async getActiveJobs(): Promise<Job[]> {
    return this.#collect({ status: ACTIVE });
  }

  getJobById(id: string): Promise<Job | null> {
    return this.get(id);
  }

  /** @returns true if the job was active, and now is cancelled or asked to stop. */
  async cancelJob(id: string): Promise<boolean> {
    return (await this.cancel(id)) !== 'no';
  }

  /** @returns true if the job had failed, timed out or been cancelled, and now runs again. */
  retryJob(id: string): Promise<boolean> {
    return this.retry(id);
  }

  /** Cancels everything that is active, and waits until what was running has ended. */
  async abortAllJobs(): Promise<void> {
    await this.cancelAll({ status: ACTIVE }, { reason: 'all jobs were aborted' });
    // Jobs that were handed in since then are not meant, and may run for long.
    const isEnding = ({ cancelRequestedAt }: Job) => cancelRequestedAt !== null;
    while ((await this.#collect({ status: 'running' })).some(isEnding)) await sleep(ABORT_LOOK_MS);
  }

  async getJobStatistics(): Promise<JobStatistics> {
    const { total, byStatus } = await this.stats();
    return { total, ...byStatus };
  }

  getSystemHealth(): Promise<Health> {
    return this.health();
  }

  /** The emitter, under the name that S1's engine has for it. */
  get jobManager(): this {
    return this;
  }

  /** S1's view of the database. */
  get db(): {
    getJobStatistics: () => Promise<JobStatistics>;
    checkIntegrity: () => Promise<IntegrityReport>;
    migrate: () => Promise<void>;
  } {
    return {
      getJobStatistics: () => this.getJobStatistics(),
      checkIntegrity: () => this.checkIntegrity(),
      // Migrations run when the database is opened; asking again is harmless.
      migrate: () => this.start(),
    };
  }

  async health(): Promise<Health> {
    const where = this.#store?.where ?? this.#url;
    try {
      const since = this.#settings.clock.now() - LATELY_MS;
      const [stats, workers, lately] = await Promise.all([this.stats(), this.workers(), this.metrics({ since })]);
      return healthOf(where, stats, workers, lately, this.#loopHealth(), this.#storeWatch.problem);
    } catch (error) {
      return unreachable(where, this.#loopHealth(), error);
    }
  }

  /** The switch for whether this process takes jobs. */
  get processor(): Processor {
    const rescue = async () => {
      this.#mustStore();
      await this.#rescuer!.run();
    };
    return new Processor({ worker: () => this.#worker, ticking: () => this.#loopHealth()!.ticking, rescue });
  }

  async #start(): Promise<void> {
    const { durability, busyMs, create, clock, leaseMs } = this.#settings;
    const onRepaired: NonNullable<Parameters<typeof openStore>[1]>['onRepaired'] = (report) =>
      this.#events.emit('store-repaired', () => report);
    const store = await openStore(this.#url, { durability, busyMs, create, onRepaired });
    this.#store = store;
    this.#results = new Results(store, () => this.#listen());
    if (this.#settings.worker || this.#wanted) this.#listen();
    try {
      await store.poll(clock.now());
      // Only asked to where no jobs run.
      this.#rescuer = new Rescuer(store, clock, this.#events, { owner: () => null, leaseMs, hasEnded });
      if (this.#settings.worker) await this.#startWorker(store);
      this.#startPolling(store);
    } catch (error) {
      await this.#release();
      throw error;
    }
  }

  async #startWorker(store: Store): Promise<void> {
    const { clock, leaseMs, cleanupMs, retention, metricsMs, handleSignals, defaultWait, pollMs } = this.#settings;
    const owner = (): string | null => this.#worker?.owner ?? null;
    const rescuer = new Rescuer(store, clock, this.#events, { owner, leaseMs, hasEnded });
    this.#rescuer = rescuer;
    // Before the first claim: what a dead worker left comes back in its old place.
    await rescuer.run();
    await this.schedules.registerAll(this.#settings.schedules as readonly ScheduleRequest<J>[]);
    const parts = { store, clock, events: this.#events, storeWatch: this.#storeWatch, vault: this.#vault, runnerOf };
    const enqueue = (type: string, payload?: unknown, options?: EnqueueOptions) =>
      this.enqueue(type, payload as InputOf<J[string]>, options);
    this.#worker = new Worker({ ...parts, enqueue }, this.#workerOptions());
    await this.#worker.start();
    this.#ticker = new Ticker({ ...parts, newId: () => newId(this.#settings.ids) });
    this.#ticker.start();
    this.#pruner = new Pruner(store, clock, retention);
    const chore = (during: string, everyMs: number, work: () => Promise<void>) => {
      const repeater = new Repeater(work, {
        everyMs,
        keepAlive: false,
        onError: (error) => this.#events.emit('error', () => ({ error, during })),
      });
      repeater.start();
      this.#chores.push(repeater);
      const leave = clock.onMove?.(() => repeater.soon());
      if (leave) this.#undo.push(leave);
      return repeater;
    };
    const bulk = new BulkRunner({ ...parts, types: this.#types, owner, defaultWait });
    this.#bulk = chore('a change of many jobs', pollMs, () => bulk.run());
    this.#stopBulk = () => {
      bulk.stop();
      return this.#bulk!.stop();
    };
    chore('the rescue of orphans', leaseMs / 4, () => rescuer.run());
    chore('the clean-up', cleanupMs, () => this.#pruner!.run());
    chore('the sample of depths', SAMPLE_MS, () => sampleDepths(store, clock, metricsMs)).soon();
    if (handleSignals) this.#undo.push(closeOnSignal(() => this.close()));
  }

  #workerOptions(): ConstructorParameters<typeof Worker>[1] {
    const { clock, queues, slots, leaseMs, defaultWait, stuckLoopMs, graceMs } = this.#settings;
    const { pollMs, progressIntervalMs, maxLogBytes, maxPayloadBytes } = this.#settings;
    const { host, pid, pidStart } = markOf(process.pid);
    const name = this.#settings.processId ?? `${hostname()}-${process.pid}`;
    const types = [...this.#types.keys()];
    const info = { owner: newOwner(name), name, host, pid, pidStart, slots, queues, types, startedAt: clock.now() };
    const times = { leaseMs, beatMs: leaseMs / 4, stuckLoopMs, graceMs, pollMs, progressIntervalMs };
    return { info, types: this.#types, defaultWait, ...times, maxLogBytes, maxPayloadBytes };
  }

  /** Polling is the truth; a hint only makes it sooner. It holds the process open only where jobs run. */
  #startPolling(store: Store): void {
    const { pollMs, worker } = this.#settings;
    const onError = (error: unknown) => this.#storeWatch.down('poll', error);
    this.#poller = new Repeater(() => this.#poll(store), { everyMs: pollMs, keepAlive: worker, onError });
    this.#poller.start();
    this.#undo.push(store.hint(() => this.#poller?.soon(HINT_DELAY_MS)));
  }

  async #poll(store: Store): Promise<void> {
    if (await store.poll(this.#settings.clock.now())) this.#worker?.wake();
    this.#storeWatch.up('poll');
  }

  /** From now on changes are heard. A program that only hands in work does not, so that nobody must write them down for it. */
  #listen(): void {
    this.#wanted = true;
    if (!this.#store || this.#listening) return;
    this.#listening = true;
    this.#undo.push(this.#store.watch((changes) => this.#heard(changes)));
    const tell = (change: ScheduleChange) => emitScheduleChange(this.#events, change);
    this.#undo.push(this.#store.schedules.watch((changes) => changes.forEach(tell)));
    // At once, so that what this process hands in from now on is heard whoever runs it; if it fails, the poller tries again.
    if (this.#poller) this.#poll(this.#store).catch(() => this.#poller?.soon());
  }

  #heard(changes: readonly StoreChange[]): void {
    for (const change of changes) {
      this.#worker?.heard(change);
      this.#results?.heard(change);
      emitChange(this.#events, change);
    }
  }

  async #close(timeoutMs: number): Promise<void> {
    await this.#starting?.catch(() => {});
    this.#pruner?.stop();
    // A database that is locked or away must not hold up the end, however many wait for it.
    const patience = new Patience(PATIENCE_MS);
    await patience.until(this.#ticker?.stop());
    // Before its lease ends, under which it hands back what is not done.
    await patience.until(this.#stopBulk?.());
    await this.#worker?.stop(timeoutMs, patience);
    await new Patience(PATIENCE_MS).until(this.#closeRunners());
    this.#closed = true;
    await this.#release(patience);
  }

  async #closeRunners(): Promise<void> {
    const runners = new Set([...this.#types.values()].map(runnerOf));
    await Promise.all([...runners].map((runner) => runner.close()));
  }

  async #release(patience = new Patience(PATIENCE_MS)): Promise<void> {
    for (const undo of this.#undo.splice(0)) undo();
    this.#results?.close();
    const stopped = [this.#poller, ...this.#chores.splice(0)].map((repeater) => repeater?.stop());
    await patience.until(Promise.all(stopped));
    await this.#store?.close();
    this.#store = undefined;
    this.#listening = false;
  }

  #mustStore(): Store {
    // What still runs may finish its work, and hand in more.
    if (this.#closed || (this.#closing && !this.#worker?.running)) throw managerClosed('a call');
    if (!this.#store) throw notStarted('a call');
    return this.#store;
  }

  #loopHealth(): LoopHealth | null {
    if (!this.#worker) return null;
    const ageMs = Math.round(this.#worker.tickAgeMs);
    const busy = this.#worker.running >= this.#settings.slots || this.#worker.paused;
    return { ticking: busy || ageMs < 10 * this.#settings.pollMs, ageMs, running: this.#worker.running };
  }

  async #collect(filter: Parameters<Client['list']>[0]): Promise<Job[]> {
    const jobs: Job[] = [];
    let after: string | undefined;
    do {
      const page = await this.list(filter, { order: 'oldest', limit: 1000, ...(after ? { after } : {}) });
      jobs.push(...page.jobs);
      after = page.next ?? undefined;
    } while (after);
    return jobs;
  }
}
