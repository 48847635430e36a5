/** The queue's own endpoints over real HTTP, on both databases. */
import { type JobManager, job } from 'backline';
import Fastify from 'fastify';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Caller, everyone } from '../src/doors/api/access.ts';
import { sendProblem } from '../src/doors/http/problems.ts';
import { addQueueEndpoints } from '../src/doors/http/queue-endpoints.ts';
import { enqueueOptionsOf, type QueueJobOptions } from '../src/doors/http/queue-words.ts';
import { startServer } from '../src/doors/http/server.ts';
import { newKey } from '../src/engine/keyring.ts';
import { embedded18, freshSchema, type Server, startServer as startPostgres } from './conformance/postgres.ts';
import { Child, endChildren } from './crash/child.ts';
import { freshFile, startManager } from './managers.ts';
import { aborted } from './mock-job-executor.ts';
import { signal, until } from './wait.ts';

let postgres: Server;
beforeAll(async () => {
  postgres = await startPostgres(embedded18);
});
afterEach(endChildren);
afterAll(() => postgres.dispose());

const DATABASES = [
  ['SQLite', () => freshFile()],
  ['PostgreSQL', () => freshSchema(postgres)],
] as const;

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever JSON it is; each test says what it must be.
  readonly body: any;
  readonly text: string;
}

const askAt = async (url: string, method: string, path: string, init: RequestInit = {}): Promise<Answer> => {
  const response = await fetch(url + path, { method, ...init });
  const text = await response.text();
  return { status: response.status, body: JSON.parse(text), text };
};

