import { expect } from 'vitest';
import { complete } from '../../../src/job/change.ts';
import type { Subject } from '../describe-store.ts';
import { count, expectExactCounts, ids, list, newJob, newJobs, put, startWorker, T0 } from '../fixtures.ts';

export const upkeepCases = ({ test, testCopy, testTwo }: Subject): void => {
  test('a sound database says so', async (store) => {
    await put(store, newJobs(20, { payload: JSON.stringify('x'.repeat(2000)), tags: ['a'] }));
    await (await startWorker(store)).claim({ n: 5 });
    expect(await store.checkIntegrity()).toEqual({ ok: true, problems: [] });
  });

  testCopy('a backup holds everything, and can be worked with', async (store, copy) => {
    await put(store, [...newJobs(50), newJob({ payload: JSON.stringify('x'.repeat(100_000)), tags: ['big'] })]);
    const [job] = await (await startWorker(store)).claim({ n: 1 });
    await store.applyChanges([complete(job!, '{"r":1}', T0)]);
    await store.backup!(copy.file);
    const opened = await copy.open();
    try {
      expect(await list(opened)).toEqual(await list(store));
      expect(await opened.checkIntegrity()).toEqual({ ok: true, problems: [] });
      await put(opened, newJobs(1));
    } finally {
      await opened.close();
    }
  });

  testCopy('a backup while work goes on is consistent', async (store, copy) => {
    await put(store, newJobs(3000, { payload: JSON.stringify('y'.repeat(1500)) }));
    const worker = await startWorker(store);
    let writing = true;
    const write = async () => {
      while (writing) {
        await put(store, newJobs(3));
        const jobs = await worker.claim({ n: 2 });
        await store.applyChanges(jobs.map((job) => complete(job, null, T0)));
      }
    };
    const done = write();
    try {
      await store.backup!(copy.file);
    } finally {
      writing = false;
      await done;
    }
    const opened = await copy.open();
    try {
      expect((await opened.checkIntegrity()).problems).toEqual([]);
      expect(await count(opened)).toBeGreaterThanOrEqual(3000);
      for (const status of ['queued', 'running', 'completed'] as const)
        expect(await count(opened, { status })).toBe(await count(opened, { status, createdAfter: 0 }));
      const [newest] = await list(opened, {}, { limit: 1 });
      expect(ids(await list(store, { id: newest!.id }))).toEqual([newest!.id]);
    } finally {
      await opened.close();
    }
  });

  testCopy('a backup that cannot be written says where', async (store, copy) => {
    await expect(store.backup!(`${copy.file}/no/such/folder`)).rejects.toMatchObject({
      code: expect.stringMatching(/^STORE_/),
      message: expect.stringContaining('no/such/folder'),
    });
  });

  testTwo('what one process did, the other finds when it opens', async (first, second) => {
    await put(first, newJobs(10));
    await first.setQueue('default', { maxRunning: 3 }, T0);
    expect(await (await startWorker(second)).claim()).toHaveLength(3);
    await expectExactCounts(second);
  });
};
