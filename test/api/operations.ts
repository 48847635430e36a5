/** What every operation of the API does, and how it refuses: the same through every door. */
import { type JobManager, job, NoRetryError, type Uploads } from 'backline';
import { expect } from 'vitest';
import { until } from '../wait.ts';
import type { Call } from './doors.ts';
import { SCHEDULE_REFUSALS, SCHEDULE_SCENARIOS } from './schedule-operations.ts';

export const jobs = {
  double: job({ run: async (n: number) => 2 * n }),
  fail: job({
    maxAttempts: 1,
    run: async (_: unknown, ctx) => {
      ctx.log.warn({ at: 3 }, 'about to fail');
      throw new NoRetryError('no luck');
    },
  }),
  chatty: job({
    run: async (_: unknown, ctx) => {
      for (let i = 0; i < 5; i++) ctx.log.info({ i }, `line ${i}`);
      ctx.progress({ done: 1, total: 2, message: 'half' });
      return null;
    },
  }),
  endless: job({
    run: (_: unknown, ctx) =>
      new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))),
  }),
};

export interface Subject {
  readonly call: Call;
  readonly manager: JobManager;
  readonly uploads: Uploads;
}

export type Scenario = (subject: Subject) => Promise<void>;

const later = { options: { delay: '1h' } };
const idsOf = ({ jobs }: { jobs: { id: string }[] }): string[] => jobs.map(({ id }) => id);

/** Makes jobs that wait, in this order. */
const waiting = async ({ manager }: Subject, ...ids: string[]): Promise<void> => {
  for (const id of ids) await manager.enqueue('double', 1, { id, delay: '1h' });
};

const failed = async ({ manager }: Subject, id: string): Promise<void> => {
  await manager.enqueue('fail', null, { id });
  await manager.result(id).catch(() => {});
};

