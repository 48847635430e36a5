/** Schedules, as doors may use them: `client.schedules`. */
import { BacklineError } from '../job/backline-error.ts';
import { checkOptions, flag, instant, integer, text } from '../job/check.ts';
import type { CheckedJobType, Jobs } from '../job/define.ts';
import { typeCheck } from '../job/enqueue-options.ts';
import {
  duplicateJobId,
  duplicateKey,
  invalidOption,
  scheduleChanged,
  scheduleExists,
  scheduleFull,
  scheduleNotFound,
} from '../job/errors.ts';
import { type Explanation, explain } from '../schedule/explain.ts';
import type { ScheduleCommand } from '../schedule/moves.ts';
import type { Schedule, ScheduleSource, ScheduleSpec } from '../schedule/record.ts';
import type { ScheduleChanges, ScheduleRequest } from '../schedule/request.ts';
import { checkTrigger, type TriggerOptions } from '../schedule/schedule.ts';
import { scheduleId } from '../schedule/spec.ts';
import type { HistoryPage, ScheduleOutcome } from '../store/schedule-store.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import type { SystemDefaults } from './new-job.ts';
import type { ScheduleInfo } from './schedule-info.ts';
import { checkChanges, checkRequest } from './schedule-request.ts';
import { ScheduleViews, saidBy } from './schedule-secrets.ts';

export interface SchedulesParts {
  readonly store: Store;
  readonly types: ReadonlyMap<string, CheckedJobType>;
  readonly defaults: SystemDefaults;
  readonly timeZone: string;
  readonly clock: Clock;
}

/** Who changes a schedule, and which version of it was seen. */
export interface ScheduleGuard {
  /** In the history. */
  readonly actor?: string;
  /** The change is refused if it has another by now. */
  readonly version?: number;
}

export interface RegisterOutcome {
  /** `kept`: a newer build registered it, or a person changed it since; nothing was written. */
  readonly outcome: 'added' | 'changed' | 'unchanged' | 'kept';
  readonly schedule: ScheduleInfo;
}

const ACTOR = text(200);
const VERSION = integer(1, Number.MAX_SAFE_INTEGER);
const GUARD = { actor: ACTOR, version: VERSION };
const LIMIT = integer(1, 1000);
/** How often a change is tried again that another one came before, where the caller did not say which version it saw. */
const TRIES = 10;

export class Schedules<J extends Jobs = Jobs> {
  readonly #parts: SchedulesParts;
  readonly #source: ScheduleSource;
  readonly #views: ScheduleViews;

  /** @param source who speaks, in the history of what is made. */
  constructor(parts: SchedulesParts, source: ScheduleSource = 'code') {
    this.#parts = parts;
    this.#source = source;
    this.#views = new ScheduleViews(parts.defaults.vault, parts.types);
  }

