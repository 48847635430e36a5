/** While some session holds an old snapshot, the server cannot clean up behind the claims, and a claim begins where live rows begin. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { complete } from '../../src/job/change.ts';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { embedded18, freshSchema, type Server, startServer } from '../conformance/postgres.ts';
import { HOUR, newJob, newJobs, STILL, T0, workerInfo } from '../conformance/records.ts';
import { until } from '../wait.ts';
import { holdSnapshot } from './clients.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

test('thousands run in order, and what comes behind the position runs too, whoever puts it there', async () => {
  const url = freshSchema(server);
  const store = await openPostgres(url, { durability: 'process', manyBlocks: 100 });
  const other = await openPostgres(url);
  await store.keepLease(workerInfo('w'), STILL);
  const release = await holdSnapshot(server.url());
  let now = T0;
  const claim = async (n: number) => (await store.claim({ owner: 'w#boot', n, types: ['mail', 'report'] }, now)).jobs;
  const finish = async (jobs: Awaited<ReturnType<typeof claim>>) =>
    store.applyChanges(jobs.map((job) => complete(job, null, now)));
  try {
    for (let round = 0; round < 20; round++) {
      now += 1000;
      const jobs = newJobs(500, { runAt: now });
      await store.insert(jobs, now);
      for (let taken = 0; taken < 500; taken += 100) {
        const claimed = await claim(100);
        expect(claimed.map(({ id }) => id)).toEqual(jobs.slice(taken, taken + 100).map(({ id }) => id));
        await finish(claimed);
      }
    }
    // Behind the position, in a new lane, and back from an end: by this process, seen at once.
    await store.insert(
      [newJob({ id: 'old', runAt: T0 - HOUR }), newJob({ id: 'new lane', type: 'report', runAt: T0 })],
      now,
    );
    const own = await claim(10);
    expect(own.map(({ id }) => id)).toEqual(['old', 'new lane']);
    await store.requestCancel({ ids: ['old'] }, 'no', now);
    await finish(own.slice(1));
    // By another process: seen by the next survey.
    await other.insert(
      [newJob({ id: 'behind', runAt: T0 - HOUR }), newJob({ id: 'elsewhere', queue: 'q2', runAt: T0 })],
      now,
    );
    const found = new Set<string>();
    await until(async () => {
      for (const { id } of await claim(10)) found.add(id);
      return found.size === 2;
    });
    expect([...found].sort()).toEqual(['behind', 'elsewhere']);
    expect(await store.count({ status: ['queued'] })).toBe(0);
  } finally {
    await release();
    await other.close();
    await store.close();
  }
}, 60_000);
