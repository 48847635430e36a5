/**
 * What the compiler must accept and refuse. Nothing here runs: test/types/types.test.ts compiles it. A line after
 * `@ts-expect-error` must not compile; if it does, the compiler says that the remark is not needed.
 */
import { type } from 'arktype';
import {
  type ApplicationJob,
  type ApplicationJobs,
  type BacklineError,
  type BatchCounts,
  type Client,
  type Context,
  type Enqueued,
  getJobManager,
  type Job,
  JobManager,
  type JobPage,
  type JobScheduler,
  type Jobs,
  job,
  type Metrics,
  type MetricsPoint,
  ThreadPool,
  WorkerPool,
} from 'backline';
import * as v from 'valibot';
import { z } from 'zod';

/** True if two types are the same, not only assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const same = <A, B>(_: Same<A, B>): void => {};

// --- jobs are typed by their schema ---

const welcome = job({
  input: z.object({ email: z.email(), tries: z.coerce.number().default(1) }),
  maxAttempts: 5,
  key: (input) => input.email,
  run: async (user, ctx) => {
    same<typeof user, { email: string; tries: number }>(true);
    same<typeof ctx, Context>(true);
    return { sentAt: new Date().toISOString() };
  },
});

const analyze = job({
  input: v.pipe(
    v.object({ path: v.string() }),
    v.transform(({ path }) => ({ file: path, size: path.length })),
  ),
  run: (track) => {
    same<typeof track, { file: string; size: number }>(true);
    return track.size;
  },
});

const pay = job({
  input: type({ amount: 'number', currency: "'EUR' | 'USD'" }),
  run: (payment) => {
    same<typeof payment, { amount: number; currency: 'EUR' | 'USD' }>(true);
  },
});

const plain = job({ run: (n: number) => `${n}` });

const python = new WorkerPool<{ bpm: number }>({ command: ['python3', 'analyze.py'] });
const tempo = job({ input: z.object({ path: z.string() }), runner: python });
const anything = job({ runner: new ThreadPool({ module: 'work.js' }) });

const jobs = { welcome, analyze, pay, plain, tempo, anything };
type AppJobs = typeof jobs;

const manager = new JobManager('sqlite:data/backline.db', { jobs, maxConcurrentJobs: 5 });

export const accepted = async () => {
  const sent = await manager.enqueue('welcome', { email: 'ada@example.test' }, { delay: '5m', tags: ['new'] });
  same<typeof sent, Enqueued<{ sentAt: string }>>(true);
  const result = await manager.result(sent);
  same<typeof result, { sentAt: string }>(true);
  same<number, Awaited<ReturnType<typeof sizeOf>>>(true);
  same<string, Awaited<ReturnType<typeof textOf>>>(true);
  // What runs elsewhere has the result that its pool was given.
  same<{ bpm: number }, Awaited<ReturnType<typeof tempoOf>>>(true);
  same<unknown, Awaited<ReturnType<typeof anythingOf>>>(true);
  await manager.enqueue('pay', { amount: 5, currency: 'EUR' });
  await manager.enqueueMany([
    { type: 'welcome', payload: { email: 'bob@example.test' }, options: { priority: 1 } },
    { type: 'plain', payload: 4 },
  ]);
  const batch = await manager.enqueueBatch({
    type: 'any name',
    jobs: [{ type: 'plain', payload: 4, options: { key: 'k' } }],
    failurePolicy: { atLeast: 1 },
    onEnd: { type: 'plain', payload: { whatever: 1 }, options: { delay: '5m' } },
  });
  const counts = await manager.result(batch);
  same<typeof counts, BatchCounts>(true);
  const found: Job | null = await manager.get(sent.id);
  const page: JobPage = await manager.list({ status: ['failed', 'timeout'], payload: { 'user.id': 1 } });
  // Of a mere id nothing is known.
  same<unknown, Awaited<ReturnType<typeof manager.result>>>(true);
  return { found, page };
};

const tempoOf = async () => manager.result(await manager.enqueue('tempo', { path: 'a.flac' }));
const anythingOf = async () => manager.result(await manager.enqueue('anything', { what: 1 }));
const sizeOf = async () => manager.result(await manager.enqueue('analyze', { path: 'a.flac' }));
const textOf = async () => manager.result(await manager.enqueue('plain', 4));

export const refused = async () => {
  // @ts-expect-error a name that does not exist
  await manager.enqueue('welcom', { email: 'ada@example.test' });
  // @ts-expect-error a payload of the wrong type
  await manager.enqueue('welcome', { email: 42 });
  // @ts-expect-error a payload without its field
  await manager.enqueue('welcome', {});
  // @ts-expect-error a payload with a field too many
  await manager.enqueue('welcome', { email: 'ada@example.test', mail: 1 });
  // @ts-expect-error the input is wanted, not what the schema makes of it
  await manager.enqueue('analyze', { file: 'a.flac', size: 6 });
  // @ts-expect-error a word that is not in the schema
  await manager.enqueue('pay', { amount: 5, currency: 'DM' });
  // @ts-expect-error the payload of another job
  await manager.enqueue('plain', { email: 'ada@example.test' });
  // @ts-expect-error an option that does not exist
  await manager.enqueue('plain', 4, { prioirty: 1 });
  // @ts-expect-error an option of the wrong type
  await manager.enqueue('plain', 4, { priority: 'high' });
  // @ts-expect-error a status that does not exist
  await manager.list({ status: 'done' });
  // @ts-expect-error a name in a list
  await manager.enqueueMany([{ type: 'nope', payload: 4 }]);
  // @ts-expect-error a list is a transaction of its own
  await manager.enqueueMany([{ type: 'plain', payload: 4, options: { tx: {} } }]);
  // @ts-expect-error a name in a batch
  await manager.enqueueBatch({ type: 'b', jobs: [{ type: 'nope' }] });
  // @ts-expect-error a callback that does not exist
  await manager.enqueueBatch({ type: 'b', jobs: [], onEnd: { type: 'nope' } });
  // @ts-expect-error nothing may keep a callback from being handed in
  await manager.enqueueBatch({ type: 'b', jobs: [], onEnd: { type: 'plain', options: { key: 'k' } } });
  // @ts-expect-error a policy that does not exist
  await manager.enqueueBatch({ type: 'b', jobs: [], failurePolicy: 'never' });
  // @ts-expect-error an event that does not exist
  manager.on('job-done', () => {});
  // @ts-expect-error a field that the event does not have
  manager.on('job-progress', ({ percent }) => percent);
  // @ts-expect-error the result of another type
  const wrong: { sentAt: number } = await manager.result(
    await manager.enqueue('welcome', { email: 'ada@example.test' }),
  );
  return wrong;
};

// --- definitions ---

// @ts-expect-error a job without a handler
job({ input: z.string() });
// @ts-expect-error a handler that does not take what its schema makes
job({ input: z.object({ n: z.number() }), run: (payload: { n: string }) => payload });
// @ts-expect-error a default that does not exist
job({ run: () => 1, maxAttempt: 3 });
// @ts-expect-error a pool without options
new WorkerPool();
// @ts-expect-error a runner that does not exist
job({ run: () => 1, runner: 'moon' });
// @ts-expect-error a backoff that does not exist
job({ run: () => 1, backoff: { kind: 'sometimes', delay: 5 } });
// @ts-expect-error a key that is no text
job({ input: z.object({ n: z.number() }), key: ({ n }) => n, run: () => 1 });
// @ts-expect-error an option of the manager that does not exist
new JobManager('x.db', { jobs, maxConcurrent: 3 });

// --- ctx ---

export const neverReturns = job({
  run: (payload: { ok: boolean }, ctx) => {
    if (!payload.ok) ctx.cancel('no longer wanted');
    same<ReturnType<typeof ctx.cancel>, never>(true);
    same<ReturnType<typeof ctx.snooze>, never>(true);
    return payload.ok;
  },
});

/** The compiler knows that nothing follows a cancel: without it, `user` might be null below. */
export const narrowed = (find: (id: string) => { name: string } | null) =>
  job({
    run: (id: string, ctx: Context): string => {
      const user = find(id);
      if (!user) return ctx.cancel('no such user');
      return user.name;
    },
  });

