/** Schedules, explanations and changes of many jobs, for somebody who is bound to some queues and tenants. */
import { type Client, job } from 'backline';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { codeOf, freshFile, refusalOf, startManager } from '../managers.ts';
import { until } from '../wait.ts';
import { storesToTest } from './stores.ts';

const jobs = { echo: job({ run: (payload: unknown) => payload }), fail: job({ run: () => 1 }) };
const NEVER = '2099-01-01T00:00:00Z';

describe.each(storesToTest())('on %s', (name, url) => {
  let database: string;
  let manager: Awaited<ReturnType<typeof startManager<typeof jobs>>>;
  let ada: Client<typeof jobs>;
  let mails: Client<typeof jobs>;

  beforeEach(async () => {
    database = name === 'SQLite' ? freshFile() : await url();
    manager = await startManager({ jobs }, database);
    ada = manager.within({ queues: null, tenants: ['ada'] });
    mails = manager.within({ queues: ['mails'], tenants: null });
    for (const queue of ['default', 'mails']) await manager.pauseQueue(queue);
  });

  describe('schedules', () => {
    beforeEach(async () => {
      for (const [id, options] of [
        ['a', { tenant: 'ada' }],
        ['am', { tenant: 'ada', queue: 'mails' }],
        ['bobs-x', { tenant: 'bob' }],
        ['bm', { tenant: 'bob', queue: 'mails' }],
        ['n', {}],
      ] as const)
        await manager.schedules.add({ id, type: 'echo', at: NEVER, options });
    });

    test('are those whose jobs are within reach, by id, list and page', async () => {
      const idsOf = async (client: typeof ada, query = {}) =>
        (await client.schedules.list(query)).schedules.map(({ id }) => id);
      expect(await idsOf(ada)).toEqual(['a', 'am']);
      expect(await idsOf(mails)).toEqual(['am', 'bm']);
      const page = await ada.schedules.list({ limit: 1 });
      expect(page).toMatchObject({ schedules: [{ id: 'a' }], next: 'a' });
      expect(await idsOf(ada, { after: 'a' })).toEqual(['am']);
      for (const id of ['bobs-x', 'n', 'unknown']) {
        expect(await ada.schedules.get(id)).toBeNull();
        expect(await ada.schedules.remove(id)).toBe(false);
        expect((await ada.schedules.history(id)).entries).toEqual([]);
      }
      expect((await ada.schedules.history('a')).entries).toMatchObject([{ kind: 'added' }]);
    });

    test('of others are refused word for word as one that is not there', async () => {
      const words = async (id: string) => {
        const errors = [
          await refusalOf(() => ada.schedules.update(id, { missed: 'skip' })),
          await refusalOf(() => ada.schedules.pause(id, { version: 1 })),
          await refusalOf(() => ada.schedules.pause(id)),
          await refusalOf(() => ada.schedules.resume(id)),
          await refusalOf(() => ada.schedules.run(id)),
          await refusalOf(() => ada.schedules.next(id)),
          await refusalOf(() => ada.schedules.add({ id, type: 'echo', at: NEVER })),
          await refusalOf(() =>
            ada.schedules.add({ id: `ada:${id}`, type: 'echo', at: NEVER, options: { tenant: 'bob' } }),
          ),
        ];
        return errors.map(({ code, message }) => `${code} ${message.replaceAll(id, 'ID')}`);
      };
      expect(await words('bobs-x')).toEqual(await words('unknown'));
      expect(await manager.schedules.get('bobs-x')).toMatchObject({ version: 1, pause: null, counts: { byHand: 0 } });
    });

    test('are made, changed, run and removed within reach, and never leave it', async () => {
      const made = await ada.schedules.add({ id: 'ada:x', type: 'echo', at: NEVER });
      expect(made).toMatchObject({ id: 'ada:x', job: { tenant: 'ada' } });
      await ada.schedules.pause('ada:x', { reason: 'holidays' });
      expect(await ada.schedules.resume('ada:x')).toMatchObject({ version: 3 });
      const { id } = await ada.schedules.run('ada:x');
      expect(await manager.get(id)).toMatchObject({ tenant: 'ada', scheduleId: 'ada:x' });
      const foreign = { options: { tenant: 'bob' } };
      expect(await codeOf(() => ada.schedules.update('ada:x', foreign))).toBe('BEYOND_REACH');
      expect(await ada.schedules.update('ada:x', { options: { priority: 1 } })).toMatchObject({
        job: { tenant: 'ada' },
      });
      expect(await codeOf(() => mails.schedules.add({ id: 'mails:x', type: 'echo', at: NEVER }))).toBe('BEYOND_REACH');
      const own = { id: 'mails:x', type: 'echo', at: NEVER, options: { queue: 'mails' } } as const;
      expect(await mails.schedules.add(own)).toMatchObject({ job: { queue: 'mails', tenant: null } });
      expect(await codeOf(() => mails.schedules.update('mails:x', { options: { queue: 'default' } }))).toBe(
        'BEYOND_REACH',
      );
      // An id in its own name that somebody took for others tells nothing of it.
      await manager.schedules.add({ id: 'ada:theirs', type: 'echo', at: NEVER, options: { tenant: 'bob' } });
      const taken = await refusalOf(() => ada.schedules.add({ id: 'ada:theirs', type: 'echo', at: NEVER }));
      expect(taken).toMatchObject({ code: 'BEYOND_REACH', field: 'id' });
      expect(await ada.schedules.remove('ada:x')).toBe(true);
      expect(await manager.schedules.get('ada:x')).toBeNull();
    });

    test('whose rows are from before there were tenants are nobody’s', async () => {
      const store = await openStore(database);
      onTestFinished(() => store.close());
      const { job: started } = (await store.schedules.get('n'))!;
      expect(started.tenant).toBeNull();
      expect(await ada.schedules.get('n')).toBeNull();
    });
  });

  test('an explanation names no job, queue or person beyond reach, and does not count them', async () => {
    await manager.limitKey('printer', 1);
    await manager.resumeQueue('default');
    const blocker = job({
      run: (_: unknown, ctx) => new Promise((resolve) => ctx.signal.addEventListener('abort', resolve)),
    });
    const busy = await startManager({ jobs: { blocker }, queues: ['default'] }, database);
    await busy.enqueue('blocker', 1, { id: 'theirs', tenant: 'bob', limitKey: 'printer' });
    await until(async () => (await manager.get('theirs'))?.status === 'running');
    await manager.pauseQueue('default', { actor: 'Bob', reason: 'because of acme' });
    for (let i = 0; i < 3; i++) await manager.enqueue('echo', i, { tenant: 'bob', priority: 1 });
    await manager.enqueue('echo', 1, { id: 'mine', tenant: 'ada', limitKey: 'printer' });
    const whole = JSON.stringify(await manager.explain('mine'));
    for (const told of ['theirs', 'Bob', 'acme']) expect(whole).toContain(told);
    const bound = await ada.explain('mine');
    for (const hidden of ['theirs', 'Bob', 'acme']) expect(JSON.stringify(bound)).not.toContain(hidden);
    expect(bound.reasons).toMatchObject([
      { code: 'queue-paused', by: null, reason: null },
      { code: 'key-full', key: 'printer', holders: [], says: 'The limit key "printer" runs 1 of 1 at once.' },
      { code: 'behind', ahead: 1, atLeast: true },
    ]);
    const words = async (id: string) => (await refusalOf(() => ada.explain(id))).message.replaceAll(id, 'ID');
    expect(await words('theirs')).toBe(await words('unknown'));
    const elsewhere = await mails.enqueue('fail', 1, { queue: 'mails' });
    expect(JSON.stringify(await mails.explain(elsewhere.id))).not.toContain('"default"');
  });

  test('where a job comes from is told only within reach', async () => {
    const parent = await manager.enqueue('echo', 1, { id: 'p', tenant: 'bob' });
    await manager.enqueue('echo', 1, { id: 'c', tenant: 'ada', parent: parent.id });
    expect(await ada.get('c')).toMatchObject({ parentId: null });
    expect((await ada.list()).jobs).toMatchObject([{ id: 'c', parentId: null }]);
    expect(await manager.within({ queues: null, tenants: ['ada', 'bob'] }).get('c')).toMatchObject({ parentId: 'p' });
  });

  describe('a change of many jobs', () => {
    beforeEach(async () => {
      for (const [id, options] of [
        ['a1', { tenant: 'ada' }],
        ['a2', { tenant: 'ada', queue: 'mails' }],
        ['b1', { tenant: 'bob' }],
        ['b2', { tenant: 'bob', queue: 'mails' }],
        ['n1', {}],
      ] as const)
        await manager.enqueue('echo', { of: id }, { id, ...options });
    });
    const cancel = { filter: { all: true }, action: { kind: 'cancel' } } as const;
    const cancelled = async () =>
      (await manager.list({ status: 'cancelled' }, { order: 'oldest' })).jobs.map(({ id }) => id);

    test('counts and changes what is within reach, and no more', async () => {
      expect(await ada.bulk.preview(cancel)).toMatchObject({ count: 2, skipped: {} });
      expect(await codeOf(() => ada.bulk.start({ ...cancel, expected: 5 }))).toBe('BULK_CHANGED');
      const { id } = await ada.bulk.start({ ...cancel, expected: 2 });
      await until(async () => (await manager.get(id))?.status === 'completed');
      expect(await cancelled()).toEqual(['a1', 'a2']);
      const { id: second } = await mails.bulk.start(cancel);
      await until(async () => (await manager.get(second))?.status === 'completed');
      expect(await cancelled()).toEqual(['a1', 'a2', 'b2']);
    });

    test('is seen and stopped by who has the same reach, and by nobody else who is bound', async () => {
      const { id } = await ada.bulk.start(cancel);
      const same = manager.within({ queues: null, tenants: ['ada'] });
      expect(await same.get(id)).toMatchObject({ type: 'backline.bulk', tenant: null });
      expect(await same.result(id)).toEqual({ done: 2, skipped: {} });
      expect((await same.logs(id)).length).toBeGreaterThan(0);
      expect((await same.stats()).byType).toEqual({ echo: expect.anything() });
      for (const other of [mails, manager.within({ queues: null, tenants: ['ada', 'bob'] })])
        expect(await other.get(id)).toBeNull();
      expect((await manager.get(id))!.tenant).toMatch(/^backline\.reach:[0-9a-f]{24}$/);
      expect(await codeOf(() => manager.enqueue('echo', 1, { tenant: 'backline.reach:0' }))).toBe('INVALID_OPTION');
    });

    test('is in the audit when it begins and when it ends, with who began it', async () => {
      const { id } = await ada.bulk.start(cancel, { actor: 'Ada (1)', door: 'http' });
      await manager.result(id);
      await until(async () => (await manager.audit.list({ target: id })).lines.length === 2);
      const { lines } = await manager.audit.list({ target: id });
      const by = { actor: 'Ada (1)', door: 'http', action: 'bulk.cancel', filter: {}, count: 2 };
      expect(lines).toMatchObject([
        { ...by, detail: { ended: 'completed', done: 2 } },
        { ...by, detail: { kind: 'cancel' } },
      ]);
    });

    test('by what is secret is refused: what it asks for would be kept in clear', async () => {
      const filter = { payload: { 'auth.token': 'open-sesame' } };
      const refusal = await refusalOf(() => ada.bulk.start({ ...cancel, filter }));
      expect(refusal).toMatchObject({ code: 'INVALID_OPTION', field: 'filter.payload.auth.token', found: '"***"' });
      expect(refusal.message).not.toContain('open-sesame');
    });
  });
});
