/** Recurring jobs of an application: schedules beneath, shown as one job each. */
import { BacklineError } from '../job/backline-error.ts';
import type { Job } from '../job/job.ts';
import { ACTIVE } from '../job/states.ts';
import type { ScheduledOptions } from '../schedule/request.ts';
import type { ApplicationJob, Trigger } from './application-job.ts';
import type { FunctionPayload, Functions } from './functions.ts';
import { isFunctionType } from './functions.ts';
import type { JobManager } from './job-manager.ts';
import type { ScheduleInfo } from './schedule-info.ts';

/** What recurs: a job type with its payload, or a function of this process. */
export interface RecurringJob {
  readonly id: string;
  readonly type: string;
  readonly payload: unknown;
  readonly intervalMs: number;
  readonly maxInstances: number | undefined;
  readonly options: ScheduledOptions;
}

export class Recurring {
  readonly #manager: JobManager;
  readonly #functions: Functions;

  constructor(manager: JobManager, functions: Functions) {
    this.#manager = manager;
    this.#functions = functions;
  }

  /** A restart that says the same goes on with it, and keeps its beat; what it says else holds from now on. */
  async register({ id, type, payload, intervalMs, maxInstances, options }: RecurringJob): Promise<void> {
    const more = { ...(maxInstances !== undefined && { maxInstances }), options };
    await this.#manager.schedules.register({ id, type, payload, interval: intervalMs, ...more });
  }

  /** Whether a function of this process recurs under this id. */
  async isMine(id: string): Promise<boolean> {
    return (await this.#manager.schedules.get(id))?.type === this.#functions.type;
  }

  async get(id: string): Promise<ApplicationJob | null> {
    const schedule = await this.#manager.schedules.get(id);
    return schedule && this.#shown(schedule);
  }

  /** Those that have runs to come. */
  async list(): Promise<ApplicationJob[]> {
    const alive = (await this.#all()).filter(
      ({ nextAt, pause, problem }) => nextAt !== null || pause || problem !== null,
    );
    return Promise.all(alive.map((schedule) => this.#shown(schedule)));
  }

  /** Its runs that wait go with it; one that runs ends as it would. */
  async remove(id: string): Promise<boolean> {
    const found = await this.#manager.schedules.get(id);
    if (!found || !(await this.#manager.schedules.remove(id))) return false;
    await this.#manager.removeAll({ schedule: id, status: ['created', 'queued'] });
    if (found.type === this.#functions.type) this.#functions.drop(found.payload as FunctionPayload);
    return true;
  }

  /** @returns null if nothing recurs under this id, false if it was so already. */
  async pause(id: string, paused: boolean): Promise<boolean | null> {
    const found = await this.#manager.schedules.get(id);
    if (!found) return null;
    if ((found.pause !== null) === paused) return false;
    try {
      await (paused ? this.#manager.schedules.pause(id) : this.#manager.schedules.resume(id));
      return true;
    } catch (error) {
      if (error instanceof BacklineError && error.code === 'SCHEDULE_NOT_FOUND') return null;
      throw error;
    }
  }

  /** Nobody can run functions whose process has ended: neither when this one ends (`own`), nor what dead ones left. */
  async forget(which: 'own' | 'lost'): Promise<void> {
    const served = new Set((await this.#manager.workers()).flatMap(({ types }) => types));
    const isMeant = (type: string) => (which === 'own' ? type === this.#functions.type : !served.has(type));
    for (const { id, type, version } of await this.#all())
      if (isFunctionType(type) && isMeant(type))
        // Another process may just be giving it a function anew.
        await this.#manager.schedules
          .remove(id, { version, actor: 'the process of its function has ended' })
          .catch(unlessChanged);
  }

  async #all(): Promise<ScheduleInfo[]> {
    const all: ScheduleInfo[] = [];
    for (let after: string | undefined; ; ) {
      const page = await this.#manager.schedules.list({ limit: 1000, ...(after !== undefined && { after }) });
      all.push(...page.schedules);
      if (page.next === null) return all;
      after = page.next;
    }
  }

  async #shown(schedule: ScheduleInfo): Promise<ApplicationJob> {
    const [latest] = (await this.#manager.list({ schedule: schedule.id }, { limit: 1 })).jobs;
    return toApplicationJob(schedule, latest ?? null);
  }
}

const toApplicationJob = (schedule: ScheduleInfo, latest: Job | null): ApplicationJob => {
  const { id, type, payload, pause, nextAt, job, createdAt } = schedule;
  const isFunction = isFunctionType(type);
  return {
    id,
    name: isFunction ? (payload as FunctionPayload).function : type,
    kind: isFunction ? 'function' : 'type',
    // As its latest run, while that is unfinished; between two runs it waits.
    status: latest && ACTIVE.includes(latest.status as (typeof ACTIVE)[number]) ? latest.status : 'queued',
    trigger: triggerOf(schedule),
    nextRunTime: nextAt === null ? null : new Date(nextAt),
    paused: pause !== null,
    attempts: latest?.attempts ?? 0,
    maxAttempts: job.maxAttempts,
    createdAt: new Date(createdAt),
    result: latest?.result ?? null,
    error: latest?.error ?? null,
  };
};

const triggerOf = ({ trigger }: ScheduleInfo): Trigger => {
  if (trigger.kind === 'interval') return { kind: 'interval', seconds: trigger.everyMs / 1000 };
  if (trigger.kind === 'cron') return { kind: 'cron', cron: trigger.cron, timeZone: trigger.timeZone };
  return { kind: 'once', at: new Date(trigger.at) };
};

const unlessChanged = (error: unknown): void => {
  if (!(error instanceof BacklineError) || error.code !== 'SCHEDULE_CHANGED') throw error;
};
