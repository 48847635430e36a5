/** Changes of many jobs, and why a job does not run, over HTTP and without a wire. */
import { job } from 'backline';
import { expect, onTestFinished, test } from 'vitest';
import { everyone } from '../src/doors/api/access.ts';
import { type ApiClient, createClient } from '../src/doors/api/http-client.ts';
import { localClient } from '../src/doors/api/router.ts';
import { startServer } from '../src/doors/http/server.ts';
import { refusalOf, startManager } from './managers.ts';

const served = async () => {
  const manager = await startManager({
    jobs: { idle: job({ run: () => 1 }), mail: job({ run: () => 2 }) },
    queues: ['none'],
  });
  const server = await startServer(manager, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  const clients: ApiClient[] = [createClient({ url: server.url }), localClient({ client: manager, caller: everyone })];
  return { manager, clients };
};

test('a change is looked at, begun as a job and waited for, over both', async () => {
  const { manager, clients } = await served();
  for (const api of clients) {
    await manager.enqueueMany([1, 2, 3].map((n) => ({ type: 'mail', payload: n })));
    const which = { q: 'type:mail status:queued' };
    const action = { kind: 'reschedule', runAt: '2099-01-01T00:00:00+01:00' } as const;
    const { snapshotAt, count, ...rest } = await api.bulk.preview({ which, action });
    expect({ count, ...rest }).toMatchObject({ count: 3, byStatus: { queued: 3 }, skipped: {} });
    expect(rest.oldest).toMatch(/Z$/);
    const { id } = await api.bulk.start({ which, action, snapshotAt, expected: count });
    expect(await api.jobs.result({ id, timeoutMs: 10_000 })).toEqual({ id, result: { done: 3, skipped: {} } });
    expect((await api.jobs.list({ type: ['mail'] })).jobs.map(({ runAt }) => runAt)).toEqual(
      [1, 2, 3].map(() => '2098-12-31T23:00:00.000Z'),
    );
    expect(await refusalOf(() => api.bulk.start({ which, action, expected: 9 }))).toMatchObject({
      code: 'BULK_CHANGED',
    });
    expect(await refusalOf(() => api.bulk.start({ which: {}, action }))).toMatchObject({ code: 'FILTER_TOO_WIDE' });
    const cancelled = await api.bulk.start({ which: { all: true }, action: { kind: 'cancel', reason: 'all' } });
    await api.jobs.result({ id: cancelled.id });
    const removed = await api.bulk.start({ which: { type: ['mail'] }, action: { kind: 'remove' } });
    expect((await api.jobs.result({ id: removed.id })).result).toEqual({ done: 3, skipped: {} });
  }
});

test('who may not remove jobs may not remove many', async () => {
  const { manager } = await served();
  const api = localClient({ client: manager, caller: { ...everyone, scope: 'operate' } });
  const change = { which: { type: ['mail'] }, action: { kind: 'remove' as const } };
  expect(await refusalOf(() => api.bulk.start(change))).toMatchObject({ code: 'NOT_PERMITTED', allowed: 'admin' });
  expect((await api.bulk.preview(change)).count).toBe(0);
});

test('why a job does not run is told alike over both', async () => {
  const { manager, clients } = await served();
  const { id } = await manager.enqueue('mail', {}, { delay: '1h' });
  await manager.pauseQueue('default', { reason: 'night' });
  const answers = await Promise.all(clients.map((api) => api.jobs.explain({ id })));
  for (const answer of answers)
    expect(answer).toMatchObject({
      id,
      status: 'scheduled',
      reasons: [
        { code: 'delayed', runAt: expect.stringMatching(/Z$/) },
        { code: 'queue-paused', reason: 'night', since: expect.stringMatching(/Z$/), until: null },
        { code: 'queue-not-served', served: ['none'] },
      ],
    });
  for (const api of clients)
    expect(await refusalOf(() => api.jobs.explain({ id: 'nobody' }))).toMatchObject({ code: 'JOB_NOT_FOUND' });
});
