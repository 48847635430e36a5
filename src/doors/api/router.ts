/** The contract, carried out: every operation is a call of the client, and its answer a view of what the client says. */
import { createRouterClient } from '@orpc/server';
import { notPermitted } from '../../job/errors.ts';
import { permits } from './access.ts';
import { actorOf } from './audited.ts';
import { api } from './base.ts';
import type { Context } from './context.ts';
import { whichOf } from './filters.ts';
import type { ApiClient, CallContext } from './http-client.ts';
import { about } from './router-about.ts';
import { audit, me, tokens } from './router-access.ts';
import { jobs, shown } from './router-jobs.ts';
import { events, uploads } from './router-live.ts';
import { schedules } from './router-schedules.ts';
import {
  enqueuedItemView,
  enqueuedView,
  failuresView,
  iso,
  metricsView,
  previewView,
  queueView,
  workerView,
} from './views.ts';

const batches = {
  enqueue: api.batches.enqueue.handler(async ({ input, context: { maker } }) => {
    const { id, seq, jobs } = await maker.enqueueBatch(input as Parameters<typeof maker.enqueueBatch>[0]);
    return { id, seq, jobs: jobs.map(enqueuedItemView) };
  }),
  seal: api.batches.seal.handler(async ({ input: { id }, context }) => {
    await context.client.sealBatch(id);
    return shown(context, id);
  }),
};

const bulk = {
  cancel: api.bulk.cancel.handler(async ({ input: { which, reason }, context: { client } }) => {
    const { cancelled, requested } = await client.cancelAll(whichOf(which, client.now()), { reason });
    return { cancelled, requested };
  }),
  retry: api.bulk.retry.handler(async ({ input: { which }, context: { client } }) => ({
    done: await client.retryAll(whichOf(which, client.now())),
  })),
  remove: api.bulk.remove.handler(async ({ input: { which }, context: { client } }) => ({
    done: await client.removeAll(whichOf(which, client.now())),
  })),
  preview: api.bulk.preview.handler(async ({ input: { which, action }, context: { client } }) =>
    previewView(await client.bulk.preview({ filter: whichOf(which, client.now()), action })),
  ),
  start: api.bulk.start.handler(async ({ input: { which, action, ...more }, context }) => {
    const { client, caller, door = 'http' } = context;
    if (action.kind === 'remove' && !permits(caller, 'admin')) throw notPermitted('bulk.start', 'admin', caller.scope);
    const request = { filter: whichOf(which, client.now()), action, ...more };
    return enqueuedView(await client.bulk.start(request, { actor: actorOf(caller), door }));
  }),
};

/** A queue is made by its first job, or by the first thing that is said of it. */
const shownQueue = async ({ client, caller }: Context, name: string) =>
  queueView((await client.queues()).find((queue) => queue.name === name)!, caller);

const queues = {
  list: api.queues.list.handler(async ({ context: { client, caller } }) => ({
    at: iso(client.now()),
    queues: (await client.queues()).map((queue) => queueView(queue, caller)),
  })),
  pause: api.queues.pause.handler(async ({ input: { name, ...options }, context }) => {
    await context.client.pauseQueue(name, { ...options, actor: context.caller.name });
    return shownQueue(context, name);
  }),
  resume: api.queues.resume.handler(async ({ input: { name }, context }) => {
    await context.client.resumeQueue(name);
    return shownQueue(context, name);
  }),
  limit: api.queues.limit.handler(async ({ input: { name, maxRunning }, context }) => {
    await context.client.limitQueue(name, maxRunning);
    return shownQueue(context, name);
  }),
};

const limits = {
  set: api.limits.set.handler(async ({ input: { key, maxRunning }, context: { client } }) => {
    await client.limitKey(key, maxRunning);
    return { key, maxRunning };
  }),
};

const workers = {
  list: api.workers.list.handler(async ({ context: { client } }) => {
    const now = client.now();
    return { at: iso(now), workers: (await client.workers()).map((worker) => workerView(worker, now)) };
  }),
};

const failures = {
  list: api.failures.list.handler(async ({ input, context: { client, caller } }) =>
    failuresView(await client.failures(input), caller),
  ),
};

const stats = {
  get: api.stats.get.handler(({ context: { client } }) => client.stats()),
};

const metrics = {
  get: api.metrics.get.handler(async ({ input: { stepMs, ...range } = {}, context: { client } }) =>
    metricsView(await client.metrics({ ...range, step: stepMs })),
  ),
};

const health = {
  get: api.health.get.handler(async ({ context: { client } }) => {
    const { ok, database, loop, queueDepth, errorRates, rates } = await client.health();
    const { ok: answers, problem, sizeBytes } = database;
    return {
      ok,
      at: iso(client.now()),
      database: { ok: answers, problem, sizeBytes },
      loop,
      queueDepth,
      errorRates,
      rates,
    };
  }),
};

export const router = api.router({
  jobs,
  batches,
  bulk,
  queues,
  limits,
  workers,
  failures,
  stats,
  metrics,
  health,
  about,
  events,
  uploads,
  schedules,
  me,
  tokens,
  audit,
});

/** The API without a wire: for the pages and for tests. Errors are thrown as they are. */
export const localClient = (context: Context): ApiClient =>
  createRouterClient(router, {
    context: ({ idempotencyKey }: CallContext) => ({ ...context, idempotencyKey }),
  });