describe.each(DATABASES)('on %s', (_, fresh) => {
  const service = async (options: Parameters<typeof startManager>[0] = {}) => {
    const database = fresh();
    const go = signal();
    const full_scan = job({ run: (_: unknown, ctx) => Promise.race([go.reached, aborted(ctx.signal)]) });
    const specific_folder = job({ run: (payload: unknown) => payload });
    const fails = job({
      backoff: { kind: 'fixed', delay: 10 },
      run: () => {
        throw new TypeError('no access');
      },
    });
    const jobs = { full_scan, specific_folder, fails };
    const manager = (await startManager(
      {
        jobs,
        processId: 'processor_abc123',
        maxConcurrentJobs: 1,
        lease: '60s',
        secrets: { key: newKey() },
        ...options,
      },
      database,
    )) as JobManager;
    onTestFinished(() => go.reach());
    const server = await startServer(manager, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close());
    const ask = (method: string, path: string, init?: RequestInit) => askAt(server.url, method, path, init);
    const create = (type: string, options: QueueJobOptions, payload: unknown = {}) =>
      manager.enqueue(type, payload, enqueueOptionsOf(options));
    const is = (id: string, status: string) => until(async () => (await manager.get(id))?.status === status);
    return { database, manager, server, ask, create, is, go };
  };

  test('the processor starts with the API, and the status has the shape that was promised', async () => {
    const { ask } = await service();
    const { status, body } = await ask('GET', '/job-queue/status');
    expect(status).toBe(200);
    expect(body).toEqual({
      queue: { pending_jobs: 0, running_jobs: 0, completed_jobs: 0, failed_jobs: 0, oldest_pending_job: null },
      processor: { process_id: 'processor_abc123', running: true, thread_alive: true, shutdown_requested: false },
      is_processor_running: true,
    });
  });

  test('the figures are those of the rows, and the oldest that is pending is told', async () => {
    const { ask, create, is, manager } = await service();
    await is((await create('specific_folder', { program_id: 1 })).id, 'completed');
    await is((await create('fails', { program_id: 1, max_retries: 0 })).id, 'failed');
    await is((await create('full_scan', { program_id: 1 })).id, 'running');
    const oldest = await create('specific_folder', { program_id: 2 });
    await create('full_scan', { program_id: 2, scheduled_at: '2099-01-01T00:00:00Z' });
    await manager.pauseJob((await create('full_scan', { program_id: 2 })).id);
    await manager.pauseQueue('backline.bulk');
    await manager.bulk.start({ filter: { type: 'none' }, action: { kind: 'cancel' } });
    const { queue } = (await ask('GET', '/job-queue/status')).body;
    expect(queue).toEqual({
      pending_jobs: 3,
      running_jobs: 1,
      completed_jobs: 1,
      failed_jobs: 1,
      oldest_pending_job: { id: oldest.seq, created_at: expect.stringMatching(ISO), job_type: 'specific_folder' },
    });
  });

  test('the jobs of a program: its own only, the newest first, at most as many as asked, twenty by default', async () => {
    const { ask, create, manager } = await service();
    await manager.pauseQueue('default');
    const made = [];
    for (let i = 0; i < 25; i++) made.push(await create('specific_folder', { program_id: 1 }, { n: i }));
    await create('specific_folder', { program_id: 2 });
    await create('specific_folder', { program_id: 11 });
    const newest = made.map(({ seq }) => seq).reverse();
    const seqs = async (path: string) => (await ask('GET', path)).body.map(({ id }: { id: number }) => id);
    expect(await seqs('/job-queue/jobs/1')).toEqual(newest.slice(0, 20));
    expect(await seqs('/job-queue/jobs/1?limit=3')).toEqual(newest.slice(0, 3));
    expect(await seqs('/job-queue/jobs/1?limit=1000')).toEqual(newest);
    expect(await seqs('/job-queue/jobs/3')).toEqual([]);
    for (const limit of ['0', '-1', 'abc', '1e9', '1001', ''])
      expect(await ask('GET', `/job-queue/jobs/1?limit=${limit}`), limit).toMatchObject({
        status: 400,
        body: { code: 'INVALID_OPTION', field: 'limit' },
      });
    expect(await ask('GET', '/job-queue/jobs/1?limti=3')).toMatchObject({
      status: 400,
      body: { code: 'UNKNOWN_OPTION' },
    });
    expect(await ask('GET', '/job-queue/jobs/a%20b')).toMatchObject({ status: 400, body: { field: 'program_id' } });
  });

  test('the details of a job, through its life: pending, running and locked, failed with its retries and its error', async () => {
    const { ask, create, is, go } = await service();
    const first = async () => (await ask('GET', '/job-queue/jobs/1?limit=1')).body[0];
    const waiting = await create('full_scan', {
      program_id: 1,
      priority: 7,
      scheduled_at: '2099-01-01T00:00:00+01:00',
    });
    expect(await first()).toEqual({
      ...{ id: waiting.seq, program_id: 1, job_type: 'full_scan', status: 'pending', priority: 7, progress: 0 },
      ...{ progress_message: null, error_message: null, retry_count: 0, max_retries: 3, cancel_requested: false },
      ...{ created_at: expect.stringMatching(ISO), scheduled_at: '2098-12-31T23:00:00.000Z', started_at: null },
      ...{ completed_at: null, locked_at: null, locked_by: null },
    });
    const scan = await create('full_scan', { program_id: 1 });
    await is(scan.id, 'running');
    expect(await first()).toMatchObject({
      status: 'running',
      locked_at: expect.stringMatching(ISO),
      locked_by: 'processor_abc123',
    });
    go.reach();
    await is(scan.id, 'completed');
    expect(await first()).toMatchObject({ status: 'completed', locked_at: null, locked_by: null, retry_count: 0 });
    const failing = await create('fails', { program_id: 1, max_retries: 3 });
    await is(failing.id, 'failed');
    expect(await first()).toMatchObject({
      ...{ status: 'failed', retry_count: 3, max_retries: 3, error_message: 'no access' },
      completed_at: expect.stringMatching(ISO),
    });
  });

  test('parameters are in no answer', async () => {
    const { ask, create, manager } = await service();
    await manager.pauseQueue('default');
    const { seq } = await create(
      'full_scan',
      { program_id: 1 },
      { access_token: 'google_token', include_trashed: false },
    );
    const answers = [
      await ask('GET', '/job-queue/jobs/1'),
      await ask('GET', '/job-queue/status'),
      await ask('POST', `/job-queue/jobs/${seq}/cancel`),
    ];
    for (const { text } of answers) expect(text).not.toContain('google_token');
  });

  test('a pending job is cancelled, a running one is asked to stop, a finished one is left as it is, an unknown one is not there', async () => {
    const { ask, create, is } = await service();
    const running = await create('full_scan', { program_id: 1 });
    await is(running.id, 'running');
    const pending = await create('full_scan', { program_id: 1 });
    expect(await ask('POST', `/job-queue/jobs/${pending.seq}/cancel`)).toMatchObject({
      status: 200,
      body: { id: pending.seq, status: 'cancelled', error_message: 'cancelled by this machine' },
    });
    expect(await ask('POST', `/job-queue/jobs/${running.seq}/cancel`)).toMatchObject({ status: 200 });
    await is(running.id, 'cancelled');
    for (const { seq } of [running, pending])
      expect(await ask('POST', `/job-queue/jobs/${seq}/cancel`)).toMatchObject({
        status: 409,
        body: { code: 'NOT_ALLOWED_NOW' },
      });
    const done = await create('specific_folder', { program_id: 1 });
    await is(done.id, 'completed');
    expect((await ask('POST', `/job-queue/jobs/${done.seq}/cancel`)).status).toBe(409);
    await is(done.id, 'completed');
    expect(await ask('POST', '/job-queue/jobs/999999/cancel')).toMatchObject({
      status: 404,
      body: { code: 'JOB_NOT_FOUND' },
    });
    for (const id of ['abc', '0', '-1', '1.5', running.id])
      expect((await ask('POST', `/job-queue/jobs/${id}/cancel`)).status, id).toBe(400);
  });

  test('a stopped processor lets what runs end, and takes nothing more until it is started; both may be said twice', async () => {
    const { ask, create, is, manager, go } = await service();
    const running = await create('full_scan', { program_id: 1 });
    await is(running.id, 'running');
    const waiting = await create('specific_folder', { program_id: 1 });
    expect(await ask('POST', '/job-queue/stop-processor')).toMatchObject({
      status: 200,
      body: { processor: { running: true, shutdown_requested: true } },
    });
    expect((await ask('POST', '/job-queue/stop-processor')).status).toBe(200);
    expect((await ask('GET', '/job-queue/status')).body).toMatchObject({
      processor: { running: true, thread_alive: true, shutdown_requested: true },
      is_processor_running: true,
    });
    go.reach();
    await is(running.id, 'completed');
    await until(async () => !(await ask('GET', '/job-queue/status')).body.is_processor_running);
    expect((await ask('GET', '/job-queue/status')).body.processor).toEqual({
      ...{ process_id: 'processor_abc123', running: false, thread_alive: false, shutdown_requested: false },
    });
    // Another job comes in, and a poll or two go by.
    const another = await create('specific_folder', { program_id: 1 });
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const { id } of [waiting, another]) expect((await manager.get(id))?.status).toBe('queued');
    expect((await manager.health()).ok).toBe(true);
    for (let i = 0; i < 2; i++) expect((await ask('POST', '/job-queue/start-processor')).status).toBe(200);
    for (const { id } of [waiting, another]) await is(id, 'completed');
    expect((await ask('GET', '/job-queue/status')).body.is_processor_running).toBe(true);
  });

  test('a process that runs no jobs shows another’s processor, and cannot start one', async () => {
    const { database } = await service();
    const idle = (await startManager({ worker: false }, database)) as JobManager;
    const server = await startServer(idle, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close());
    expect((await askAt(server.url, 'GET', '/job-queue/status')).body.processor).toMatchObject({
      process_id: 'processor_abc123',
      running: true,
    });
    for (const what of ['start', 'stop'])
      expect(await askAt(server.url, 'POST', `/job-queue/${what}-processor`)).toMatchObject({
        status: 409,
        body: { code: 'NO_PROCESSOR' },
      });
  });

  test('jobs of a processor that was killed are reset, and one that runs is left alone', async () => {
    const { database, ask, create, is, manager } = await service({ maxConcurrentJobs: 1 });
    const live = await create('full_scan', { program_id: 1 });
    await is(live.id, 'running');
    const other = new Child('engine-child.ts', { file: database, name: 'other', leaseMs: 60_000 });
    await other.fact('started');
    const client = (await startManager({ worker: false }, database)) as JobManager;
    const stuck = await client.enqueue('told', {}, enqueueOptionsOf({ program_id: 1 }));
    const foreign = await client.enqueue('told', {}, enqueueOptionsOf({ program_id: 2 }));
    for (const { id } of [stuck, foreign]) await is(id, 'running');
    expect((await ask('POST', '/indexing/reset-stuck-jobs/1')).body).toEqual({
      program_id: 1,
      reset_jobs: 0,
      job_ids: [],
    });
    other.kill('SIGKILL');
    await other.ended;
    const { status, body } = await ask('POST', '/indexing/reset-stuck-jobs/1');
    expect(status).toBe(200);
    expect(body).toEqual({ program_id: 1, reset_jobs: 1, job_ids: [stuck.seq] });
    expect((await manager.get(stuck.id))?.status).toBe('queued');
    expect((await manager.get(live.id))?.status).toBe('running');
    const [row] = (await ask('GET', `/job-queue/jobs/1?limit=1`)).body;
    expect(row).toMatchObject({ id: stuck.seq, status: 'pending', locked_by: null });
  });

  test('jobs are taken by priority, the higher number first, then in order of creation, one at a time', async () => {
    const { create, manager, ask, is } = await service();
    await ask('POST', '/job-queue/stop-processor');
    const given: [number, number][] = [0, 5, 1, 5, -3, 100].map((priority, i) => [priority, i]);
    const made = [];
    for (const [priority, n] of given) made.push(await create('specific_folder', { program_id: 1, priority }, n));
    // Of two that began in one millisecond only the events tell which was first.
    const begun: string[] = [];
    manager.on('job-status-changed', ({ jobId, status }) => void (status === 'running' && begun.push(jobId)));
    await ask('POST', '/job-queue/start-processor');
    for (const { id } of made) await is(id, 'completed');
    const order = await Promise.all(begun.map(async (id) => (await manager.get(id))!));
    expect(order).toHaveLength(made.length);
    for (let i = 1; i < order.length; i++)
      expect(order[i]!.startedAt!).toBeGreaterThanOrEqual(order[i - 1]!.completedAt!);
    const shown = (await ask('GET', '/job-queue/jobs/1')).body.map(({ priority }: { priority: number }) => priority);
    expect(shown).toEqual([100, -3, 5, 1, 5, 0]);
    const ran = order.map(({ priority }) => priority);
    expect(ran).toEqual([...ran].sort((a, b) => a - b));
  });

  test('who may see one program sees no other: not its jobs, not its figures, not whether it exists', async () => {
    const { create, manager } = await service();
    await manager.pauseQueue('default');
    const own = await create('specific_folder', { program_id: 1 });
    const foreign = await create('specific_folder', { program_id: 2 });
    const bulky = await create('specific_folder', { program_id: 1 });
    const callers: Record<string, Caller> = {
      one: { ...everyone, tenants: ['1'] },
      none: { ...everyone, tenants: [] },
      reader: { ...everyone, scope: 'read' },
      queue: { ...everyone, queues: ['other'] },
    };
    const server = Fastify();
    server.setErrorHandler((error, _, reply) => sendProblem(reply, error, () => {}));
    await addQueueEndpoints(server, manager, {
      ...{ maxBytes: 1000, timeoutMs: 1000 },
      callerOf: ({ headers }) => callers[String(headers['x-caller'])]!,
    });
    onTestFinished(() => server.close());
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const as = (caller: string) => (method: string, path: string) =>
      askAt(url, method, path, { headers: { 'x-caller': caller } });
    const one = as('one');
    expect((await one('GET', '/job-queue/status')).body.queue).toMatchObject({
      pending_jobs: 2,
      oldest_pending_job: { id: own.seq },
    });
    expect((await one('GET', '/job-queue/jobs/1')).body).toHaveLength(2);
    const [hidden, missing] = [await one('GET', '/job-queue/jobs/2'), await one('GET', '/job-queue/jobs/3')];
    expect(hidden.status).toBe(404);
    expect(hidden.text.replaceAll('jobs/2', 'jobs/3')).toBe(missing.text);
    const [theirs, nobodys] = [
      await one('POST', `/job-queue/jobs/${foreign.seq}/cancel`),
      await one('POST', `/job-queue/jobs/${foreign.seq + 1000}/cancel`),
    ];
    expect(theirs.status).toBe(404);
    expect(theirs.text.replaceAll(String(foreign.seq), 'n')).toBe(
      nobodys.text.replaceAll(String(foreign.seq + 1000), 'n'),
    );
    expect((await manager.get(foreign.id))?.status).toBe('queued');
    expect((await one('POST', '/indexing/reset-stuck-jobs/2')).status).toBe(404);
    expect((await one('POST', `/job-queue/jobs/${bulky.seq}/cancel`)).status).toBe(200);
    expect((await as('none')('GET', '/job-queue/status')).body.queue).toEqual({
      ...{ pending_jobs: 0, running_jobs: 0, completed_jobs: 0, failed_jobs: 0, oldest_pending_job: null },
    });
    expect((await as('queue')('GET', '/job-queue/jobs/1')).body).toEqual([]);
    expect((await as('queue')('POST', `/job-queue/jobs/${own.seq}/cancel`)).status).toBe(404);
    for (const path of ['/job-queue/start-processor', '/job-queue/stop-processor', `/job-queue/jobs/${own.seq}/cancel`])
      expect(await as('reader')('POST', path), path).toMatchObject({ status: 403, body: { code: 'NOT_PERMITTED' } });
    expect((await as('reader')('GET', '/job-queue/status')).status).toBe(200);
  });

  test('the API answers while a job runs, and what is no request for it is refused', async () => {
    const { ask, create, is, server } = await service();
    await is((await create('full_scan', { program_id: 1 })).id, 'running');
    expect((await ask('GET', '/job-queue/status')).body.queue.running_jobs).toBe(1);
    const json = { 'content-type': 'application/json' };
    expect((await ask('POST', '/job-queue/start-processor', { headers: json, body: '{}' })).status).toBe(200);
    expect(await ask('POST', '/job-queue/start-processor', { headers: json, body: '{"now":true}' })).toMatchObject({
      status: 400,
      body: { code: 'UNKNOWN_OPTION' },
    });
    expect((await ask('POST', '/job-queue/start-processor', { headers: json, body: '{' })).status).toBe(400);
    expect(
      (await ask('POST', '/job-queue/stop-processor', { headers: { origin: 'http://elsewhere.test' } })).status,
    ).toBe(403);
    expect((await ask('GET', '/job-queue/start-processor')).status).toBe(404);
    expect((await fetch(`${server.url}/job-queue/status`)).headers.get('cache-control')).toBe('no-store');
  });
});
