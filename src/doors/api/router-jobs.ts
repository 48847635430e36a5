/** Operations on jobs, carried out. */
import { doorClosing, jobNotFound, notAllowedNow } from '../../job/errors.ts';
import { api } from './base.ts';
import type { Context } from './context.ts';
import { explanationView } from './explanation.ts';
import { filterOf } from './filters.ts';
import { attemptView, enqueuedItemView, enqueuedView, jobView, logLineView } from './views.ts';

const DEFAULT_WAIT_MS = 30_000;
const LOG_LINES = 1000;

/** The job as it is now. @throws JOB_NOT_FOUND. */
export const shown = async ({ client, caller }: Context, id: string) => {
  const job = await client.get(id);
  if (!job) throw jobNotFound(id);
  return jobView(job, caller, client.now());
};

/** Why nothing happened to a job. */
const refused = async (context: Context, id: string, what: string, allowed: string) => {
  const { status } = await shown(context, id);
  return notAllowedNow(what, id, status, allowed);
};

export const jobs = {
  enqueue: api.jobs.enqueue.handler(async ({ input: { type, payload, options }, context }) =>
    enqueuedView(await context.maker.enqueue(type, payload as never, options)),
  ),
  enqueueMany: api.jobs.enqueueMany.handler(async ({ input, context }) => {
    const items = await context.maker.enqueueMany(input.jobs as Parameters<typeof context.maker.enqueueMany>[0]);
    return { jobs: items.map(enqueuedItemView) };
  }),
  list: api.jobs.list.handler(
    async ({ input: { order, limit, after, ...filter } = {}, context: { client, caller } }) => {
      const now = client.now();
      const page = await client.list(filterOf(filter, now), { order, limit, after });
      return { jobs: page.jobs.map((job) => jobView(job, caller, now)), next: page.next };
    },
  ),
  count: api.jobs.count.handler(async ({ input = {}, context: { client } }) => ({
    count: await client.count(filterOf(input, client.now())),
  })),
  get: api.jobs.get.handler(({ input: { id }, context }) => shown(context, id)),
  explain: api.jobs.explain.handler(async ({ input: { id }, context: { client } }) =>
    explanationView(await client.explain(id)),
  ),
  attempts: api.jobs.attempts.handler(async ({ input: { id }, context }) => {
    await shown(context, id);
    return { attempts: (await context.client.attempts(id)).map(attemptView) };
  }),
  logs: api.jobs.logs.handler(async ({ input: { id, after, limit = LOG_LINES }, context }) => {
    await shown(context, id);
    const lines = await context.client.logs(id, { after: positionOf(after), limit });
    const last = lines.at(-1);
    return { lines: lines.map(logLineView), next: last ? `${last.claim}:${last.n}` : (after ?? null) };
  }),
  result: api.jobs.result.handler(async ({ input: { id, timeoutMs = DEFAULT_WAIT_MS }, context, signal }) => {
    const result = context.client.result(id, { timeout: timeoutMs });
    return { id, result: (await orClosing(result, [context.closing, signal])) ?? null };
  }),
  cancel: api.jobs.cancel.handler(async ({ input: { id, ...options }, context }) => {
    if ((await context.client.cancel(id, options)) === 'no')
      throw await refused(context, id, 'cancelled', 'a job that waits or runs');
    return shown(context, id);
  }),
  retry: api.jobs.retry.handler(async ({ input: { id }, context }) => {
    if (!(await context.client.retry(id)))
      throw await refused(context, id, 'retried', 'a job that failed, timed out or was cancelled');
    return shown(context, id);
  }),
  replay: api.jobs.replay.handler(async ({ input: { id, payload }, context }) =>
    enqueuedView(await context.maker.replay(id, payload)),
  ),
  reprioritise: api.jobs.reprioritise.handler(async ({ input: { id, priority }, context }) => {
    await context.client.reprioritise(id, priority);
    return shown(context, id);
  }),
  reschedule: api.jobs.reschedule.handler(async ({ input: { id, runAt }, context }) => {
    await context.client.reschedule(id, runAt);
    return shown(context, id);
  }),
  runNow: api.jobs.runNow.handler(async ({ input: { id }, context }) => {
    await context.client.runNow(id);
    return shown(context, id);
  }),
  pause: api.jobs.pause.handler(async ({ input: { id }, context }) => {
    await context.client.pauseJob(id);
    return shown(context, id);
  }),
  resume: api.jobs.resume.handler(async ({ input: { id }, context }) => {
    await context.client.resumeJob(id);
    return shown(context, id);
  }),
  remove: api.jobs.remove.handler(async ({ input: { id }, context }) => {
    if (!(await context.client.remove(id)))
      throw await refused(context, id, 'removed', 'a job that does not run and has no children');
    return { id, removed: true as const };
  }),
};

const positionOf = (after: string | undefined) => {
  if (after === undefined) return undefined;
  const [claim, n] = after.split(':').map(Number) as [number, number];
  return { claim, n };
};

/** A wait that a closing door or a caller that went away ends. @throws DOOR_CLOSING. */
const orClosing = async <T>(wait: Promise<T>, signals: readonly (AbortSignal | undefined)[]): Promise<T> => {
  const signal = AbortSignal.any(signals.filter((one) => one !== undefined));
  let onAbort = () => {};
  const ended = new Promise<never>((_, reject) => {
    onAbort = () => reject(doorClosing());
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([wait, ended]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // Nobody waits for it any more, whatever it becomes.
    wait.catch(() => {});
    ended.catch(() => {});
  }
};