export const SCENARIOS: Readonly<Record<string, Scenario>> = {
  'a job is handed in, followed, and answers': async ({ call, manager }) => {
    const { id, seq, outcome } = await call('jobs.enqueue', { type: 'double', payload: 21 });
    expect({ seq, outcome }).toEqual({ seq: 1, outcome: 'inserted' });
    expect(await call('jobs.result', { id, timeoutMs: 10_000 })).toEqual({ id, result: 42 });
    expect(await call('jobs.get', { id })).toMatchObject({
      ...{ id, type: 'double', status: 'completed', shown: 'completed', payload: 21, result: 42, progress: 100 },
      ...{ allowed: ['replay', 'remove'], createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) },
    });
    const { attempts } = await call('jobs.attempts', { id });
    expect(attempts).toMatchObject([{ attempt: 1, life: 1, outcome: 'completed', worker: 'reader-1', error: null }]);
    expect((await manager.get(id))!.completedAt).toBe(Date.parse((await call('jobs.get', { id })).completedAt));
  },

  'tokens are made, listed, renewed and ended, and the audit tells of it': async ({ call, manager }) => {
    const made = await call('tokens.create', { name: 'ci', scope: 'operate', tenants: ['ada'], expiresIn: '1h' });
    expect(made).toMatchObject({ name: 'ci', scope: 'operate', queues: null, tenants: ['ada'], revokedAt: null });
    expect(made.token).toMatch(/^bl_[0-9a-f]{16}_[\w-]{43}$/);
    const renewed = await call('tokens.rotate', { id: made.id });
    expect(renewed.token).not.toBe(made.token);
    const { token: _, ...listed } = renewed;
    expect((await call('tokens.list')).tokens).toEqual([listed]);
    expect(await call('tokens.revoke', { id: made.id })).toEqual({ id: made.id, revoked: true });
    expect((await call('tokens.list')).tokens).toMatchObject([{ id: made.id, revokedAt: expect.any(String) }]);
    const { lines, next } = await call('audit.list', { limit: 2 });
    expect(lines).toMatchObject([
      { action: 'tokens.revoke', target: made.id, actor: expect.stringContaining('this machine'), count: 1 },
      { action: 'tokens.rotate', target: made.id },
    ]);
    const rest = await call('audit.list', { after: next });
    expect(rest).toMatchObject({
      lines: [{ action: 'tokens.create', detail: { name: 'ci', tenants: ['ada'] } }],
      next: null,
    });
    expect(JSON.stringify([lines, rest])).not.toContain(made.token.slice(20));
    expect(await manager.tokens.any()).toBe(false);
  },

  'whoever calls is told who they are': async ({ call }) => {
    expect(await call('me.get')).toEqual({
      id: 'local',
      name: 'this machine',
      scope: 'admin',
      queues: null,
      tenants: null,
      signedIn: false,
    });
  },

  'the tenant of a job arrives, is shown, and is asked for': async ({ call }) => {
    const { id } = await call('jobs.enqueue', { type: 'double', payload: 1, options: { tenant: 'ada', delay: '1h' } });
    await call('jobs.enqueue', { type: 'double', payload: 1, options: { tenant: 'bob', delay: '1h' } });
    expect(await call('jobs.get', { id })).toMatchObject({ tenant: 'ada' });
    expect((await call('jobs.list', { tenant: ['ada'] })).jobs).toMatchObject([{ id }]);
    expect(await call('jobs.count', { q: 'tenant:ada,bob' })).toEqual({ count: 2 });
  },

  'secrets of a payload are masked in every answer': async ({ call }) => {
    const payload = { user: 'ada', apiKey: 'open sesame', deep: [{ password: 12345678 }] };
    const { id } = await call('jobs.enqueue', { type: 'double', payload, options: { delay: '1h' } });
    const masked = { user: 'ada', apiKey: '***', deep: [{ password: '***' }] };
    expect(await call('jobs.get', { id })).toMatchObject({ payload: masked });
    expect((await call('jobs.list')).jobs).toMatchObject([{ payload: masked }]);
  },

  'all options of a job arrive': async ({ call }) => {
    const options = {
      ...{ id: 'one', queue: 'side', priority: 2, runAt: '2100-01-01T00:00:00+01:00', maxAttempts: 7, maxCrashes: 2 },
      ...{ timeout: '2s', totalTimeout: 60_000, startTimeout: '1d', key: 'k', keyWindow: '1h', onConflict: 'reject' },
      ...{ limitKey: 'l', tags: ['a', 'b'], userInitiated: false, held: true, tenant: 'ada' },
    };
    await call('jobs.enqueue', { type: 'double', payload: 1, options });
    expect(await call('jobs.get', { id: 'one' })).toMatchObject({
      ...{ queue: 'side', priority: 2, runAt: '2099-12-31T23:00:00.000Z', maxAttempts: 7, maxCrashes: 2, held: true },
      ...{ timeoutMs: 2000, totalMs: 60_000, expiresAt: '2100-01-01T23:00:00.000Z', key: 'k', limitKey: 'l' },
      ...{ tags: ['a', 'b'], userInitiated: false, status: 'created' },
    });
  },

  'a failed job tells why, lives again, and is replayed': async (subject) => {
    const { call } = subject;
    await failed(subject, 'f');
    await expect(call('jobs.result', { id: 'f' })).rejects.toMatchObject({ code: 'JOB_FAILED' });
    const { attempts } = await call('jobs.attempts', { id: 'f' });
    expect(attempts).toMatchObject([{ attempt: 1, outcome: 'failed', error: { message: 'no luck' } }]);
    const { lines } = await call('jobs.logs', { id: 'f' });
    expect(lines).toMatchObject([{ level: 'warn', message: 'about to fail', fields: { at: 3 } }]);
    expect(await call('jobs.retry', { id: 'f' })).toMatchObject({ id: 'f', life: 2 });
    await until(async () => (await call('jobs.get', { id: 'f' })).status === 'failed');
    const again = await call('jobs.replay', { id: 'f', payload: { other: true } });
    expect(await call('jobs.get', { id: again.id })).toMatchObject({ replayOf: 'f', payload: { other: true } });
    const same = await call('jobs.replay', { id: 'f' });
    expect(await call('jobs.get', { id: same.id })).toMatchObject({ replayOf: 'f', payload: null });
  },

  'logs are read on from where they were': async ({ call }) => {
    const { id } = await call('jobs.enqueue', { type: 'chatty' });
    await call('jobs.result', { id });
    const first = await call('jobs.logs', { id, limit: 2 });
    expect(first.lines).toHaveLength(2);
    const rest = await call('jobs.logs', { id, after: first.next });
    expect(rest.lines.map(({ message }: { message: string }) => message)).toEqual(['line 2', 'line 3', 'line 4']);
    expect(await call('jobs.logs', { id, after: rest.next })).toEqual({ lines: [], next: rest.next });
    const { id: silent } = await call('jobs.enqueue', { type: 'double', ...later });
    expect(await call('jobs.logs', { id: silent })).toEqual({ lines: [], next: null });
  },

  'a waiting job is changed in every way, and each answer shows it': async (subject) => {
    const { call } = subject;
    await waiting(subject, 'w');
    expect(await call('jobs.reprioritise', { id: 'w', priority: 1 })).toMatchObject({
      priority: 1,
      shown: 'scheduled',
    });
    expect(await call('jobs.reschedule', { id: 'w', runAt: '2100-01-01T00:00:00Z' })).toMatchObject({
      runAt: '2100-01-01T00:00:00.000Z',
    });
    const held = await call('jobs.pause', { id: 'w' });
    expect(held).toMatchObject({ held: true, status: 'created' });
    expect(held.allowed).toContain('resume');
    expect(await call('jobs.resume', { id: 'w' })).toMatchObject({ held: false, status: 'queued' });
    await call('jobs.runNow', { id: 'w' });
    expect(await call('jobs.result', { id: 'w' })).toMatchObject({ result: 2 });
    expect(await call('jobs.remove', { id: 'w' })).toEqual({ id: 'w', removed: true });
    await expect(call('jobs.get', { id: 'w' })).rejects.toMatchObject({ code: 'JOB_NOT_FOUND', field: 'id' });
  },

  'jobs are cancelled: waiting, running, and with their descendants': async (subject) => {
    const { call, manager } = subject;
    await waiting(subject, 'w');
    expect(await call('jobs.cancel', { id: 'w', reason: 'enough' })).toMatchObject({
      status: 'cancelled',
      error: 'enough',
    });
    await call('jobs.enqueue', { type: 'endless', options: { id: 'r' } });
    await until(async () => (await manager.get('r'))!.status === 'running');
    const asked = await call('jobs.cancel', { id: 'r' });
    expect(asked.cancelRequestedAt ?? asked.completedAt).toMatch(/Z$/);
    await expect(call('jobs.result', { id: 'r' })).rejects.toMatchObject({ code: 'JOB_CANCELLED' });
    await waiting(subject, 'p');
    await call('jobs.enqueue', { type: 'double', options: { id: 'c', parent: 'p', delay: '1h' } });
    await call('jobs.cancel', { id: 'p', tree: true });
    expect(await call('jobs.get', { id: 'c' })).toMatchObject({ status: 'cancelled' });
  },

  'many jobs go in at once, and those that clash say why': async (subject) => {
    const { call } = subject;
    await waiting(subject, 'taken');
    const answer = await call('jobs.enqueueMany', {
      jobs: [
        { type: 'double', payload: 1, options: { id: 'a' } },
        { type: 'double', payload: 1, options: { id: 'taken' } },
        { type: 'double', payload: 1, options: { id: 'c', parent: 'nobody' } },
      ],
    });
    expect(answer.jobs).toMatchObject([
      { id: 'a', outcome: 'inserted' },
      { id: 'taken', outcome: 'rejected', error: { code: 'DUPLICATE_JOB_ID', status: 409, field: 'id' } },
      { id: 'c', outcome: 'rejected', error: { code: 'PARENT_NOT_FOUND', field: 'parent' } },
    ]);
    expect(await call('jobs.count', {})).toEqual({ count: 2 });
  },

  'jobs are listed page by page, by fields, by words, and by both': async (subject) => {
    const { call, manager } = subject;
    await waiting(subject, 'a', 'b', 'c', 'd');
    await manager.enqueue(
      'double',
      { user: { id: 42 } },
      { id: 'e', queue: 'side', tags: ['t'], priority: 1, delay: '1h' },
    );
    await failed(subject, 'f');
    const first = await call('jobs.list', { limit: 4 });
    expect(idsOf(first)).toEqual(['f', 'e', 'd', 'c']);
    const second = await call('jobs.list', { limit: 4, after: first.next });
    expect([idsOf(second), second.next]).toEqual([['b', 'a'], null]);
    const found = async (filter: object) => idsOf(await call('jobs.list', { order: 'oldest', ...filter }));
    expect(await found({ status: ['failed', 'cancelled'] })).toEqual(['f']);
    expect(await found({ type: ['double'], queue: ['side'], priority: [1], userInitiated: true, tag: 't' })).toEqual([
      'e',
    ]);
    expect(await found({ id: ['a', 'd'] })).toEqual(['a', 'd']);
    expect(await found({ q: 'payload.user.id:42' })).toEqual(['e']);
    expect(await found({ q: 'status:queued', id: ['a', 'f'] })).toEqual(['a']);
    expect(await found({ error: 'LUCK' })).toEqual(['f']);
    expect(await found({ createdAfter: '2000-01-01T00:00:00Z', createdBefore: '2001-01-01T00:00:00+05:30' })).toEqual(
      [],
    );
    expect(await call('jobs.count', { q: 'status:queued,failed' })).toEqual({ count: 6 });
    expect(await call('jobs.count')).toEqual({ count: 6 });
    expect((await call('jobs.list')).jobs).toHaveLength(6);
  },

  'a batch is handed in, kept open, sealed, and ends': async ({ call }) => {
    const { id, jobs } = await call('batches.enqueue', {
      type: 'album',
      ...{ jobs: [{ type: 'double', payload: 1 }], open: true, failurePolicy: { atLeast: 1 }, payload: { name: 'x' } },
      onEnd: { type: 'double', payload: 5, options: { queue: 'side' } },
    });
    expect(jobs).toMatchObject([{ outcome: 'inserted' }]);
    const open = await call('jobs.get', { id });
    expect(open).toMatchObject({ status: 'running', batch: { open: true, policy: { atLeast: 1 }, total: 1 } });
    expect(open.allowed).toContain('seal');
    await call('jobs.enqueue', { type: 'double', payload: 2, options: { parent: id } });
    await call('batches.seal', { id });
    expect((await call('jobs.result', { id })).result).toMatchObject({ total: 2, completed: 2 });
    await expect(call('jobs.enqueue', { type: 'double', options: { parent: id } })).rejects.toMatchObject({
      code: 'BATCH_ENDED',
    });
  },

  'many jobs are changed by a filter': async (subject) => {
    const { call } = subject;
    await waiting(subject, 'a', 'b', 'c');
    expect(await call('bulk.cancel', { which: { id: ['a', 'b'] }, reason: 'x' })).toEqual({
      cancelled: 2,
      requested: 0,
    });
    expect(await call('bulk.retry', { which: { q: 'status:cancelled id:a' } })).toEqual({ done: 1 });
    await until(async () => (await call('jobs.get', { id: 'a' })).status === 'completed');
    expect(await call('bulk.remove', { which: { status: ['cancelled'] } })).toEqual({ done: 1 });
    expect(await call('bulk.remove', { which: { all: true } })).toEqual({ done: 2 });
    expect(await call('jobs.count', {})).toEqual({ count: 0 });
  },

  'a change of many jobs is looked at, begun as a job, and waited for': async ({ call, manager }) => {
    await manager.pauseQueue('default');
    await manager.enqueueMany([1, 2, 3].map((n) => ({ type: 'double', payload: n, options: { queue: 'default' } })));
    const which = { q: 'type:double status:queued' };
    const action = { kind: 'reschedule', runAt: '2099-01-01T00:00:00+01:00' } as const;
    const { snapshotAt, count, ...rest } = await call('bulk.preview', { which, action });
    expect({ count, ...rest }).toMatchObject({ count: 3, byStatus: { queued: 3 }, skipped: {} });
    expect(rest.oldest).toMatch(/Z$/);
    const { id } = await call('bulk.start', { which, action, snapshotAt, expected: count });
    expect(await call('jobs.result', { id, timeoutMs: 10_000 })).toEqual({ id, result: { done: 3, skipped: {} } });
    const moved = await call('jobs.list', { type: ['double'] });
    expect(moved.jobs.map(({ runAt }: { runAt: string }) => runAt)).toEqual(Array(3).fill('2098-12-31T23:00:00.000Z'));
    await expect(call('bulk.start', { which, action, expected: 9 })).rejects.toMatchObject({ code: 'BULK_CHANGED' });
    const removal = await call('bulk.start', { which: { type: ['double'] }, action: { kind: 'remove' } });
    expect((await call('jobs.result', { id: removal.id })).result).toEqual({ done: 3, skipped: {} });
  },

  'why a job does not run is told': async ({ call, manager }) => {
    const { id } = await manager.enqueue('double', 1, { delay: '1h' });
    await manager.pauseQueue('default', { reason: 'night' });
    expect(await call('jobs.explain', { id })).toMatchObject({
      ...{ id, status: 'scheduled' },
      reasons: [
        { code: 'delayed', runAt: expect.stringMatching(/Z$/) },
        { code: 'queue-paused', reason: 'night', since: expect.stringMatching(/Z$/), until: null },
      ],
    });
    await expect(call('jobs.explain', { id: 'nobody' })).rejects.toMatchObject({ code: 'JOB_NOT_FOUND' });
  },

  'queues are listed, paused, resumed and limited': async (subject) => {
    const { call, manager } = subject;
    await manager.enqueue('double', 1, { queue: 'letters', held: true });
    const until = '2100-01-01T00:00:00.000Z';
    expect(await call('queues.pause', { name: 'letters', reason: 'too many', until })).toMatchObject({
      ...{ name: 'letters', paused: true, pausedReason: 'too many', pausedUntil: until, pausedBy: 'this machine' },
    });
    expect(await call('queues.limit', { name: 'letters', maxRunning: 3 })).toMatchObject({ maxRunning: 3 });
    expect((await call('queues.list')).queues).toMatchObject([
      { name: 'letters', paused: true, counts: { created: 1 } },
    ]);
    expect(await call('queues.resume', { name: 'letters' })).toMatchObject({ paused: false, pausedUntil: null });
    expect(await call('queues.limit', { name: 'letters', maxRunning: null })).toMatchObject({ maxRunning: null });
    expect(await call('queues.pause', { name: 'new' })).toMatchObject({
      ...{ name: 'new', paused: true, allowed: ['resume', 'limit'] },
    });
  },

  'a limit of a key holds jobs back': async ({ call, manager }) => {
    expect(await call('limits.set', { key: 'a/b c?', maxRunning: 1 })).toEqual({ key: 'a/b c?', maxRunning: 1 });
    const endless = { type: 'endless', options: { limitKey: 'a/b c?' } };
    await call('jobs.enqueueMany', { jobs: [endless, endless] });
    await until(async () => (await manager.count({ status: 'running' })) === 1);
    await call('limits.set', { key: 'a/b c?', maxRunning: null });
    await until(async () => (await manager.count({ status: 'running' })) === 2);
    await manager.cancelAll({ all: true });
  },

  'the system tells how it is': async (subject) => {
    const { call } = subject;
    await failed(subject, 'f');
    const { id } = await call('jobs.enqueue', { type: 'double', payload: 1 });
    await call('jobs.result', { id });
    expect(await call('stats.get')).toMatchObject({
      ...{ total: 2, byStatus: { completed: 1, failed: 1, queued: 0 }, byType: { double: { completed: 1 } } },
    });
    expect((await call('workers.list')).workers).toMatchObject([{ name: 'reader-1', alive: true, slots: 4 }]);
    const metrics = await call('metrics.get', {
      stepMs: 3_600_000,
      type: 'double',
      since: '2000-01-01T00:00:00Z',
      until: '2000-01-02T00:00:00Z',
    });
    expect(metrics).toMatchObject({ since: '2000-01-01T00:00:00.000Z', stepMs: 3_600_000, total: { created: 0 } });
    expect(metrics.series).toHaveLength(24);
    expect((await call('metrics.get')).types).toMatchObject({ fail: { failed: 1 }, double: { completed: 1 } });
    const { groups, ...rest } = await call('failures.list', { limit: 5 });
    expect(rest).toMatchObject({ looked: 1, more: false, found: 1, until: expect.stringMatching(/Z$/) });
    expect(groups).toMatchObject([
      {
        ...{ pattern: 'no luck', message: 'no luck', count: 1, timeouts: 0, types: [{ name: 'fail', count: 1 }] },
        ...{ queues: [{ name: 'default', count: 1 }], samples: [{ id: 'f', type: 'fail' }] },
      },
    ]);
    expect(await call('jobs.count', { fingerprint: groups[0].fingerprint })).toEqual({ count: 1 });
    expect(await call('jobs.count', { q: `fingerprint:${groups[0].fingerprint} batch:true` })).toEqual({ count: 0 });
    const { queues } = await call('metrics.get', { perQueue: true, stepMs: 3_600_000 });
    expect(queues).toMatchObject({ default: { completed: 1, series: { failed: expect.any(Array) } } });
    expect(await call('health.get')).toMatchObject({
      ok: true,
      database: { ok: true, problem: null },
      loop: { ticking: true },
    });
    expect(await call('about.get')).toMatchObject({
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      database: {
        kind: expect.stringMatching(/^(sqlite|postgresql)$/),
        where: expect.any(String),
        durability: 'process',
      },
      ...{ timeZone: 'UTC', worker: { slots: 4, queues: null, types: ['chatty', 'double', 'endless', 'fail'] } },
      limits: { maxPayloadBytes: 65_536, maxAttempts: 3 },
      keeps: { completedMs: 604_800_000 },
      ...{ uploads: { maxBytes: 2 ** 32 }, settings: null },
    });
  },

  'what happens to jobs is followed, from where one was': async (subject) => {
    const { call, manager } = subject;
    const frames = await call('events.watch', { type: ['double'] });
    const first = frames.next();
    await manager.enqueue('chatty', null);
    await manager.enqueue('double', 21, { id: 'a' });
    const seen: { id: string; jobId: string; status: string }[] = [(await first).value];
    while (seen.at(-1)!.status !== 'completed') seen.push((await frames.next()).value);
    expect(seen.every((frame) => frame.jobId === 'a' && !('result' in frame) && !('payload' in frame))).toBe(true);
    await frames.return();
    await manager.result(await manager.enqueue('double', 2, { id: 'b' }));
    const rest = await call('events.watch', { lastEventId: seen.at(-1)!.id, id: ['b'], status: ['completed'] });
    expect((await rest.next()).value).toMatchObject({ kind: 'job', jobId: 'b', type: 'double', status: 'completed' });
    await rest.return();
    const other = await call('events.watch', { lastEventId: 'nonsense' });
    expect((await other.next()).value).toMatchObject({ kind: 'gap', reason: 'other-process', action: 'refetch' });
    await other.return();
  },

  'uploads are listed and shown': async ({ call, uploads }) => {
    expect(await call('uploads.list')).toEqual({ uploads: [], maxBytes: uploads.maxBytes });
    const incoming = await uploads.begin({ id: 'one', name: 'catalog.csv', bytesExpected: 100 });
    await incoming.write(Buffer.from('title\n'));
    expect(await call('uploads.get', { id: 'one' })).toMatchObject({
      ...{ id: 'one', name: 'catalog.csv', state: 'receiving', bytesReceived: 6, bytesExpected: 100, status: null },
    });
    await incoming.finish({});
    expect((await call('uploads.list', { limit: 1 })).uploads).toMatchObject([{ id: 'one', state: 'received' }]);
  },
  ...SCHEDULE_SCENARIOS,

  'a request that makes something, and comes again, makes nothing more': async (subject) => {
    const { call, manager } = subject;
    await failed(subject, 'old');
    const requests: [operation: string, input: object][] = [
      ['jobs.enqueue', { type: 'double', payload: { b: 1, a: 2 }, ...later }],
      [
        'jobs.enqueueMany',
        {
          jobs: [
            { type: 'double', ...later },
            { type: 'double', options: { parent: 'nobody' } },
          ],
        },
      ],
      ['batches.enqueue', { type: 'album', jobs: [{ type: 'double', ...later }] }],
      ['jobs.replay', { id: 'old' }],
      ['schedules.run', { id: 'hourly' }],
    ];
    await call('schedules.add', { id: 'hourly', type: 'double', interval: '1h', maxInstances: 5 });
    for (const [operation, input] of requests) {
      const first = await call(operation, input, `key-of-${operation}`);
      const before = await manager.count();
      const answers = await Promise.all([1, 2, 3].map(() => call(operation, input, `key-of-${operation}`)));
      for (const answer of answers) expect(answer).toEqual(first);
      expect(await manager.count()).toBe(before);
    }
    const [, input] = requests[0]!;
    const turned = { payload: { a: 2, b: 1 }, ...later, type: 'double' };
    expect(await call('jobs.enqueue', turned, 'key-of-jobs.enqueue')).toEqual(
      await call('jobs.enqueue', input, 'key-of-jobs.enqueue'),
    );
    for (const other of [
      { ...input, payload: 3 },
      { ...input, type: 'fail' },
    ])
      await expect(call('jobs.enqueue', other, 'key-of-jobs.enqueue')).rejects.toMatchObject({
        ...{ code: 'IDEMPOTENCY_KEY_REUSED', field: 'idempotency-key' },
      });
    await expect(call('jobs.replay', { id: 'old' }, 'key-of-jobs.enqueue')).rejects.toMatchObject({
      code: 'IDEMPOTENCY_KEY_REUSED',
    });
    await expect(call('jobs.enqueue', { type: 'nobody' }, 'wrong')).rejects.toMatchObject({ code: 'UNKNOWN_JOB_TYPE' });
    expect(await call('jobs.enqueue', input, 'wrong')).toMatchObject({ outcome: 'inserted' });
    await expect(call('jobs.enqueue', input, 'with space')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  },
};

