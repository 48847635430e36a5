/**
 * Schedules as somebody has them who is bound to some queues and tenants: those whose jobs are of these. Ids of schedules are names, and
 * whether one is taken must not tell what others have: a new one begins with the tenant, or else the queue, and a colon.
 */
import { beyondReach } from '../job/errors.ts';
import type { Reach } from '../job/filter.ts';
import type { Schedule, ScheduledJob } from '../schedule/record.ts';
import type { RunOutcome, ScheduleOutcome, ScheduleStore } from '../store/schedule-store.ts';
import type { Store } from '../store/store.ts';

/** How often a change is tried again that another one came before. */
const TRIES = 10;

/** @param sees which of some jobs exist within reach. */
export const schedulesWithin = (
  { schedules }: Pick<Store, 'schedules'>,
  reach: Reach,
  sees: (id: string) => Promise<boolean>,
  refused: (what: string) => () => never,
): ScheduleStore => {
  const found = async (id: string): Promise<Schedule | null> => {
    const schedule = await schedules.get(id);
    return schedule && isWithin(schedule.job, reach) ? schedule : null;
  };

  const change: ScheduleStore['change'] = async (id, command, now) => {
    if (command.kind === 'retime' || command.kind === 'reseal') return refused('upkeep')();
    if (command.kind === 'add' || command.kind === 'register') {
      mustHaveOwnName(id, reach);
      const spec = { ...command.spec, job: owned(command.spec.job, reach) };
      const outcome = await schedules.change(id, { ...command, spec }, now);
      if ('schedule' in outcome && !isWithin(outcome.schedule.job, reach)) throw ownName(id, reach);
      return outcome;
    }
    for (let tried = 1; ; tried++) {
      const before = await found(id);
      if (!before) return { kind: 'missing' };
      const { version } = command;
      // What is changed is what was looked at.
      const guarded = { ...command, version: version ?? before.version };
      const checked =
        guarded.kind === 'update' && guarded.edit.job
          ? { ...guarded, edit: { ...guarded.edit, job: owned(guarded.edit.job, reach) } }
          : guarded;
      const outcome: ScheduleOutcome = await schedules.change(id, checked, now);
      if (outcome.kind !== 'conflict' || version !== null || tried === TRIES) return outcome;
    }
  };

  const runWith = async <T extends RunOutcome | null>(id: string, run: () => Promise<T>): Promise<T | RunOutcome> => {
    if (!(await found(id))) return { kind: 'missing' };
    const outcome = await run();
    if (outcome?.kind === 'key-taken' && !(await sees(outcome.existing)))
      throw beyondReach('options.key', 'taken by a job elsewhere', 'a key of its own');
    return outcome;
  };

  return {
    change,
    run: (id, request, now) => runWith(id, () => schedules.run(id, request, now)),
    runOnce: (once, id, request, now) => runWith(id, () => schedules.runOnce(once, id, request, now)),
    get: found,
    list: (query) => schedules.list({ ...query, within: reach }),
    // Of one that was removed nobody can say any more whose it was.
    history: async (id, query) => ((await found(id)) ? schedules.history(id, query) : { entries: [], next: null }),
    fire: refused('upkeep'),
    nextAt: refused('upkeep'),
    watch: refused('events'),
  };
};

const isWithin = ({ queue, tenant }: Pick<ScheduledJob, 'queue' | 'tenant'>, { queues, tenants }: Reach): boolean =>
  (queues === null || queues.includes(queue)) && (tenants === null || (tenant !== null && tenants.includes(tenant)));

/** @throws BEYOND_REACH. */
const owned = (job: ScheduledJob, reach: Reach): ScheduledJob => {
  const { queues, tenants } = reach;
  if (queues !== null && !queues.includes(job.queue))
    throw beyondReach('options.queue', `"${job.queue}"`, queues.join(', '));
  if (tenants === null) return job;
  const tenant = job.tenant ?? (tenants.length === 1 ? tenants[0]! : null);
  if (tenant === null || !tenants.includes(tenant))
    throw beyondReach('options.tenant', tenant === null ? 'missing' : `"${tenant}"`, tenants.join(', '));
  return { ...job, tenant };
};

const beginnings = ({ queues, tenants }: Reach): string[] => (tenants ?? queues ?? []).map((name) => `${name}:`);

const ownName = (id: string, reach: Reach) =>
  beyondReach('id', `"${id}"`, `free ids that begin with ${beginnings(reach).join(' or ')}`);

/** @throws BEYOND_REACH. */
const mustHaveOwnName = (id: string, reach: Reach): void => {
  if (!beginnings(reach).some((begin) => id.startsWith(begin))) throw ownName(id, reach);
};
