/** A server dies, and the one that followed it takes its place. With load and workers: `npm run test:chaos -- --only fail-over`. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { debian15 } from '../conformance/postgres.ts';
import { newJob, STILL, T0, workerInfo } from '../conformance/records.ts';
import { openFollowed } from '../load/server.ts';
import { until } from '../wait.ts';

const WITHOUT = 'without' in debian15 ? ` (skipped: ${debian15.without})` : '';

describe.skipIf(WITHOUT !== '')(`when a server dies that another follows${WITHOUT}`, () => {
  test('callers are told that it is read-only until it leads, and then all is there', async () => {
    const database = await openFollowed();
    onTestFinished(() => database.dispose());
    const store = await openPostgres(database.url, { busyMs: 1000 });
    onTestFinished(() => store.close());
    const [before, after] = [newJob(), newJob()];
    await store.insert([before], T0);
    const heard = new Set<unknown>();
    const failingOver = database.failOver!();
    await until(async () => {
      const outcome = await store.insert([after], T0).catch((error: unknown) => {
        heard.add((error as { code?: unknown }).code);
        return null;
      });
      return outcome !== null;
    }, 'jobs are taken in again');
    await failingOver;
    expect(heard).toContain('STORE_READ_ONLY');
    expect([...heard].filter((code) => code !== 'STORE_READ_ONLY' && code !== 'STORE_UNAVAILABLE')).toEqual([]);
    // Who asks the new one for jobs gets both, once.
    const info = workerInfo('one');
    const lease = await store.keepLease(info, STILL);
    onTestFinished(() => lease.end());
    const { jobs } = await store.claim({ owner: info.owner, n: 10, types: info.types }, T0);
    expect(jobs.map(({ id }) => id).sort()).toEqual([before.id, after.id].sort());
    expect((await store.checkIntegrity()).problems).toEqual([]);
  }, 60_000);
});
