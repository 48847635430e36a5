/** Operations on schedules, carried out. */
import type { Client } from '../../engine/client.ts';
import { scheduleNotFound } from '../../job/errors.ts';
import { api } from './base.ts';
import type { Context } from './context.ts';
import { historyEntryView, nextRunsView, scheduledJobView, scheduleView } from './schedule-views.ts';
import { iso } from './views.ts';

const LATEST_RUNS = 30;

type Verbs = Client['schedules'];

const schedulesOf = ({ client }: Context) => client.schedules.from('api');
/** Who changes it, and which version was seen. */
const guardOf = ({ caller }: Context, version: number | undefined) => ({
  actor: caller.name,
  ...(version !== undefined && { version }),
});

export const schedules = {
  list: api.schedules.list.handler(async ({ input = {}, context }) => {
    const { schedules, next } = await schedulesOf(context).list(input as object);
    const views = schedules.map((schedule) => scheduleView(schedule, context.caller));
    return { at: iso(context.client.now()), schedules: views, next };
  }),
  get: api.schedules.get.handler(async ({ input: { id }, context }) => {
    const found = await schedulesOf(context).get(id);
    if (!found) throw scheduleNotFound(id);
    return scheduleView(found, context.caller);
  }),
  add: api.schedules.add.handler(async ({ input, context }) => {
    const { actor } = guardOf(context, undefined);
    return scheduleView(
      await schedulesOf(context).add(input as Parameters<Verbs['add']>[0], { actor }),
      context.caller,
    );
  }),
  update: api.schedules.update.handler(async ({ input: { id, version, ...changes }, context }) => {
    const changed = await schedulesOf(context).update(
      id,
      changes as Parameters<Verbs['update']>[1],
      guardOf(context, version),
    );
    return scheduleView(changed, context.caller);
  }),
  remove: api.schedules.remove.handler(async ({ input: { id, version }, context }) => {
    if (!(await schedulesOf(context).remove(id, guardOf(context, version)))) throw scheduleNotFound(id);
    return { id, removed: true as const };
  }),
  pause: api.schedules.pause.handler(async ({ input: { id, version, reason, until }, context }) => {
    const given = { ...(reason !== undefined && { reason }), ...(until !== undefined && { until }) };
    const paused = await schedulesOf(context).pause(id, { ...guardOf(context, version), ...given });
    return scheduleView(paused, context.caller);
  }),
  resume: api.schedules.resume.handler(async ({ input: { id, version }, context }) =>
    scheduleView(await schedulesOf(context).resume(id, guardOf(context, version)), context.caller),
  ),
  run: api.schedules.run.handler(async ({ input: { id }, context }) =>
    context.maker.schedules.from('api').run(id, { actor: context.caller.name }),
  ),
  next: api.schedules.next.handler(async ({ input: { id, ...options }, context }) =>
    nextRunsView(await schedulesOf(context).next(id, options as object)),
  ),
  preview: api.schedules.preview.handler(async ({ input: { count, ...trigger }, context }) =>
    nextRunsView(await schedulesOf(context).preview(trigger as Parameters<Verbs['preview']>[0], { count })),
  ),
  runs: api.schedules.runs.handler(async ({ input: { ids, limit = LATEST_RUNS }, context: { client } }) => {
    const now = client.now();
    const runsOf = async (id: string) => {
      const { jobs } = await client.list({ schedule: id }, { limit });
      return { id, jobs: jobs.map((job) => scheduledJobView(job, now)) };
    };
    return { schedules: await Promise.all([...new Set(ids)].map(runsOf)) };
  }),
  history: api.schedules.history.handler(async ({ input: { id, ...query }, context }) => {
    const { entries, next } = await schedulesOf(context).history(id, query as object);
    return { entries: entries.map(historyEntryView), next };
  }),
};