export type Refusal = readonly [operation: string, input: unknown, code: string, field?: string];

/**
 * Operation, input → code and field. Nothing of it changes anything. The job `waits` waits, `ended` has ended, `batch` is a batch that
 * runs; the schedule `there` is paused.
 */
export const REFUSALS: readonly Refusal[] = [
  ...SCHEDULE_REFUSALS,
  ['jobs.get', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.get', { id: '../etc' }, 'INVALID_OPTION', 'id'],
  ['jobs.get', { id: 'x'.repeat(201) }, 'INVALID_OPTION', 'id'],
  ['jobs.get', { id: 'ended', more: '1' }, 'UNKNOWN_OPTION', 'more'],
  ['jobs.enqueue', {}, 'INVALID_OPTION', 'type'],
  ['jobs.enqueue', { type: 7 }, 'INVALID_OPTION', 'type'],
  ['jobs.enqueue', { type: 'nobody' }, 'UNKNOWN_JOB_TYPE', 'type'],
  ['jobs.enqueue', { type: 'double', playload: 1 }, 'UNKNOWN_OPTION', 'playload'],
  ['jobs.enqueue', { type: 'double', options: [] }, 'INVALID_OPTION', 'options'],
  ['jobs.enqueue', { type: 'double', options: { prioirty: 1 } }, 'UNKNOWN_OPTION', 'options.prioirty'],
  ['jobs.enqueue', { type: 'double', options: { tx: {} } }, 'UNKNOWN_OPTION', 'options.tx'],
  ['jobs.enqueue', { type: 'double', options: { priority: 0 } }, 'INVALID_OPTION', 'options.priority'],
  ['jobs.enqueue', { type: 'double', options: { priority: 1.5 } }, 'INVALID_OPTION', 'options.priority'],
  ['jobs.enqueue', { type: 'double', options: { priority: '1' } }, 'INVALID_OPTION', 'options.priority'],
  ['jobs.enqueue', { type: 'double', options: { queue: 'a b' } }, 'INVALID_OPTION', 'options.queue'],
  ['jobs.enqueue', { type: 'double', options: { delay: 'soon' } }, 'INVALID_OPTION', 'options.delay'],
  ['jobs.enqueue', { type: 'double', options: { delay: -1 } }, 'INVALID_OPTION', 'options.delay'],
  ['jobs.enqueue', { type: 'double', options: { timeout: true } }, 'INVALID_OPTION', 'options.timeout'],
  ['jobs.enqueue', { type: 'double', options: { runAt: '2030-01-01T00:00' } }, 'INVALID_OPTION', 'options.runAt'],
  ['jobs.enqueue', { type: 'double', options: { runAt: '2030-02-30T00:00:00Z' } }, 'INVALID_OPTION', 'runAt'],
  ['jobs.enqueue', { type: 'double', options: { delay: 1, runAt: '2030-01-01T00:00:00Z' } }, 'INVALID_OPTION', 'delay'],
  ['jobs.enqueue', { type: 'double', options: { onConflict: 'shrug' } }, 'INVALID_OPTION', 'options.onConflict'],
  ['jobs.enqueue', { type: 'double', options: { keyWindow: '1h' } }, 'INVALID_OPTION', 'keyWindow'],
  ['jobs.enqueue', { type: 'double', options: { tags: 'one' } }, 'INVALID_OPTION', 'options.tags'],
  ['jobs.enqueue', { type: 'double', options: { tags: ['a', 'b c'] } }, 'INVALID_OPTION', 'options.tags[1]'],
  ['jobs.enqueue', { type: 'double', options: { tags: Array(21).fill('t') } }, 'INVALID_OPTION', 'options.tags'],
  ['jobs.enqueue', { type: 'double', options: { id: 'waits' } }, 'DUPLICATE_JOB_ID', 'id'],
  ['jobs.enqueue', { type: 'double', options: { parent: 'nobody' } }, 'PARENT_NOT_FOUND', 'parent'],
  ['jobs.enqueue', { type: 'double', payload: 'x'.repeat(70_000) }, 'PAYLOAD_TOO_LARGE', 'payload'],
  ['jobs.enqueueMany', {}, 'INVALID_OPTION', 'jobs'],
  ['jobs.enqueueMany', { jobs: [{ type: 'double' }, { type: 'nobody' }] }, 'UNKNOWN_JOB_TYPE', 'jobs[1].type'],
  [
    'jobs.enqueueMany',
    { jobs: [{ type: 'double', options: { held: 'yes' } }] },
    'INVALID_OPTION',
    'jobs[0].options.held',
  ],
  ['jobs.enqueueMany', { jobs: Array(10_001).fill({ type: 'double' }) }, 'INVALID_OPTION', 'jobs'],
  ['jobs.list', { limit: 0 }, 'INVALID_OPTION', 'limit'],
  ['jobs.list', { limit: 1001 }, 'INVALID_OPTION', 'limit'],
  ['jobs.list', { order: 'random' }, 'INVALID_OPTION', 'order'],
  ['jobs.list', { after: 'nonsense' }, 'BAD_CURSOR', 'after'],
  ['jobs.list', { status: ['done'] }, 'INVALID_OPTION', 'status[0]'],
  ['jobs.list', { priority: [11] }, 'INVALID_OPTION', 'priority[0]'],
  ['jobs.list', { userInitiated: 'perhaps' }, 'INVALID_OPTION', 'userInitiated'],
  ['jobs.list', { createdAfter: 'yesterday' }, 'INVALID_OPTION', 'createdAfter'],
  ['jobs.list', { stauts: 'failed' }, 'UNKNOWN_OPTION', 'stauts'],
  ['jobs.list', { q: 'stauts:failed' }, 'BAD_WHERE', 'q'],
  ['jobs.list', { q: 'status:failed', status: ['failed'] }, 'INVALID_OPTION', 'status'],
  ['jobs.count', { q: 'error:"open' }, 'BAD_WHERE', 'q'],
  ['jobs.count', { limit: 1 }, 'UNKNOWN_OPTION', 'limit'],
  ['jobs.attempts', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.logs', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.logs', { id: 'ended', after: '1' }, 'INVALID_OPTION', 'after'],
  ['jobs.logs', { id: 'ended', limit: 10_001 }, 'INVALID_OPTION', 'limit'],
  ['jobs.result', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.result', { id: 'waits', timeoutMs: 1 }, 'RESULT_TIMEOUT'],
  ['jobs.result', { id: 'waits', timeoutMs: 60_001 }, 'INVALID_OPTION', 'timeoutMs'],
  ['jobs.cancel', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.cancel', { id: 'ended' }, 'NOT_ALLOWED_NOW', 'status'],
  ['jobs.cancel', { id: 'waits', reason: '' }, 'INVALID_OPTION', 'reason'],
  ['jobs.cancel', { id: 'waits', tree: 1 }, 'INVALID_OPTION', 'tree'],
  ['jobs.retry', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.retry', { id: 'ended' }, 'NOT_ALLOWED_NOW', 'status'],
  ['jobs.retry', { id: 'waits' }, 'NOT_ALLOWED_NOW', 'status'],
  ['jobs.replay', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.replay', { id: 'batch' }, 'NOT_FOR_BATCHES', 'id'],
  ['jobs.reprioritise', { id: 'waits' }, 'INVALID_OPTION', 'priority'],
  ['jobs.reprioritise', { id: 'waits', priority: 11 }, 'INVALID_OPTION', 'priority'],
  ['jobs.reprioritise', { id: 'ended', priority: 1 }, 'NOT_ALLOWED_NOW', 'status'],
  ['jobs.reprioritise', { id: 'batch', priority: 1 }, 'NOT_FOR_BATCHES', 'id'],
  ['jobs.reschedule', { id: 'waits', runAt: 5 }, 'INVALID_OPTION', 'runAt'],
  ['jobs.reschedule', { id: 'nobody', runAt: '2100-01-01T00:00:00Z' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.runNow', { id: 'ended' }, 'NOT_ALLOWED_NOW', 'status'],
  ['jobs.runNow', { id: 'waits', now: true }, 'UNKNOWN_OPTION', 'now'],
  ['jobs.pause', { id: 'ended' }, 'NOT_ALLOWED_NOW', 'status'],
  ['jobs.resume', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.remove', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['jobs.remove', { id: 'batch' }, 'NOT_ALLOWED_NOW', 'status'],
  ['batches.enqueue', { jobs: [] }, 'INVALID_OPTION', 'type'],
  ['batches.enqueue', { type: 'b', jobs: [{}] }, 'INVALID_OPTION', 'jobs[0].type'],
  [
    'batches.enqueue',
    { type: 'b', jobs: [], failurePolicy: { atLeast: 0 } },
    'INVALID_OPTION',
    'failurePolicy.atLeast',
  ],
  [
    'batches.enqueue',
    { type: 'b', jobs: [], failurePolicy: { atLeast: 1 } },
    'INVALID_OPTION',
    'failurePolicy.atLeast',
  ],
  ['batches.enqueue', { type: 'b', jobs: [], onEnd: { type: 'nobody' } }, 'UNKNOWN_JOB_TYPE', 'onEnd.type'],
  [
    'batches.enqueue',
    { type: 'b', jobs: [], onEnd: { type: 'double', options: { key: 'k' } } },
    'UNKNOWN_OPTION',
    'onEnd.options.key',
  ],
  ['batches.seal', { id: 'waits' }, 'NOT_A_BATCH', 'id'],
  ['batches.seal', { id: 'nobody' }, 'JOB_NOT_FOUND', 'id'],
  ['bulk.start', { which: {}, action: { kind: 'cancel' } }, 'FILTER_TOO_WIDE', 'filter'],
  ['bulk.preview', { which: { all: true }, action: { kind: 'burn' } }, 'INVALID_OPTION', 'action.kind'],
  ['bulk.cancel', {}, 'INVALID_OPTION', 'which'],
  ['bulk.cancel', { which: {} }, 'FILTER_TOO_WIDE', 'filter'],
  ['bulk.cancel', { which: { q: '  ' } }, 'FILTER_TOO_WIDE', 'filter'],
  ['bulk.cancel', { which: { all: false } }, 'INVALID_OPTION', 'which.all'],
  ['bulk.cancel', { which: { all: true, status: ['failed'] } }, 'INVALID_OPTION', 'which.all'],
  ['bulk.retry', { which: { status: 'failed' } }, 'INVALID_OPTION', 'which.status'],
  ['bulk.retry', { which: { q: 'x' } }, 'BAD_WHERE', 'q'],
  ['bulk.remove', { which: {} }, 'FILTER_TOO_WIDE', 'filter'],
  ['bulk.remove', { which: { stauts: [] } }, 'UNKNOWN_OPTION', 'which.stauts'],
  ['queues.pause', { name: 'a b' }, 'INVALID_OPTION', 'name'],
  ['queues.pause', { name: 'q', until: 'tomorrow' }, 'INVALID_OPTION', 'until'],
  ['queues.pause', { name: 'q', actor: 'me' }, 'UNKNOWN_OPTION', 'actor'],
  ['queues.resume', { name: 'q', why: 'x' }, 'UNKNOWN_OPTION', 'why'],
  ['queues.limit', { name: 'q' }, 'INVALID_OPTION', 'maxRunning'],
  ['queues.limit', { name: 'q', maxRunning: -1 }, 'INVALID_OPTION', 'maxRunning'],
  ['limits.set', { key: 'k', maxRunning: 'many' }, 'INVALID_OPTION', 'maxRunning'],
  ['limits.set', { key: 'k'.repeat(201), maxRunning: 1 }, 'INVALID_OPTION', 'key'],
  ['failures.list', { limit: 0 }, 'INVALID_OPTION', 'limit'],
  ['jobs.list', { fingerprint: 'x' }, 'INVALID_OPTION', 'fingerprint'],
  ['metrics.get', { stepMs: 1 }, 'INVALID_OPTION', 'stepMs'],
  ['metrics.get', { stepMs: 90_000 }, 'INVALID_OPTION'],
  ['metrics.get', { since: 'now' }, 'INVALID_OPTION', 'since'],
  ['queues.list', { x: '1' }, 'UNKNOWN_OPTION', 'x'],
  ['workers.list', { x: '1' }, 'UNKNOWN_OPTION', 'x'],
  ['stats.get', { x: '1' }, 'UNKNOWN_OPTION', 'x'],
  ['health.get', { x: '1' }, 'UNKNOWN_OPTION', 'x'],
  ['about.get', { x: '1' }, 'UNKNOWN_OPTION', 'x'],
  ['events.watch', { x: '1' }, 'UNKNOWN_OPTION', 'x'],
  ['events.watch', { status: ['done'] }, 'INVALID_OPTION', 'status[0]'],
  ['events.watch', { kind: ['gap'] }, 'INVALID_OPTION', 'kind[0]'],
  ['events.watch', { id: Array(101).fill('a') }, 'INVALID_OPTION', 'id'],
  ['events.watch', { parent: '../a' }, 'INVALID_OPTION', 'parent'],
  ['events.watch', { lastEventId: 'x'.repeat(201) }, 'INVALID_OPTION', 'lastEventId'],
  ['uploads.list', { limit: 0 }, 'INVALID_OPTION', 'limit'],
  ['uploads.get', { id: 'nobody' }, 'UPLOAD_NOT_FOUND', 'id'],
  ['uploads.get', { id: 'a_b' }, 'INVALID_OPTION', 'id'],
];
