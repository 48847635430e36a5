/** Secrets in what a schedule starts: encrypted in its row, opened where its jobs run, masked wherever it is shown. */
import { type JobManager, job } from 'backline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { newKey } from '../../src/engine/keyring.ts';
import { openStore } from '../../src/store/open.ts';
import { storesToTest } from '../access/stores.ts';
import { freshFile, newManager } from '../managers.ts';
import { until } from '../wait.ts';

const TOKEN = 'ya29.a0AfH6SMBx-open-sesame';
const OTHER = 'ya29.b1BfH6SMBx-close-sesame';
const payload = { user: 'ada', token: TOKEN, auth: { pin: 90_210_777 } };
const masked = { user: 'ada', token: '***', auth: { pin: '***' } };
const NEVER = '2099-01-01T00:00:00Z';

const seen: unknown[] = [];
const types = {
  login: job({ secrets: ['auth.pin'], run: (given: object) => void seen.push(given) }),
};
const nightly = { id: 'nightly', type: 'login', cron: '0 2 * * *', payload } as const;

describe.each(storesToTest())('on %s', (name, url) => {
  const key = newKey();
  const open = async (database: string, secrets: object = { key }, more: object = {}) => {
    const manager = newManager({ jobs: types, secrets, ...more }, database);
    await manager.start();
    onTestFinished(() => manager.close({ timeout: 0 }));
    return manager as unknown as JobManager<typeof types>;
  };
  /** In memory, everything would be gone with the first manager. */
  const fresh = async () => (name === 'SQLite' ? freshFile() : url());
  const stored = async (database: string): Promise<string> => {
    const store = await openStore(database);
    try {
      const { job: started } = (await store.schedules.get('nightly'))!;
      const { entries } = await store.schedules.history('nightly', { limit: 100 });
      return JSON.stringify([started, entries]);
    } finally {
      await store.close();
    }
  };

  test('the row and the history hold it encrypted, what is shown is masked, and its job gets it in clear', async () => {
    const database = await fresh();
    const manager = await open(database);
    expect(await manager.schedules.add(nightly)).toMatchObject({ payload: masked });
    seen.length = 0;
    const { id } = await manager.schedules.run('nightly');
    await until(() => seen.length === 1);
    expect(seen).toEqual([payload]);
    expect((await manager.get(id))!.payload).toEqual(masked);
    await manager.schedules.update('nightly', { payload: { ...payload, token: OTHER } });
    expect(await manager.schedules.get('nightly')).toMatchObject({ payload: masked });
    const told = JSON.stringify([await manager.schedules.history('nightly'), await manager.schedules.list()]);
    const inside = await stored(database);
    for (const secret of [TOKEN, OTHER, '90210777'])
      for (const text of [told, inside]) expect(text).not.toContain(secret);
    expect(told).toContain('job.payload');
    expect(inside).toContain('$secret');
  });

  test('where an edit shows the mask, the secret is meant; what is said again is no change', async () => {
    const manager = await open(await fresh());
    await manager.schedules.add(nightly);
    const edited = await manager.schedules.update('nightly', { payload: { ...masked, user: 'bob' } as never });
    expect(edited).toMatchObject({ version: 2, payload: { ...masked, user: 'bob' } });
    const prior = await manager.schedules.update('nightly', { options: { priority: 2 } });
    expect(prior).toMatchObject({ version: 3, job: { priority: 2 } });
    const again = await manager.schedules.update('nightly', { payload: { ...payload, user: 'bob' } });
    expect(again.version).toBe(3);
    seen.length = 0;
    await manager.schedules.run('nightly');
    await until(() => seen.length === 1);
    expect(seen).toEqual([{ ...payload, user: 'bob' }]);
  });

  test('code that says the same at each start changes nothing, also after its key was exchanged', {
    timeout: 60_000,
  }, async () => {
    const database = await fresh();
    const one = await open(database, { key }, { schedules: [nightly] });
    await one.schedules.update('nightly', { options: { priority: 1 } });
    await one.close({ timeout: 0 });
    const next = { key: newKey(), oldKeys: [key] };
    const two = await open(database, next, { schedules: [nightly] });
    expect(await two.schedules.get('nightly')).toMatchObject({ version: 2, job: { priority: 1 } });
    expect(await two.secrets.rotate()).toMatchObject({ rewritten: 1, current: 0, unreadableCount: 0 });
    expect(await two.secrets.rotate()).toMatchObject({ rewritten: 0, current: 1 });
    await two.close({ timeout: 0 });
    const three = await open(database, { key: next.key }, { schedules: [nightly] });
    expect(await three.schedules.get('nightly')).toMatchObject({ version: 2, job: { priority: 1 } });
    seen.length = 0;
    await three.schedules.run('nightly');
    await until(() => seen.length === 1);
    expect(seen).toEqual([payload]);
    const said = await three.schedules.register({ ...nightly, payload: { ...payload, token: OTHER } });
    expect(said.outcome).toBe('changed');
  });

  test('a job of a schedule is replayed and rotated like any other', async () => {
    const database = await fresh();
    const manager = await open(database);
    await manager.schedules.add({ id: 'once', type: 'login', at: NEVER, payload });
    seen.length = 0;
    const { id } = await manager.schedules.run('once');
    await until(() => seen.length === 1);
    await manager.result(id);
    await manager.replay(id);
    await until(() => seen.length === 2);
    expect(seen).toEqual([payload, payload]);
    await manager.bulk.start({ filter: { type: 'login' }, action: { kind: 'replay' } });
    await until(() => seen.length === 4);
    expect(seen[3]).toEqual(payload);
    const next = { key: newKey(), oldKeys: [key] };
    await manager.close({ timeout: 5000 });
    const rotating = await open(database, next);
    const { rewritten, unreadableCount } = await rotating.secrets.rotate();
    expect([rewritten, unreadableCount]).toEqual([5, 0]);
  });
});
