/** Database files for the crash tests: made in a folder of their own, broken on purpose, and looked at afterwards. */
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSqlite, type SqliteOptions } from '../../src/store/sqlite/open.ts';
import type { RepairReport } from '../../src/store/sqlite/repair.ts';
import type { Store } from '../../src/store/store.ts';

export const PAGE = 4096;

export const newFolder = (): { folder: string; file: string; dispose: () => void } => {
  const folder = mkdtempSync(join(tmpdir(), 'backline-crash-'));
  return {
    folder,
    file: join(folder, 'jobs.db'),
    dispose: () => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }),
  };
};

/** Works on a fresh file and closes it cleanly: then all of it lies in the one file. */
export const withStore = async <T>(
  file: string,
  work: (store: Store) => Promise<T>,
  options: Partial<SqliteOptions> = {},
): Promise<T> => {
  const store = await openSqlite(file, options);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
};

/** Opens a file and says whether it had to be repaired. */
export const reopen = async (file: string): Promise<{ store: Store; report: RepairReport | undefined }> => {
  let report: RepairReport | undefined;
  const onRepaired = (repaired: RepairReport) => {
    report = repaired;
  };
  const store = await openSqlite(file, { onRepaired });
  return { store, report };
};

/** Overwrites a part of a file with bytes that mean nothing. */
export const scribble = (file: string, at: number, bytes: number): void => {
  const handle = openSync(file, 'r+');
  writeSync(handle, Buffer.alloc(bytes, 0xa5), 0, bytes, at);
  closeSync(handle);
};

export const pagesOf = (file: string): number => Math.ceil(statSync(file).size / PAGE);

export const keptFiles = (folder: string): string[] => readdirSync(folder).filter((name) => name.includes('.damaged-'));

export const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);
