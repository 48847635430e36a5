import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { openSqlite } from '../../src/store/sqlite/open.ts';
import type { Caller, StoreOpener } from './opened.ts';

const ONE_CONNECTION = 'a database in memory has one connection';

/** `:memory:`: one connection, nothing on disk. */
export const sqliteMemory: StoreOpener = {
  without: { openSecond: ONE_CONNECTION, openCaller: ONE_CONNECTION },
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'backline-memory-'));
    const store = await openSqlite(':memory:');
    return {
      store,
      copy: copyIn(folder),
      dispose: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

/** A file in a folder of its own. */
export const sqliteFile: StoreOpener = {
  open: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'backline-file-'));
    const file = join(folder, 'jobs.db');
    const store = await openSqlite(file, { busyMs: 5000 });
    return {
      store,
      openSecond: () => openSqlite(file, { busyMs: 5000 }),
      openCaller: () => openCaller(file),
      copy: copyIn(folder),
      dispose: async () => {
        await store.close();
        rmSync(folder, { recursive: true });
      },
    };
  },
};

const copyIn = (folder: string) => {
  const file = join(folder, 'copy.db');
  return { file, open: () => openSqlite(file) };
};

const openCaller = (file: string): Caller => {
  const db = new Database(file);
  db.exec('CREATE TABLE IF NOT EXISTS notes (body text not null)');
  return {
    tx: db,
    begin: () => db.exec('BEGIN IMMEDIATE'),
    commit: () => db.exec('COMMIT'),
    rollback: () => db.exec('ROLLBACK'),
    addNote: (body) => db.prepare('INSERT INTO notes VALUES (?)').run(body),
    notes: () =>
      db
        .prepare<[], { body: string }>('SELECT body FROM notes')
        .all()
        .map(({ body }) => body),
    close: () => db.close(),
  };
};
