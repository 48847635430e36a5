import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { changeFor, complete } from '../../src/job/change.ts';
import { repairSqlite } from '../../src/store/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';
import {
  count,
  drain,
  expectExactCounts,
  list,
  newJob,
  newJobs,
  put,
  startWorker,
  T0,
} from '../conformance/fixtures.ts';
import { keptFiles, newFolder, PAGE, pagesOf, reopen, scribble, sizeOf, withStore } from './files.ts';

let place: ReturnType<typeof newFolder>;
beforeEach(() => {
  place = newFolder();
});
afterEach(() => place.dispose());

const MANY = 3000;

/** Completed, failed and waiting jobs with history, logs, tags, limits and large payloads. */
const fill = async (store: Store): Promise<void> => {
  await put(
    store,
    Array.from({ length: MANY }, (_, i) =>
      newJob({ id: `j${i}`, payload: JSON.stringify({ n: i, pad: 'p'.repeat(300) }) }),
    ),
  );
  await put(store, newJobs(20, { payload: JSON.stringify('L'.repeat(20_000)), tags: ['large'] }));
  const worker = await startWorker(store);
  const jobs = await worker.claim({ n: 200 });
  await store.appendLogs(
    jobs.map(({ seq, claim }) => ({ seq, claim, n: 0, at: T0, level: 'info', message: 'm', fields: null })),
  );
  const policy = { wait: () => 0, retryTimeouts: true };
  const failure = { name: 'Error', message: 'no' };
  await store.applyChanges(
    jobs.map((job, i) =>
      i % 2 ? complete(job, '1', T0) : changeFor(job, { kind: 'failed', failure, retry: 'never' }, policy, T0),
    ),
  );
  await store.setQueue('paused', { pause: { reason: 'x', actor: null, until: null } }, T0);
  await store.setKeyLimit('k', 3);
};

/** The first page counts the changes of the file, also those of a lock that was taken and given back. */
const withoutCounter = (bytes: Buffer): Buffer => Buffer.from(bytes).fill(0, 24, 28).fill(0, 92, 96);

/** What must hold after every repair. */
const expectSound = async (store: Store): Promise<void> => {
  expect(await store.checkIntegrity()).toEqual({ ok: true, problems: [] });
  for (const status of ['queued', 'completed', 'failed', 'running'] as const)
    expect(await count(store, { status })).toBe(await count(store, { status, createdAfter: 0 }));
  const before = await count(store, { status: 'queued' });
  await put(store, newJobs(3));
  expect(await drain(store, await startWorker(store, 'after'), 500)).toHaveLength(before + 3);
};

