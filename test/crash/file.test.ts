import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import type { Store } from '../../src/store/store.ts';
import { count, newJob, newJobs, put, startWorker, T0 } from '../conformance/fixtures.ts';
import { until } from '../wait.ts';
import { newFolder, withStore } from './files.ts';

let place: ReturnType<typeof newFolder>;
beforeEach(() => {
  place = newFolder();
});
afterEach(() => place.dispose());

/** A program that holds the write lock until it is told to let go. */
const lockFile = (file: string): (() => void) => {
  const db = new Database(file);
  db.exec('BEGIN IMMEDIATE');
  return () => {
    db.exec('ROLLBACK');
    db.close();
  };
};

/** Counts turns of the event loop while the test runs. */
const countTurns = (): (() => number) => {
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  onTestFinished(() => clearInterval(timer));
  return () => turns;
};

describe('while another program holds the write lock', () => {
  test('a write waits without holding up the event loop, and succeeds when the lock is free', async () => {
    await withStore(place.file, async (store) => {
      const unlock = lockFile(place.file);
      const turns = countTurns();
      const writes = Promise.all(newJobs(5).map((job) => store.insert([job], T0)));
      let done = false;
      void writes.then(() => {
        done = true;
      });
      await until(() => turns() > 50);
      expect(done).toBe(false);
      expect(await count(store)).toBe(0);
      unlock();
      expect((await writes).flat().map(({ kind }) => kind)).toEqual(Array(5).fill('inserted'));
      expect(turns()).toBeGreaterThan(20);
    });
  });

  test('a write gives up after busyMs with STORE_BUSY; nothing was written, and the next one works', async () => {
    await withStore(
      place.file,
      async (store) => {
        const unlock = lockFile(place.file);
        const turns = countTurns();
        const [a, b] = await Promise.allSettled([
          store.insert([newJob({ id: 'a' })], T0),
          store.insert([newJob({ id: 'b' })], T0),
        ]);
        expect(turns()).toBeGreaterThan(10);
        for (const { reason } of [a, b] as PromiseRejectedResult[]) {
          expect(reason).toMatchObject({ code: 'STORE_BUSY', message: expect.stringContaining(place.file) });
          expect(Number(/(\d+) ms/.exec(reason.message)![1])).toBeGreaterThanOrEqual(150);
        }
        unlock();
        expect(await store.get('a')).toBeNull();
        await put(store, [newJob({ id: 'a' })]);
      },
      { busyMs: 150 },
    );
  });

  test('reads go on', async () => {
    await withStore(place.file, async (store) => {
      await put(store, newJobs(3));
      const unlock = lockFile(place.file);
      expect(await count(store)).toBe(3);
      expect((await store.stats()).total).toBe(3);
      expect(await store.poll(T0)).toBe(true);
      unlock();
    });
  });

  test('the heartbeat goes on as soon as the lock is free, and close does not wait for it', async () => {
    const store = await openSqlite(place.file);
    const worker = await startWorker(store, 'w', {}, { beatMs: 5, leaseMs: 1000 });
    const unlock = lockFile(place.file);
    await store.close();
    unlock();
    expect(worker.owner).toBe('w#boot');
  });
});