export const progress = (ctx: Context): void => {
  ctx.progress(50);
  ctx.progress({ done: 1, total: 2, message: 'half' });
  ctx.log.info('text');
  ctx.log.warn({ fields: 1 }, 'text');
  // @ts-expect-error text is no progress
  ctx.progress('50 %');
  // @ts-expect-error fields need a message
  ctx.log.info({ fields: 1 });
};

// --- a program that only hands in work imports the type, and no handler ---

export const client = async () => {
  const only = new JobManager<AppJobs>('sqlite:data/backline.db', { worker: false });
  const size = await only.result(await only.enqueue('analyze', { path: 'b.flac' }));
  same<typeof size, number>(true);
  // @ts-expect-error a name that does not exist
  await only.enqueue('nope', 1);
  // @ts-expect-error a payload of the wrong type
  await only.enqueue('plain', 'four');
};

// --- a manager with no types at all accepts every name ---

export const untyped = async () => {
  const any = new JobManager('x.db', { worker: false });
  const handed = await any.enqueue('whatever', { any: 'thing' });
  same<typeof handed, Enqueued<unknown>>(true);
};

// --- a typed manager goes where any manager is wanted ---

export const passed = (): [Client, JobManager, Client<AppJobs>] => [manager, manager, manager];
export const schedules = (scheduler: typeof JobScheduler) => new scheduler(manager, {});
export const map: Jobs = jobs;
export const code = (error: BacklineError): string => error.code;