describe('a damaged file', () => {
  test('with overwritten pages in its middle: what is readable is carried over, the rest is counted, the file is kept', async () => {
    await withStore(place.file, fill);
    const damaged = Math.floor(pagesOf(place.file) / 2);
    scribble(place.file, damaged * PAGE, 5 * PAGE);
    const bytes = readFileSync(place.file);
    const { store, report } = await reopen(place.file);
    try {
      expect(report).toBeDefined();
      expect(report!.recovered).toBeGreaterThan(MANY * 0.8);
      expect(report!.recovered + report!.unreadable).toBeGreaterThanOrEqual(MANY + 20);
      expect(await count(store)).toBe(report!.recovered);
      expect(keptFiles(place.folder)).toHaveLength(1);
      expect(withoutCounter(readFileSync(report!.kept)).equals(withoutCounter(bytes))).toBe(true);
      for (const job of await list(store, {}, { limit: 50 }))
        if (/^j\d+$/.test(job.id)) expect(job.payload).toMatchObject({ n: Number(job.id.slice(1)) });
      expect((await store.queues(T0)).find(({ name }) => name === 'paused')).toMatchObject({ paused: true });
      await expectSound(store);
    } finally {
      await store.close();
    }
    const again = await reopen(place.file);
    expect(again.report).toBeUndefined();
    await again.store.close();
  });

  test('with any one page overwritten is repaired, or refused as it is; it never comes up silently empty', async () => {
    await withStore(place.file, async (store) => {
      const payload = (i: number) => JSON.stringify('p'.repeat(i % 10 === 0 ? 2000 : 200));
      await put(
        store,
        Array.from({ length: 120 }, (_, i) => newJob({ id: `j${i}`, payload: payload(i) })),
      );
    });
    const whole = readFileSync(place.file);
    const refused: number[] = [];
    for (let page = 0; page < whole.length / PAGE; page++) {
      writeFileSync(place.file, whole);
      scribble(place.file, page * PAGE, PAGE);
      try {
        await expectRepaired(page);
      } catch (error) {
        if ((error as { code?: string }).code !== 'STORE_DAMAGED') throw error;
        refused.push(page);
      }
      for (const name of keptFiles(place.folder)) rmSync(join(place.folder, name));
    }
    // The one page that leads to all others of the table of jobs.
    expect(refused).toHaveLength(1);
  });

  const expectRepaired = async (page: number): Promise<void> => {
    const { store, report } = await reopen(place.file);
    const found = await count(store, { createdAfter: 0 });
    expect((await store.checkIntegrity()).problems, `page ${page}`).toEqual([]);
    expect(report, `page ${page}: no report`).toBeDefined();
    expect(found, `page ${page}`).toBeGreaterThan(90);
    expect(found + report!.unreadable, `page ${page}`).toBe(120);
    await store.close();
  };

  test('whose end was cut off', async () => {
    await withStore(place.file, fill);
    truncateSync(place.file, Math.floor(pagesOf(place.file) * 0.7) * PAGE + 1234);
    const { store, report } = await reopen(place.file);
    expect(report!.recovered).toBeGreaterThan(MANY / 3);
    expect(await count(store)).toBe(report!.recovered);
    await expectSound(store);
    await store.close();
  });

  test('whose header is garbage gives back every row', async () => {
    await withStore(place.file, fill);
    scribble(place.file, 0, 100);
    const { store, report } = await reopen(place.file);
    expect(report).toMatchObject({ recovered: MANY + 20, unreadable: 0, withoutPayload: 0 });
    expect(await count(store, { tag: 'large' })).toBe(20);
    expect((await store.attempts('j0'))[0]).toMatchObject({ outcome: 'failed', error: { message: 'no' } });
    expect(await store.logs('j0', null, 10)).toHaveLength(1);
    await expectSound(store);
    await store.close();
  });

  test('in which nothing can be read is refused and stays as it is', async () => {
    await withStore(place.file, fill);
    scribble(place.file, 0, sizeOf(place.file));
    const bytes = readFileSync(place.file);
    await expect(reopen(place.file)).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringContaining(place.file),
    });
    expect(readFileSync(place.file).equals(bytes)).toBe(true);
    expect(readdirSync(place.folder)).toEqual(['jobs.db']);
  });

  test('that is no database at all is refused and stays as it is', async () => {
    writeFileSync(place.file, 'title,artist\nIn C,Terry Riley\n'.repeat(1000));
    await expect(reopen(place.file)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    expect(readFileSync(place.file, 'utf8').startsWith('title,artist\nIn C')).toBe(true);
    expect(readdirSync(place.folder)).toEqual(['jobs.db']);
  });

  test('that another process has open is not repaired under it', async () => {
    await withStore(place.file, fill);
    const other = new Database(place.file);
    other.prepare('SELECT count(*) FROM jobs').get();
    scribble(place.file, Math.floor(pagesOf(place.file) / 2) * PAGE, 5 * PAGE);
    await expect(reopen(place.file)).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringContaining('another process'),
    });
    expect(keptFiles(place.folder)).toEqual([]);
    other.close();
    const { store, report } = await reopen(place.file);
    expect(report).toBeDefined();
    await store.close();
  });

  test('whose lost payloads belong to waiting jobs: they fail and say so; what has ended stays as it ended', async () => {
    await withStore(place.file, async (store) => {
      await put(store, newJobs(4, { payload: JSON.stringify('L'.repeat(50_000)) }));
      const jobs = await (await startWorker(store)).claim({ n: 2 });
      await store.applyChanges(jobs.map((job) => complete(job, '"done"', T0)));
    });
    const db = new Database(place.file);
    db.exec('DELETE FROM job_payloads');
    db.close();
    const report = repairSqlite(place.file);
    expect(report).toMatchObject({ recovered: 4, withoutPayload: 2 });
    await withStore(place.file, async (store) => {
      const jobs = await list(store, {}, { order: 'oldest' });
      expect(jobs.map(({ status }) => status)).toEqual(['completed', 'completed', 'failed', 'failed']);
      expect(jobs[0]!.result).toBe('done');
      expect(jobs[2]!.error).toContain('payload');
      expect((await store.checkIntegrity()).problems).toEqual([]);
    });
  });

  test('does not give out again the numbers of rows that were lost', async () => {
    await withStore(place.file, async (store) => {
      await put(store, newJobs(50));
      await store.remove({ filter: { id: (await list(store, {}, { limit: 10 })).map(({ id }) => id) } }, T0);
    });
    repairSqlite(place.file);
    await withStore(place.file, async (store) => {
      const [outcome] = await store.insert([newJob()], T0);
      expect(outcome).toMatchObject({ kind: 'inserted', seq: 51 });
    });
  });
});

