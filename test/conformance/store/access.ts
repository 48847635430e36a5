import { expect } from 'vitest';
import type { NewCallback } from '../../../src/job/enqueue-options.ts';
import type { AccessEntry, NewAuditEntry } from '../../../src/store/access-store.ts';
import type { Store } from '../../../src/store/store.ts';
import type { Subject } from '../describe-store.ts';
import { HOUR, newJob, put, putOne, SECOND, startWorker, T0 } from '../fixtures.ts';

const entry = (given: Partial<AccessEntry> = {}): AccessEntry => ({
  ...{ id: 'a1', kind: 'token', parent: null, name: 'Ada’s token', hash: 'ff00', scope: 'read' },
  ...{ queues: null, tenants: null, createdAt: T0, expiresAt: null, lastUsedAt: null, revokedAt: null },
  ...given,
});

const line = (given: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  ...{
    at: T0,
    actor: 'ada',
    door: 'http',
    action: 'jobs.cancel',
    target: null,
    filter: null,
    count: null,
    detail: null,
  },
  ...given,
});

const KEEP = { endedBefore: null, auditBefore: null, auditMost: null };
const actionsOf = async (store: Store, filter: object = {}, page = { limit: 1000, before: null as number | null }) =>
  (await store.access.audit(filter, page)).map(({ action }) => action);

export const accessCases = (subject: Subject): void => {
  tokenCases(subject);
  auditCases(subject);
  sealedCases(subject);
};

const tokenCases = ({ test, testTwo }: Subject): void => {
  test('a token is kept with all it has', async ({ access }) => {
    const full = entry({ queues: ['mails'], tenants: ['ada', 'größe'], expiresAt: T0 + HOUR, lastUsedAt: T0 + 1 });
    expect(await access.insert(full)).toBe(true);
    expect(await access.get('a1')).toEqual(full);
    expect(await access.get('a2')).toBeNull();
    expect(await access.insert(entry({ name: 'another' }))).toBe(false);
    expect(await access.get('a1')).toEqual(full);
  });

  test('an empty list is none, and not all', async ({ access }) => {
    await access.insert(entry({ queues: [], tenants: [] }));
    expect(await access.get('a1')).toMatchObject({ queues: [], tenants: [] });
  });

  test('tokens are listed in the order of their making, and sessions are not', async ({ access }) => {
    await access.insert(entry({ id: 'second', createdAt: T0 + 1 }));
    await access.insert(entry({ id: 'session', kind: 'session', parent: 'second' }));
    await access.insert(entry({ id: 'first' }));
    expect((await access.tokens()).map(({ id }) => id)).toEqual(['first', 'second']);
    expect(await access.get('session')).toMatchObject({ kind: 'session', parent: 'second' });
  });

  test('a change changes what it names; what is revoked stays as it is', async ({ access }) => {
    await access.insert(entry({ expiresAt: T0 + HOUR }));
    expect(await access.change('a1', { hash: 'ee', lastUsedAt: T0 + 5 })).toBe(true);
    expect(await access.change('a1', { expiresAt: null })).toBe(true);
    expect(await access.get('a1')).toEqual(entry({ hash: 'ee', lastUsedAt: T0 + 5 }));
    expect(await access.change('a1', { revokedAt: T0 + 9 })).toBe(true);
    expect(await access.change('a1', { revokedAt: T0 + 10 })).toBe(false);
    expect(await access.change('a1', { hash: 'dd' })).toBe(false);
    expect(await access.change('none', { hash: 'dd' })).toBe(false);
    expect(await access.get('a1')).toMatchObject({ hash: 'ee', revokedAt: T0 + 9 });
  });

  test('what ended before a time is forgotten', async ({ access }) => {
    await access.insert(entry({ id: 'valid' }));
    await access.insert(entry({ id: 'later', expiresAt: T0 + HOUR }));
    await access.insert(entry({ id: 'expired', expiresAt: T0 - 1 }));
    await access.insert(entry({ id: 'revoked', expiresAt: T0 + HOUR, revokedAt: T0 - 1 }));
    expect(await access.forget(KEEP)).toBe(0);
    expect(await access.forget({ ...KEEP, endedBefore: T0 })).toBe(2);
    expect((await access.tokens()).map(({ id }) => id)).toEqual(['later', 'valid']);
  });

  testTwo('what one process revokes is revoked for the other at once', async (first, second) => {
    await first.access.insert(entry());
    expect(await second.access.get('a1')).toMatchObject({ revokedAt: null });
    await first.access.change('a1', { revokedAt: T0 });
    expect(await second.access.get('a1')).toMatchObject({ revokedAt: T0 });
  });
};

