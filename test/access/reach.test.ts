/** What a client does for somebody who is bound to some queues and tenants: everything else does not exist. */
import { type Client, job } from 'backline';
import { beforeEach, describe, expect, test } from 'vitest';
import { codeOf, refusalOf, startManager } from '../managers.ts';
import { storesToTest } from './stores.ts';

const jobs = {
  echo: job({ run: (payload: unknown) => payload }),
  fail: job({
    maxAttempts: 1,
    run: () => {
      throw new Error('no');
    },
  }),
};

describe.each(storesToTest())('on %s', (_, url) => {
  let manager: Awaited<ReturnType<typeof startManager<typeof jobs>>>;
  let ada: Client;
  let mails: Client;

  beforeEach(async () => {
    manager = await startManager({ jobs }, await url());
    ada = manager.within({ queues: null, tenants: ['ada'] }) as Client;
    mails = manager.within({ queues: ['mails'], tenants: null }) as Client;
    await manager.pauseQueue('default');
    await manager.pauseQueue('mails');
    const given = [
      ['a1', { tenant: 'ada' }],
      ['a2', { tenant: 'ada', queue: 'mails' }],
      ['b1', { tenant: 'bob' }],
      ['b2', { tenant: 'bob', queue: 'mails' }],
      ['n1', {}],
    ] as const;
    for (const [id, options] of given) await manager.enqueue('echo', { of: id }, { id, ...options });
  });

  test('what is asked by id is found within reach only', async () => {
    expect((await ada.get('a1'))!.id).toBe('a1');
    for (const id of ['b1', 'n1', 'unknown']) {
      expect(await ada.get(id)).toBeNull();
      expect(await ada.attempts(id)).toEqual([]);
      expect(await ada.logs(id)).toEqual([]);
    }
    expect((await mails.get('b2'))!.id).toBe('b2');
    expect(await mails.get('b1')).toBeNull();
  });

  test('the error about a job of another is word for word that about none', async () => {
    const words = async (id: string) => {
      const errors = [
        await refusalOf(() => ada.result(id, { timeout: 10 })),
        await refusalOf(() => ada.replay(id)),
        await refusalOf(() => ada.runNow(id)),
        await refusalOf(() => ada.reprioritise(id, 1)),
        await refusalOf(() => ada.pauseJob(id)),
        await refusalOf(() => ada.sealBatch(id)),
        await refusalOf(() => ada.enqueue('echo', 1, { parent: id })),
      ];
      return errors.map(({ code, message }) => `${code} ${message.replaceAll(id, 'ID')}`);
    };
    expect(await words('b1')).toEqual(await words('unknown'));
  });

  test('changes by id and by filter leave alone what is beyond', async () => {
    for (const id of ['b1', 'n1']) {
      expect(await ada.cancel(id)).toBe('no');
      expect(await ada.cancel(id, { tree: true })).toBe('no');
      expect(await ada.retry(id)).toBe(false);
      expect(await ada.remove(id)).toBe(false);
    }
    expect(await ada.cancelAll({ all: true })).toEqual({ cancelled: 2, requested: 0 });
    expect(await ada.retryAll({ all: true })).toBe(2);
    expect(await ada.removeAll({ all: true })).toBe(2);
    expect((await manager.list({ status: 'queued' })).jobs.map(({ id }) => id)).toEqual(['n1', 'b2', 'b1']);
    expect(await mails.cancelAll({ tenant: 'bob' })).toEqual({ cancelled: 1, requested: 0 });
  });

  test('lists, counts, stats, queues and figures are those of what is within reach', async () => {
    expect((await ada.list()).jobs.map(({ id }) => id)).toEqual(['a2', 'a1']);
    expect(await ada.count()).toBe(2);
    expect(await ada.count({ tenant: 'bob' })).toBe(0);
    expect(await mails.count()).toBe(2);
    expect(await ada.stats()).toMatchObject({ total: 2, sizeBytes: 0 });
    expect((await ada.queues()).map(({ name, counts }) => [name, counts.queued])).toEqual([
      ['default', 1],
      ['mails', 1],
    ]);
    expect((await mails.queues()).map(({ name }) => name)).toEqual(['mails']);
    expect((await ada.metrics()).total.created).toBe(2);
    expect((await mails.metrics({ queue: 'default' })).total.created).toBe(0);
  });

  test('new jobs belong to the tenant, whatever they say, or are refused', async () => {
    const { id } = await ada.enqueue('echo', 1);
    expect((await manager.get(id))!.tenant).toBe('ada');
    const refusal = await refusalOf(() => ada.enqueue('echo', 1, { tenant: 'bob' }));
    expect(refusal).toMatchObject({ code: 'BEYOND_REACH', field: 'options.tenant', allowed: 'ada' });
    const both = manager.within({ queues: null, tenants: ['ada', 'bob'] });
    expect(await codeOf(() => both.enqueue('echo', 1))).toBe('BEYOND_REACH');
    const child = await both.enqueue('echo', 1, { parent: 'b1' });
    expect((await manager.get(child.id))!.tenant).toBe('bob');
    expect(await codeOf(() => mails.enqueue('echo', 1))).toBe('BEYOND_REACH');
    expect((await mails.enqueue('echo', 1, { queue: 'mails' })).outcome).toBe('inserted');
  });

  test('an id of their own would tell which there are: it is refused, taken or not', async () => {
    const words = async (id: string) =>
      (await refusalOf(() => ada.enqueue('echo', 1, { id }))).message.replaceAll(id, 'ID');
    expect(await words('b1')).toBe(await words('free'));
    expect(await manager.get('free')).toBeNull();
  });

  test('a key is that of the tenant alone', async () => {
    await manager.enqueue('echo', 'secret of bob', { tenant: 'bob', key: 'k', id: 'keyed' });
    await manager.enqueue('echo', 'of nobody', { key: 'k', id: 'free' });
    const mine = await ada.enqueue('echo', 1, { key: 'k', onConflict: 'reject' });
    expect(mine.outcome).toBe('inserted');
    expect(await ada.enqueue('echo', 2, { key: 'k' })).toMatchObject({ id: mine.id, outcome: 'existing' });
    expect(await ada.enqueue('echo', 3, { key: 'k', onConflict: 'replace' })).toMatchObject({ id: mine.id });
    expect((await manager.get('keyed'))!.payload).toBe('secret of bob');
    expect(await codeOf(() => mails.enqueue('echo', 1, { queue: 'mails', key: 'k' }))).toBe('BEYOND_REACH');
    expect(await codeOf(() => mails.enqueue('echo', 1, { queue: 'mails', key: 'k', onConflict: 'replace' }))).toBe(
      'BEYOND_REACH',
    );
    expect((await manager.get('free'))!.payload).toBe('of nobody');
  });

  test('batches, their jobs and callbacks belong to the tenant', async () => {
    const batch = await ada.enqueueBatch({
      type: 'album',
      jobs: [{ type: 'echo', options: { queue: 'mails' } }, { type: 'echo' }],
      onEnd: { type: 'echo' },
    } as never);
    expect((await ada.list({ parent: batch.id })).jobs.map(({ tenant }) => tenant)).toEqual(['ada', 'ada']);
    await ada.cancel(batch.id);
    expect((await manager.list({ tenant: 'ada' })).jobs).toHaveLength(6);
    const other = { type: 'album', jobs: [], tenant: 'bob' };
    expect(await codeOf(() => ada.enqueueBatch(other as never))).toBe('BEYOND_REACH');
    const elsewhere = { type: 'album', queue: 'mails', jobs: [{ type: 'echo', options: { queue: 'default' } }] };
    expect(await codeOf(() => mails.enqueueBatch(elsewhere as never))).toBe('BEYOND_REACH');
  });

  test('a request that comes again is answered within reach', async () => {
    const request = { key: 'r', caller: 'ada', fingerprint: 'f' };
    const [one, two] = [
      await ada.forRequest(request).enqueue('echo', 1),
      await ada.forRequest(request).enqueue('echo', 1),
    ];
    expect(two).toMatchObject({ id: one.id });
    expect(await ada.count()).toBe(3);
    expect((await ada.forRequest({ ...request, key: 's' }).replay('a1')).outcome).toBe('inserted');
  });

  test('what belongs to the system as a whole is refused', async () => {
    for (const refused of [
      () => ada.workers(),
      () => ada.limitKey('k', 1),
      () => ada.pauseQueue('mails'),
      () => ada.limitQueue('default', 1),
      () => ada.checkIntegrity(),
      () => ada.tokens.list(),
      () => ada.tokens.create({ name: 'more', scope: 'admin' }),
      () => ada.audit.list(),
      () => ada.secrets.rotate(),
      () => mails.resumeQueue('default'),
      () => mails.limitKey('k', 1),
    ])
      expect(await codeOf(refused)).toBe('BEYOND_REACH');
    await mails.resumeQueue('mails');
    expect((await manager.queues()).find(({ name }) => name === 'mails')!.paused).toBe(false);
  });
});