describe('a file that disappears while it is open', () => {
  const cases: [string, (file: string) => void][] = [
    ['deleted', (file) => rmSync(file)],
    ['moved', (file) => renameSync(file, `${file}.moved`)],
    [
      'replaced',
      (file) => {
        writeFileSync(`${file}.new`, '');
        renameSync(`${file}.new`, file);
      },
    ],
  ];
  for (const [what, happen] of cases)
    test(`was ${what}: poll says so`, async () => {
      const store = await openSqlite(place.file);
      await put(store, newJobs(1));
      await store.poll(T0);
      happen(place.file);
      await expect(store.poll(T0)).rejects.toMatchObject({
        code: 'STORE_UNAVAILABLE',
        message: expect.stringContaining(place.file),
      });
      await store.close();
    });

  test('a folder that disappears is told apart from an empty database', async () => {
    const store = await openSqlite(place.file);
    await put(store, newJobs(1));
    rmSync(place.folder, { recursive: true });
    await expect(store.poll(T0)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await store.close();
  });
});

describe('a file that is not ours to use', () => {
  test('with a table "jobs" of another program is refused and not changed, not by one byte', async () => {
    const db = new Database(place.file);
    db.exec(`CREATE TABLE jobs (title TEXT); INSERT INTO jobs VALUES ('gardener')`);
    db.close();
    const bytes = readFileSync(place.file);
    await expect(openSqlite(place.file)).rejects.toMatchObject({
      code: 'NOT_OUR_DATABASE',
      message: expect.stringContaining('jobs'),
    });
    expect(readFileSync(place.file).equals(bytes)).toBe(true);
    expect(existsSync(`${place.file}-wal`)).toBe(false);
  });

  test('with a newer schema is refused with a sentence, and not changed', async () => {
    await withStore(place.file, (store) => put(store, newJobs(1)));
    const db = new Database(place.file);
    db.exec(`INSERT INTO job_schema VALUES (99, 'future', 0)`);
    db.close();
    const bytes = readFileSync(place.file);
    await expect(openSqlite(place.file)).rejects.toMatchObject({
      code: 'STORE_NEWER',
      found: '99',
      message: expect.stringMatching(/schema 99; this version of backline knows up to 3.*Update backline/),
    });
    expect(readFileSync(place.file).equals(bytes)).toBe(true);
  });

  test('a database of the application, without a table "jobs", is shared', async () => {
    const db = new Database(place.file);
    db.exec(`CREATE TABLE orders (n INTEGER); INSERT INTO orders VALUES (7)`);
    await withStore(place.file, (store) => put(store, newJobs(2)));
    expect(db.prepare('SELECT n FROM orders').pluck().get()).toBe(7);
    db.close();
    await withStore(place.file, async (store) => expect(await count(store)).toBe(2));
  });

  test('a folder, or a path below a file, is refused', async () => {
    await expect(openSqlite(place.folder)).rejects.toMatchObject({ code: 'NOT_OUR_DATABASE' });
    writeFileSync(place.file, '');
    await expect(openSqlite(join(place.file, 'below.db'))).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('an empty file is a new database, folders are made, and opening twice does not fail', async () => {
    writeFileSync(place.file, '');
    await withStore(place.file, (store) => put(store, newJobs(1)));
    await withStore(place.file, async (store) => expect(await count(store)).toBe(1));
    await withStore(join(place.folder, 'a', 'b', 'jobs.db'), (store) => put(store, newJobs(1)));
  });

  test('an address of another kind is refused by name, without its password', async () => {
    await expect(openStore('mysql://ada:secret@host/db')).rejects.toMatchObject({
      code: 'UNKNOWN_STORE',
      message: expect.not.stringContaining('secret'),
    });
  });
});

describe('a file that may not be written', () => {
  /** Root may write everything, so the store is opened by a process that is not root. */
  const asNobody = (script: string): string => {
    const path = new URL('../../src/store/sqlite/open.ts', import.meta.url).pathname;
    const code = `import { openSqlite } from ${JSON.stringify(path)};
      try { const store = await openSqlite(${JSON.stringify(place.file)}); ${script}; console.log('opened'); await store.close(); }
      catch (error) { console.log(error.code + ' ' + error.message); }`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
      uid: 65_534,
      gid: 65_534,
      encoding: 'utf8',
    });
    return stdout + stderr;
  };
  const isRoot = process.getuid?.() === 0;

  test.skipIf(!isRoot)(
    'is refused with a code and the path (skipped unless root: it needs a second user)',
    async () => {
      await withStore(place.file, (store) => put(store, newJobs(1)));
      chmodSync(place.folder, 0o755);
      chmodSync(place.file, 0o444);
      const said = asNobody(`await store.setKeyLimit('k', 1)`);
      expect(said).toMatch(/^STORE_(READ_ONLY|UNAVAILABLE) /);
      expect(said).toContain(place.file);
      expect(statSync(place.file).uid).toBe(0);
    },
  );
});

test('processes that open a new file at the same moment all succeed, and migrate it once', async () => {
  for (let round = 0; round < 5; round++) {
    const file = join(place.folder, `new-${round}.db`);
    const stores: Store[] = await Promise.all(Array.from({ length: 6 }, () => openSqlite(file)));
    await Promise.all(stores.map((store) => put(store, newJobs(5))));
    expect(await count(stores[0]!)).toBe(30);
    const db = new Database(file);
    expect(db.prepare('SELECT count(*) FROM job_schema').pluck().get()).toBe(3);
    db.close();
    await Promise.all(stores.map((store) => store.close()));
  }
});
