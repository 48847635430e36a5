/** Why a job does not run: every reason, through real stores and real workers. */
import { type JobExplanation, type JobManager, job, type Reason, ThreadPool } from 'backline';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { embedded18, freshSchema, type Server, startServer } from './conformance/postgres.ts';
import { codeOf, freshFile, startManager } from './managers.ts';
import { aborted } from './mock-job-executor.ts';
import { signal, until } from './wait.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

const DATABASES = [
  ['SQLite', () => freshFile()],
  ['PostgreSQL', () => freshSchema(server)],
] as const;

const codesOf = ({ reasons }: JobExplanation): string[] => reasons.map(({ code }) => code);
const reasonOf = <C extends Reason['code']>(found: JobExplanation, code: C) =>
  found.reasons.find((reason): reason is Extract<Reason, { code: C }> => reason.code === code)!;

describe.each(DATABASES)('on %s', (_, fresh) => {
  /** A worker whose jobs wait until they are let go, and a client of another process. */
  const pair = async (options: Parameters<typeof startManager>[0] = {}) => {
    const url = fresh();
    const go = signal();
    const wait = job({ run: (_: unknown, { signal }) => Promise.race([go.reached, aborted(signal)]) });
    const fail = job({
      run: () => {
        throw new TypeError('no such file');
      },
    });
    const jobs = { wait, fail, quick: job({ run: (payload: unknown) => payload }) };
    const worker = await startManager({ jobs, processId: 'w1', retryDelay: 3_600_000, ...options }, url);
    const client = await startManager({ worker: false }, url);
    onTestFinished(() => go.reach());
    return { url, worker, client, go };
  };
  const running = (client: Pick<JobManager, 'get'>, id: string) =>
    until(async () => (await client.get(id))?.status === 'running');
  const ended = (client: Pick<JobManager, 'get'>, id: string) =>
    until(async () => !['created', 'queued', 'running'].includes((await client.get(id))!.status));

  test('a job that does not exist is an error', async () => {
    const { client } = await pair();
    expect(await codeOf(() => client.explain('nobody'))).toBe('JOB_NOT_FOUND');
  });

  test('without a worker alive, it says so, and beside it what else holds the job back', async () => {
    const client = await startManager({ worker: false }, fresh());
    const { id } = await client.enqueue('mail', {}, { delay: '1h' });
    const found = await client.explain(id);
    expect(found).toMatchObject({ id, type: 'mail', queue: 'default', status: 'scheduled' });
    expect(codesOf(found)).toEqual(['delayed', 'no-worker']);
    expect(reasonOf(found, 'delayed')).toMatchObject({ runAt: (await client.get(id))!.runAt });
    expect(reasonOf(found, 'delayed').says).toMatch(/^Its time is 20.*Z, in 59 min\.$/);
    expect(reasonOf(found, 'no-worker').next).toMatch(/backline work/);
  });

  test('a paused queue is told with who, why, since when and until when', async () => {
    const { client } = await pair();
    const until = client.now() + 3_600_000;
    const before = client.now();
    await client.pauseQueue('default', { reason: 'the server is down', actor: 'ada', until });
    const { id } = await client.enqueue('quick');
    const found = await client.explain(id);
    expect(codesOf(found)).toEqual(['queue-paused']);
    const reason = reasonOf(found, 'queue-paused');
    expect(reason).toMatchObject({ queue: 'default', by: 'ada', reason: 'the server is down', until });
    expect(reason.since).toBeGreaterThanOrEqual(before - 1000);
    expect(reason.says).toMatch(/^The queue "default" is paused by ada since .*Z until .*Z: the server is down\.$/);
    expect(reason.next).toBe('backline queues resume default');
  });

  test('a full queue is told with its limit and the jobs that hold it', async () => {
    const { client } = await pair();
    await client.limitQueue('default', 1);
    const holder = await client.enqueue('wait');
    await running(client, holder.id);
    const { id } = await client.enqueue('quick');
    const found = await client.explain(id);
    expect(codesOf(found)).toEqual(['queue-full']);
    expect(reasonOf(found, 'queue-full')).toMatchObject({
      limit: 1,
      running: 1,
      holders: [{ id: holder.id, type: 'wait', worker: 'w1' }],
      says: `The queue "default" runs 1 of 1 at once: ${holder.id} on w1.`,
    });
    await client.limitQueue('default', 0);
    expect(reasonOf(await client.explain(id), 'queue-full').says).toMatch(/its limit is 0/);
  });

  test('a full limit key is told with its limit and the jobs that hold it', async () => {
    const { client } = await pair();
    await client.limitKey('host', 1);
    const holder = await client.enqueue('wait', {}, { limitKey: 'host', queue: 'other' });
    await running(client, holder.id);
    const { id } = await client.enqueue('quick', {}, { limitKey: 'host' });
    const found = await client.explain(id);
    expect(codesOf(found)).toEqual(['key-full']);
    expect(reasonOf(found, 'key-full')).toMatchObject({ key: 'host', limit: 1, holders: [{ id: holder.id }] });
  });

  test('a job that is held waits for a person', async () => {
    const { client } = await pair();
    const { id } = await client.enqueue('quick', {}, { delay: '1h' });
    await client.pauseJob(id);
    const found = await client.explain(id);
    expect(found.status).toBe('created');
    expect(codesOf(found)).toEqual(['held', 'delayed']);
    expect(reasonOf(found, 'held').next).toBe(`backline jobs edit ${id} --release`);
  });

  test('a job between two attempts says which failed, of how many, with what, and when the next begins', async () => {
    const { client } = await pair();
    const { id } = await client.enqueue('fail', {}, { maxAttempts: 5 });
    await until(async () => (await client.get(id))?.attempts === 1 && (await client.get(id))?.status === 'queued');
    const found = await client.explain(id);
    expect(found.status).toBe('retrying');
    expect(codesOf(found)).toEqual(['retry-wait']);
    const { runAt } = (await client.get(id))!;
    expect(reasonOf(found, 'retry-wait')).toMatchObject({
      attempts: 1,
      maxAttempts: 5,
      crashes: 0,
      error: 'no such file',
      runAt,
      says: `Attempt 1 of 5 failed (no such file); the next begins after ${new Date(runAt).toISOString()}.`,
    });
  });

  test('a type that no live worker knows is told with those that are known', async () => {
    const { client } = await pair();
    const { id } = await client.enqueue('mial');
    const found = await client.explain(id);
    expect(codesOf(found)).toEqual(['unknown-type']);
    expect(reasonOf(found, 'unknown-type')).toMatchObject({ type: 'mial' });
    expect(reasonOf(found, 'unknown-type').known).toEqual(expect.arrayContaining(['fail', 'quick', 'wait']));
  });

  test('a queue that no worker of its type serves is told with those that are served', async () => {
    const { client } = await pair({ queues: ['emails'] });
    const { id } = await client.enqueue('quick', {}, { queue: 'reports' });
    const found = await client.explain(id);
    expect(codesOf(found)).toEqual(['queue-not-served']);
    expect(reasonOf(found, 'queue-not-served')).toMatchObject({ queue: 'reports', served: ['emails'] });
  });

  test('full workers are told with their slots, and the jobs before it are counted', async () => {
    const { client } = await pair({ maxConcurrentJobs: 1 });
    const holder = await client.enqueue('wait');
    await running(client, holder.id);
    for (let i = 0; i < 3; i++) await client.enqueue('quick', i);
    const { id } = await client.enqueue('quick', 3);
    const found = await client.explain(id);
    expect(codesOf(found)).toEqual(['workers-full', 'behind']);
    expect(reasonOf(found, 'workers-full')).toMatchObject({ workers: [{ name: 'w1', slots: 1, running: 1 }] });
    expect(reasonOf(found, 'behind')).toMatchObject({ ahead: 3, atLeast: false });
    expect(reasonOf(found, 'behind').says).toBe('3 other jobs of the queue "default" come before it.');
    await client.reprioritise(id, 1);
    expect(codesOf(await client.explain(id))).toEqual(['workers-full']);
  });

  test('of more than a thousand jobs before it, it says at least so many', async () => {
    const { client } = await pair();
    await client.pauseQueue('default');
    await client.enqueueMany(Array.from({ length: 1001 }, () => ({ type: 'quick' })));
    const { id } = await client.enqueue('quick');
    const found = await client.explain(id);
    expect(codesOf(found)).toEqual(['queue-paused', 'behind']);
    expect(reasonOf(found, 'behind')).toMatchObject({ ahead: 1000, atLeast: true });
    expect(reasonOf(found, 'behind').says).toMatch(/^at least 1,000 other jobs/);
  });

  test('a pool of threads without room is told in its own process, and elsewhere the job seems about to start', async () => {
    const runner = new ThreadPool({
      module: new URL('./runners/programs/handlers.ts', import.meta.url),
      maxThreads: 1,
    });
    const url = fresh();
    const worker = await startManager({ jobs: { listens: job({ runner }) }, processId: 'w1' }, url);
    const elsewhere = await startManager({ worker: false }, url);
    const holder = await worker.enqueue('listens');
    await running(worker, holder.id);
    const { id } = await worker.enqueue('listens');
    const found = await worker.explain(id);
    expect(codesOf(found)).toEqual(['runner-full']);
    expect(reasonOf(found, 'runner-full')).toMatchObject({ slots: 1, running: 1 });
    const seen = await elsewhere.explain(id);
    expect(codesOf(seen)).toEqual(['starting']);
    expect(reasonOf(seen, 'starting')).toMatchObject({ workers: ['w1'] });
    await worker.cancelAll({ all: true });
  });

  test('a running job says where, since when, until when and how far', async () => {
    const { client } = await pair();
    const { id } = await client.enqueue('wait', {}, { timeout: '10m' });
    await running(client, id);
    const found = await client.explain(id);
    const { startedAt, timeoutAt } = (await client.get(id))!;
    expect(codesOf(found)).toEqual(['running']);
    expect(reasonOf(found, 'running')).toMatchObject({
      worker: 'w1',
      since: startedAt,
      timeoutAt,
      progress: 0,
      next: null,
    });
    expect(reasonOf(found, 'running').leaseUntil).toBeGreaterThan(found.at);
    expect(reasonOf(found, 'running').says).toMatch(
      /^It runs on w1 since .*Z, 0 % done; its time-out is .*Z; the lease/,
    );
  });

  test('a running job that was asked to stop says so first', async () => {
    const stubborn = signal();
    const url = fresh();
    const worker = await startManager({ jobs: { deaf: job({ run: () => stubborn.reached }) }, grace: '60s' }, url);
    const { id } = await worker.enqueue('deaf');
    await running(worker, id);
    await worker.cancel(id);
    expect(codesOf(await worker.explain(id))).toEqual(['cancel-requested', 'running']);
    stubborn.reach();
    await ended(worker, id);
    const found = await worker.explain(id);
    expect(reasonOf(found, 'ended')).toMatchObject({ status: 'cancelled', error: 'cancelled by request' });
    expect(reasonOf(found, 'ended').next).toBe(`To run it again: backline jobs retry ${id}`);
  });

  test('what has ended says how, when, and whether its result is kept', async () => {
    const { client } = await pair();
    const kept = await client.enqueue('quick', 7);
    const none = await client.enqueue('quick');
    const failed = await client.enqueue('fail', {}, { maxAttempts: 1 });
    for (const { id } of [kept, none, failed]) await ended(client, id);
    expect((await client.explain(kept.id)).reasons).toMatchObject([
      {
        code: 'ended',
        status: 'completed',
        hasResult: true,
        next: null,
        says: expect.stringMatching(/^It completed at .*Z\. Its result is kept\.$/),
      },
    ]);
    expect((await client.explain(failed.id)).reasons).toMatchObject([
      {
        code: 'ended',
        status: 'failed',
        error: 'no such file',
        says: expect.stringMatching(/^It failed at .*Z: no such file\.$/),
      },
    ]);
  });

  test('a batch waits for its jobs, or is open for more', async () => {
    const { client } = await pair();
    const { id } = await client.enqueueBatch({ type: 'album', open: true, jobs: [{ type: 'wait' }, { type: 'wait' }] });
    expect((await client.explain(id)).reasons).toMatchObject([{ code: 'batch-open', total: 2, unfinished: 2 }]);
    await client.sealBatch(id);
    expect((await client.explain(id)).reasons).toMatchObject([{ code: 'batch-waiting', total: 2, unfinished: 2 }]);
    await client.cancel(id);
    await ended(client, id);
    expect(codesOf(await client.explain(id))).toEqual(['ended']);
  });
});
