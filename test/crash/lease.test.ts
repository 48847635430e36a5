/** A worker that lost its row while it lives: declared dead by another process, which may have died itself before it gave back anything. */
import { job } from 'backline';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import type { Store } from '../../src/store/store.ts';
import { embedded18, freshSchema, query, type Server, startServer } from '../conformance/postgres.ts';
import { newJob, STILL, T0, workerInfo } from '../conformance/records.ts';
import { freshFile, startManager } from '../managers.ts';
import { aborted } from '../mock-job-executor.ts';
import { signal, until } from '../wait.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

interface Place {
  readonly url: string;
  /** Removes the row of every worker, and does no more. */
  readonly declareDead: () => Promise<unknown>;
}

const onSqlite = (): Place => {
  const url = freshFile();
  const declareDead = async () => {
    const db = new Database(url);
    db.prepare('DELETE FROM job_workers').run();
    db.close();
  };
  return { url, declareDead };
};

const onPostgres = (): Place => {
  const url = freshSchema(server);
  const schema = new URL(url).searchParams.get('schema')!;
  return { url, declareDead: () => query(server.url(), `DELETE FROM "${schema}".job_workers`) };
};

describe.each([
  { name: 'SQLite', place: onSqlite, open: (url: string): Promise<Store> => openStore(url) },
  { name: 'PostgreSQL', place: onPostgres, open: (url: string): Promise<Store> => openPostgres(url) },
])('on $name', ({ place, open }) => {
  test('what nobody gave back for a worker that began again is given back all the same', async () => {
    const { url, declareDead } = place();
    const [first, again] = [signal(), signal()];
    const runs: unknown[] = [];
    const task = job({
      run: async (payload: unknown, ctx) => {
        if (runs.push(payload) > 1) return again.reach();
        first.reach();
        await aborted(ctx.signal);
      },
    });
    const manager = await startManager({ jobs: { task }, lease: '1s', maxConcurrentJobs: 1 }, url);
    const { id } = await manager.enqueue('task', 'one');
    await first.reached;
    const [before] = await manager.workers();
    await declareDead();
    await again.reached;
    await manager.result(id);
    expect(runs).toEqual(['one', 'one']);
    const [after] = await manager.workers();
    expect(after).toMatchObject({ name: before!.name, running: 0 });
    expect(after!.owner).not.toBe(before!.owner);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['crashed', 'completed']);
    expect((await manager.checkIntegrity()).problems).toEqual([]);
  });

  test('until it has heard that it began again, it claims nothing that it would drop with the rest', async () => {
    const { url, declareDead } = place();
    const store = await open(url);
    let heard = '';
    const lease = await store.keepLease(workerInfo('w'), {
      ...STILL,
      beatMs: 20,
      now: Date.now,
      onLost: () => {
        heard = lease.owner;
      },
    });
    const { owner } = lease;
    await store.insert([newJob({ id: 'one' })], T0);
    await declareDead();
    // It is there again, but the worker claims as it did before.
    await until(async () => (await store.workers()).length === 1);
    const claim = (by: string) => store.claim({ owner: by, n: 1, types: [newJob().type] }, T0);
    expect((await claim(owner)).jobs).toEqual([]);
    await until(() => heard !== '');
    expect(heard).not.toBe(owner);
    expect((await store.workers()).map((worker) => worker.owner)).toEqual([heard]);
    expect((await claim(heard)).jobs).toMatchObject([{ id: 'one' }]);
    await lease.end();
    expect(await store.workers()).toEqual([]);
    await store.close();
  });
});