describe('a file that lost its other half', () => {
  /** A copy of the files of a store that is still open: as after a kill. */
  const crashedCopy = async (checkpointed: number, logged: number): Promise<string> => {
    const copy = join(place.folder, 'crashed');
    mkdirSync(copy);
    await withStore(place.file, async (store) => {
      await put(store, newJobs(checkpointed));
      const db = new Database(place.file);
      db.pragma('wal_checkpoint(TRUNCATE)');
      db.close();
      await put(store, newJobs(logged));
      for (const suffix of ['', '-wal']) cpSync(place.file + suffix, join(copy, `jobs.db${suffix}`));
    });
    return join(copy, 'jobs.db');
  };

  test('a log without its database is not thrown away: it is refused, and repaired on demand', async () => {
    const file = await crashedCopy(0, 40);
    rmSync(file);
    const log = readFileSync(`${file}-wal`);
    await expect(reopen(file)).rejects.toMatchObject({
      code: 'STORE_DAMAGED',
      message: expect.stringContaining('-wal'),
    });
    expect(readFileSync(`${file}-wal`).equals(log)).toBe(true);
    expect(existsSync(file)).toBe(false);
    expect(repairSqlite(file)).toMatchObject({ recovered: 40 });
    await withStore(file, async (store) => {
      expect(await count(store)).toBe(40);
      await expectExactCounts(store);
    });
  });

  test('a database that was emptied while its log is there is refused', async () => {
    const file = await crashedCopy(10, 10);
    truncateSync(file, 0);
    await expect(reopen(file)).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    expect(sizeOf(`${file}-wal`)).toBeGreaterThan(0);
  });

  test('a database without its log is whole up to the last checkpoint', async () => {
    const file = await crashedCopy(30, 10);
    rmSync(`${file}-wal`);
    const { store } = await reopen(file);
    expect(await count(store)).toBe(30);
    await expectSound(store);
    await store.close();
  });

  test('a log whose end was torn off loses what was not whole, and nothing else', async () => {
    const file = await crashedCopy(30, 10);
    truncateSync(`${file}-wal`, sizeOf(`${file}-wal`) - 100);
    const { store } = await reopen(file);
    expect(await count(store)).toBeGreaterThanOrEqual(30);
    await expectSound(store);
    await store.close();
  });
});

test('a batch whose own record is lost is noticed, and after a repair it ends with its jobs', async () => {
  await withStore(place.file, async (store) => {
    const batch = { policy: 'fail-fast', open: true, callbacks: [] } as const;
    await put(store, [newJob({ id: 'batch', batch }), newJob({ parentId: 'batch' })]);
    const db = new Database(place.file);
    db.exec('DELETE FROM job_batches');
    db.close();
    expect((await store.checkIntegrity()).problems).toEqual(['1 running jobs name no worker']);
  });
  repairSqlite(place.file);
  const { store } = await reopen(place.file);
  expect((await store.checkIntegrity()).problems).toEqual([]);
  await drain(store, await startWorker(store));
  expect(await store.get('batch')).toMatchObject({ status: 'completed', batch: { policy: 'finish', open: false } });
  await store.close();
});

test('checkIntegrity reports what SQLite cannot know: counters, lost payloads, lost parents, workers', async () => {
  await withStore(place.file, async (store) => {
    const large = newJob({ payload: JSON.stringify('x'.repeat(5000)), queue: 'uncounted' });
    await put(store, [newJob({ id: 'parent' }), newJob({ id: 'child', parentId: 'parent' }), large]);
    const db = new Database(place.file);
    db.pragma('foreign_keys = off');
    db.exec(`UPDATE job_counts SET n = n + 5; DELETE FROM job_counts WHERE queue = 'uncounted'; DELETE FROM job_payloads;
      DELETE FROM jobs WHERE id = 'parent'; UPDATE jobs SET status = 'running', lease_owner = NULL WHERE id = 'child'`);
    db.close();
    const { ok, problems } = await store.checkIntegrity();
    expect(ok).toBe(false);
    const text = problems.join('\n');
    for (const words of [
      'queue uncounted says 0, there are 1',
      'queue default says 7',
      'payload',
      'does not exist',
      'name no worker',
    ])
      expect(text).toContain(words);
  });
});