// --- the one manager of an application ---

const send = (to: string, options: { subject: string }) => `${to} ${options.subject}`;
const tick = () => {};
const optional = (to?: string) => to;

export const inOneProcess = async (): Promise<void> => {
  const app = getJobManager<AppJobs>();
  same<typeof app, ApplicationJobs<AppJobs>>(true);
  same<typeof app.manager, JobManager<AppJobs>>(true);
  const id = await app.addImmediateJob(send, { args: ['ada', { subject: 'hi' }], jobId: 'a' });
  same<typeof id, string>(true);
  await app.addImmediateJob(tick);
  await app.addImmediateJob(tick, { jobId: 'b', maxAttempts: 2 });
  await app.addImmediateJob(async () => 1);
  await app.addImmediateJob(optional);
  await app.addImmediateJob(optional, { args: ['ada'] });
  await app.addScheduledJob(send, new Date(), { args: ['ada', { subject: 'hi' }] });
  await app.addScheduledJob(tick, '2030-01-01T00:00:00Z');
  await app.addImmediateJob('welcome', { payload: { email: 'ada@example.test' } });
  await app.addScheduledJob('welcome', new Date(), { payload: { email: 'ada@example.test' }, key: 'ada' });
  same<Awaited<ReturnType<typeof app.getJob>>, ApplicationJob | null>(true);

  // @ts-expect-error the arguments are missing
  await app.addImmediateJob(send);
  // @ts-expect-error an argument is missing
  await app.addImmediateJob(send, { args: ['ada'] });
  // @ts-expect-error an argument has another type
  await app.addImmediateJob(send, { args: ['ada', { subject: 1 }] });
  // @ts-expect-error arguments come as a list
  await app.addImmediateJob(send, 'ada', { subject: 'hi' });
  // @ts-expect-error there is no such job type
  await app.addImmediateJob('nope');
  // @ts-expect-error the payload does not fit
  await app.addImmediateJob('welcome', { payload: { mail: 'ada' } });
  // @ts-expect-error the time is missing
  await app.addScheduledJob(tick);
  // @ts-expect-error the call says when, not the options
  await app.addImmediateJob('welcome', { payload: { email: 'ada@example.test' }, delay: '1h' });
  // @ts-expect-error it always runs jobs
  getJobManager({ worker: false });
};

export const figures = async (client: Client<AppJobs>): Promise<void> => {
  const metrics = await client.metrics({ since: new Date(), step: '5m', queue: 'default' });
  same<typeof metrics, Metrics>(true);
  same<(typeof metrics.series)[number], MetricsPoint>(true);
  same<typeof metrics.total.errorRate, number | null>(true);
  // @ts-expect-error there is no such option
  await client.metrics({ steps: 5 });
};