  /** The same schedules, in the name of another door. */
  from(source: ScheduleSource): Schedules<J> {
    return new Schedules(this.#parts, source);
  }

  /**
   * Makes a schedule.
   *
   * @example
   * await manager.schedules.add({ id: 'nightly', type: 'report', cron: '0 2 * * *', timeZone: 'Europe/Berlin' });
   * @throws SCHEDULE_EXISTS; UNKNOWN_JOB_TYPE, INVALID_PAYLOAD, INVALID_CRON, INVALID_TIME_ZONE, TIME_WITHOUT_ZONE, INVALID_CALENDAR,
   * INVALID_OPTION, UNKNOWN_OPTION, naming the field.
   */
  async add(request: ScheduleRequest<J>, given: { actor?: string } = {}): Promise<ScheduleInfo> {
    const { actor = null } = checkOptions({ actor: ACTOR }, given, 'options');
    const spec = await checkRequest(request, this.#source, this.#parts, this.#now());
    return this.#done(spec.id, await this.#change(spec.id, this.#said({ kind: 'add', spec, actor })));
  }

  /**
   * Makes a schedule, or changes it if the code says something else than before: for programs that say at every start what they
   * need. A pause stays, and so does what a person changed since, until the code changes. @throws as `add`, but not SCHEDULE_EXISTS.
   */
  async register(request: ScheduleRequest<J>): Promise<RegisterOutcome> {
    return this.#register(await checkRequest(request, 'code', this.#parts, this.#now()));
  }

  /** As `register`, for all that a program needs: if one of them is wrong, the error names its place, and nothing is written. */
  async registerAll(requests: readonly ScheduleRequest<J>[]): Promise<RegisterOutcome[]> {
    const specs: ScheduleSpec[] = [];
    for (const [i, request] of requests.entries()) {
      const place = `schedules[${i}]`;
      try {
        specs.push(await checkRequest(request, 'code', this.#parts, this.#now()));
      } catch (error) {
        throw error instanceof BacklineError ? error.at(place) : error;
      }
      const { id } = specs[i]!;
      if (specs.findIndex((spec) => spec.id === id) < i)
        throw invalidOption(`${place}.id`, id, 'an id that none of the others has');
    }
    const outcomes: RegisterOutcome[] = [];
    for (const spec of specs) outcomes.push(await this.#register(spec));
    return outcomes;
  }

  async #register(spec: ScheduleSpec): Promise<RegisterOutcome> {
    const outcome = await this.#change(spec.id, this.#said({ kind: 'register', spec, actor: null }));
    if (outcome.kind === 'older-build') return { outcome: 'kept', schedule: this.#views.info(outcome.schedule) };
    const schedule = this.#done(spec.id, outcome);
    return { outcome: outcome.kind as RegisterOutcome['outcome'], schedule };
  }

  /** @throws SCHEDULE_NOT_FOUND, SCHEDULE_CHANGED if `version` is given and another by now, and as `add` for what is said. */
  async update(id: string, changes: ScheduleChanges, given: ScheduleGuard = {}): Promise<ScheduleInfo> {
    const { actor = null, version = null } = checkOptions(GUARD, given, 'options');
    for (let tried = 1; ; tried++) {
      const found = await this.#found(id);
      const edit = await checkChanges(changes, found, this.#parts, this.#now());
      const guard = version ?? found.version;
      const outcome = await this.#change(id, { kind: 'update', edit, source: this.#source, actor, version: guard });
      if (outcome.kind !== 'conflict' || version !== null || tried === TRIES) return this.#done(id, outcome, guard);
    }
  }

  /** No slot runs until it is resumed, or `until`. @throws SCHEDULE_NOT_FOUND, SCHEDULE_CHANGED, INVALID_OPTION. */
  async pause(
    id: string,
    given: ScheduleGuard & { reason?: string; until?: Date | number | string } = {},
  ): Promise<ScheduleInfo> {
    const table = { ...GUARD, reason: text(1000), until: instant };
    const { actor = null, version = null, reason = null, until = null } = checkOptions(table, given, 'options');
    return this.#done(id, await this.#change(id, { kind: 'pause', actor, version, reason, until }), version);
  }

  /** The next run is in the future; what passed is treated as `missed` says. @throws SCHEDULE_NOT_FOUND, SCHEDULE_CHANGED. */
  async resume(id: string, given: ScheduleGuard = {}): Promise<ScheduleInfo> {
    const { actor = null, version = null } = checkOptions(GUARD, given, 'options');
    return this.#done(id, await this.#change(id, { kind: 'resume', actor, version }), version);
  }

  /** Its jobs and its history stay. @returns whether there was one. @throws SCHEDULE_CHANGED. */
  async remove(id: string, given: ScheduleGuard = {}): Promise<boolean> {
    const { actor = null, version = null } = checkOptions(GUARD, given, 'options');
    const outcome = await this.#change(id, { kind: 'remove', actor, version });
    if (outcome.kind === 'missing') return false;
    this.#done(id, outcome, version);
    return true;
  }

  /**
   * Starts a job of it now, beside its slots, also while it is paused; within `maxInstances`.
   * @returns the job's id. @throws SCHEDULE_NOT_FOUND, SCHEDULE_FULL, DUPLICATE_KEY.
   */
  async run(id: string, given: { actor?: string } = {}): Promise<{ readonly id: string }> {
    const { actor = null } = checkOptions({ actor: ACTOR }, given, 'options');
    const jobId = this.#parts.defaults.newId();
    const outcome = await this.#parts.store.schedules.run(checkId(id), { jobId, actor }, this.#now());
    if (outcome.kind === 'missing') throw scheduleNotFound(id);
    if (outcome.kind === 'again') return { id: outcome.jobId };
    if (outcome.kind === 'duplicate-id') throw duplicateJobId(jobId);
    const { schedule } = outcome;
    if (outcome.kind === 'full') throw scheduleFull(id, schedule.maxInstances, outcome.unfinished, outcome.oldest);
    if (outcome.kind === 'key-taken') throw duplicateKey(schedule.job.key ?? '', outcome.existing, 'is unfinished');
    return { id: outcome.jobId };
  }

  /** @returns the schedule, or null if there is none. */
  async get(id: string): Promise<ScheduleInfo | null> {
    const found = await this.#parts.store.schedules.get(checkId(id));
    return found && this.#views.info(found);
  }

  /** One page, by id. @param query `limit`: 1 to 1,000, default 100; `after`: the `next` of the page before. */
  async list(
    query: { limit?: number; after?: string; type?: string; paused?: boolean } = {},
  ): Promise<{ readonly schedules: readonly ScheduleInfo[]; readonly next: string | null }> {
    const table = { limit: LIMIT, after: scheduleId, type: typeCheck, paused: flag };
    const { limit = 100, ...rest } = checkOptions(table, query, 'query');
    const { schedules, next } = await this.#parts.store.schedules.list({ limit, ...rest });
    return { schedules: schedules.map((one) => this.#views.info(one)), next };
  }

  /** What happened to it, newest first: runs, missed and skipped slots, changes. @param query as of `list`, with `before`. */
  async history(id: string, query: { limit?: number; before?: number } = {}): Promise<HistoryPage> {
    const table = { limit: LIMIT, before: integer(0, Number.MAX_SAFE_INTEGER) };
    const { limit = 100, ...rest } = checkOptions(table, query, 'query');
    const { entries, next } = await this.#parts.store.schedules.history(checkId(id), { limit, ...rest });
    if (entries.every(({ changes }) => changes === null)) return { entries, next };
    const type = (await this.#parts.store.schedules.get(id))?.job.type;
    return { entries: entries.map((entry) => this.#views.entry(entry, type)), next };
  }

  /**
   * Its next runs, in its zone and in UTC, and what the next clock changes do to them; also while it is paused.
   * @param options `count`: 1 to 1,000, default 5. @throws SCHEDULE_NOT_FOUND; INVALID_TIME_ZONE if its zone is unknown here.
   */
  async next(id: string, options: { count?: number } = {}): Promise<Explanation> {
    const { count = 5 } = checkOptions({ count: LIMIT }, options, 'options');
    const { trigger, after } = await this.#found(id);
    return explain(trigger, Math.max(after, this.#now()), count);
  }

  /**
   * What a schedule with this trigger would do, in the zone of the system if it names none; nothing is made.
   * @param options `count`: 1 to 1,000, default 5. @throws as `add`, for the trigger.
   */
  async preview(trigger: TriggerOptions, options: { count?: number | undefined } = {}): Promise<Explanation> {
    const { count = 5 } = checkOptions({ count: LIMIT }, options, 'options');
    const now = this.#now();
    return explain(checkTrigger(trigger, now, this.#parts.timeZone), now, count);
  }

  #now(): number {
    return this.#parts.clock.now();
  }

  async #found(id: string): Promise<Schedule> {
    const found = await this.#parts.store.schedules.get(checkId(id));
    if (!found) throw scheduleNotFound(id);
    return found;
  }

  #change(id: string, command: ScheduleCommand): Promise<ScheduleOutcome> {
    return this.#parts.store.schedules.change(checkId(id), command, this.#now());
  }

  /** What code registered is told from what it says next time. */
  #said<C extends ScheduleCommand & { kind: 'add' | 'register' }>(command: C): C {
    if (command.spec.source !== 'code') return command;
    const fingerprint = saidBy(command.spec, this.#parts.defaults.vault);
    return fingerprint === undefined ? command : { ...command, fingerprint };
  }

  #done(id: string, outcome: ScheduleOutcome, version: number | null = null): ScheduleInfo {
    if (outcome.kind === 'missing') throw scheduleNotFound(id);
    if (outcome.kind === 'exists') throw scheduleExists(id);
    if (outcome.kind === 'conflict') throw scheduleChanged(id, version, outcome.schedule.version);
    return this.#views.info(outcome.schedule);
  }
}

const checkId = (id: unknown): string => scheduleId(id, 'id');
