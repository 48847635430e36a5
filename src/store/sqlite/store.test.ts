import { linkSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { openSqlite } from './open.ts';

const folder = mkdtempSync(join(tmpdir(), 'backline-store-'));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a backup onto the database itself is refused, by whatever name', async () => {
  const store = await openSqlite(join(folder, 'jobs.db'));
  linkSync(join(folder, 'jobs.db'), join(folder, 'also.db'));
  for (const name of ['jobs.db', 'also.db'])
    await expect(store.backup(join(folder, name))).rejects.toMatchObject({ code: 'FILE_EXISTS' });
  expect(await store.checkIntegrity()).toEqual({ ok: true, problems: [] });
  await store.close();
});