const auditCases = ({ test }: Subject): void => {
  test('a line of the audit is kept with all it has, newest first', async ({ access }) => {
    const full = line({ target: 'job-1', filter: '{"status":["failed"]}', count: 3, detail: '"größe"' });
    await access.record([line(), full]);
    await access.record([]);
    const [newest, oldest] = await access.audit({}, { limit: 10, before: null });
    expect(newest).toEqual({ ...full, n: oldest!.n + 1 });
    expect(oldest).toEqual({ ...line(), n: expect.any(Number) });
  });

  test('pages follow one another while new lines come in', async (store) => {
    const { access } = store;
    await access.record(Array.from({ length: 25 }, (_, i) => line({ action: `a${i}` })));
    const first = await access.audit({}, { limit: 10, before: null });
    await access.record([line({ action: 'new' })]);
    const second = await access.audit({}, { limit: 10, before: first.at(-1)!.n });
    expect([...first, ...second].map(({ action }) => action)).toEqual(
      Array.from({ length: 20 }, (_, i) => `a${24 - i}`),
    );
  });

  test('every part of a filter must hold', async (store) => {
    await store.access.record([
      line({ action: 'a', at: T0 }),
      line({ action: 'b', at: T0 + 1, actor: 'bob', door: 'cli', target: 't' }),
      line({ action: 'c', at: T0 + 2, actor: 'bob' }),
    ]);
    expect(await actionsOf(store, { actor: 'bob' })).toEqual(['c', 'b']);
    expect(await actionsOf(store, { actor: 'bob', door: 'cli' })).toEqual(['b']);
    expect(await actionsOf(store, { target: 't', action: 'b' })).toEqual(['b']);
    expect(await actionsOf(store, { since: T0 + 1, until: T0 + 2 })).toEqual(['b']);
    expect(await actionsOf(store, { actor: "' OR 1=1 --" })).toEqual([]);
  });

  test('old lines are forgotten, and those above a number', async (store) => {
    const times = [T0 - 2 * SECOND, T0 - SECOND, T0, T0 + 1, T0 + 2];
    await store.access.record(times.map((at, i) => line({ action: `a${i}`, at })));
    expect(await store.access.forget({ ...KEEP, auditBefore: T0 })).toBe(2);
    expect(await store.access.forget({ ...KEEP, auditMost: 2 })).toBe(1);
    expect(await actionsOf(store)).toEqual(['a4', 'a3']);
    expect(await store.access.forget({ ...KEEP, auditBefore: T0, auditMost: 2 })).toBe(0);
  });
};

const sealedCases = ({ test }: Subject): void => {
  const SEALED = '{"token":{"$secret":"v1.x"}}';
  const large = JSON.stringify({ token: { $secret: 'v1.x' }, text: 'x'.repeat(5000) });
  const { queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, tags, userInitiated } = newJob();
  const limits = { queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, limitKey, tags, userInitiated };
  const callback = (id: string, on: 'success' | 'end'): NewCallback => ({
    ...{ on, delayMs: 0, runAt: null, startMs: null },
    job: { id, type: 'report', payload: SEALED, ...limits },
  });

  test('stored texts with encrypted values are found in every state, page by page', async (store) => {
    await putOne(store, { id: 'plain' });
    await put(store, [
      newJob({ id: 'small', payload: SEALED }),
      newJob({ id: 'large', payload: large, tenant: 'ada', key: 'k' }),
      newJob({ id: 'held', payload: SEALED, status: 'created' }),
    ]);
    const callbacks = [callback('c1', 'success'), callback('c2', 'end')];
    await putOne(store, { id: 'batch', batch: { policy: 'finish', open: true, callbacks } });
    const worker = await startWorker(store);
    await worker.claim({ n: 1 });
    const found = [];
    for (let after = null; ; ) {
      const page = await store.access.sealed(after, 2);
      found.push(...page);
      if (page.length < 2) break;
      after = page.at(-1)! as never;
    }
    expect(found.map(({ id, on, key }) => [id, on, key])).toEqual([
      ['small', null, null],
      ['large', null, 'k'],
      ['held', null, null],
      ['c2', 'end', null],
      ['c1', 'success', null],
    ]);
    expect(found[1]!.text).toBe(large);
  });

  test('a text is written anew only if it is as it was read', async (store) => {
    const callbacks = [callback('c1', 'end')];
    await put(store, [newJob({ id: 'small', payload: SEALED }), newJob({ id: 'large', payload: large })]);
    await putOne(store, { id: 'batch', batch: { policy: 'finish', open: true, callbacks } });
    const found = await store.access.sealed(null, 10);
    const anew = found.map((text) => ({ ...text, by: text.text.replaceAll('v1.x', 'v1.yy') }));
    expect(await store.access.reseal(anew)).toBe(3);
    expect(await store.access.reseal(anew)).toBe(0);
    expect((await store.get('small'))!.payload).toEqual({ token: { $secret: 'v1.yy' } });
    expect((await store.get('large'))!.payload).toMatchObject({ token: { $secret: 'v1.yy' }, text: 'x'.repeat(5000) });
    await store.adjust('batch', { sealed: true }, T0);
    expect((await store.get('c1'))!.payload).toMatchObject({ payload: { token: { $secret: 'v1.yy' } } });
  });
};
