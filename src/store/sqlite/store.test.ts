import { linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { newJob, newJobs, T0 } from '../../../test/conformance/records.ts';
import { openSqlite } from './open.ts';

const folder = mkdtempSync(join(tmpdir(), 'backline-store-'));
beforeEach(() => mkdirSync(folder, { recursive: true }));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a backup onto the database itself is refused, by whatever name', async () => {
  const store = await openSqlite(join(folder, 'jobs.db'));
  linkSync(join(folder, 'jobs.db'), join(folder, 'also.db'));
  for (const name of ['jobs.db', 'also.db'])
    await expect(store.backup(join(folder, name))).rejects.toMatchObject({ code: 'FILE_EXISTS' });
  expect(await store.checkIntegrity()).toEqual({ ok: true, problems: [] });
  await store.close();
});

describe('a batch that a change by hand has left', () => {
  let files = 0;
  const left = async (change: string, open = false) => {
    const file = join(folder, `jobs-${files++}.db`);
    const store = await openSqlite(file);
    const batch = { policy: 'finish', open, callbacks: [] } as const;
    await store.insert([newJob({ id: 'b', batch }), ...newJobs(2, { parentId: 'b' })], T0);
    const db = new Database(file);
    db.exec(change);
    db.close();
    await store.expire(T0 + 1);
    const job = await store.get('b');
    await store.close();
    return job;
  };
  const ALL_DONE = `UPDATE jobs SET status = 'completed', completed_at = 1 WHERE parent_job_id = 'b'`;

  test('with nothing unfinished ends at the next look of the chore', async () => {
    expect(await left(ALL_DONE)).toMatchObject({ status: 'completed', result: { total: 2, completed: 2 } });
    expect(await left('DELETE FROM jobs WHERE parent_job_id IS NOT NULL')).toMatchObject({ result: { total: 0 } });
  });

  test('open stays open, and one that has work left goes on', async () => {
    expect(await left(ALL_DONE, true)).toMatchObject({ status: 'running' });
    expect(await left(`${ALL_DONE} AND seq = 2`)).toMatchObject({ status: 'running' });
  });

  test('with a cancel that nobody saw through is cancelled', async () => {
    const asked = `UPDATE jobs SET cancel_requested_at = 1, cancel_reason = 'by hand' WHERE id = 'b'; ${ALL_DONE}`;
    expect(await left(asked, true)).toMatchObject({ status: 'cancelled', error: 'by hand' });
  });

  test('with more to cancel than a crash let happen is gone on with', async () => {
    const asked = `UPDATE jobs SET cancel_requested_at = 1, cancel_reason = 'by hand' WHERE id = 'b'`;
    const crashed = `${asked}; UPDATE job_batches SET moves = 0`;
    expect(await left(crashed)).toMatchObject({ status: 'cancelled', result: { total: 2, cancelled: 2 } });
  });
});
