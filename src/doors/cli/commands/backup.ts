import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { fileExists, fileOnly, storeDamaged, unreadable } from '../../../job/errors.ts';
import { checkStore, openStore } from '../../../store/open.ts';
import type { Action, Run } from '../command.ts';
import { loadSettings } from '../connect.ts';
import { bytes, count } from '../print.ts';

export const addBackup = (program: Command, run: Run): void => {
  program
    .command('backup')
    .argument('<file>')
    .description('Write a consistent copy of the database, while work goes on.')
    .option('--verify', 'Check the copy from end to end.')
    .option('--force', 'Overwrite the file if it exists.')
    .action((file: string, _, self: Command) => run(self.optsWithGlobals(), backup(file)));
};

const backup =
  (given: string): Action =>
  async ({ out, flags }) => {
    const { settings } = await loadSettings({ out, flags });
    const file = resolve(given);
    const store = await openStore(settings.database, { busyMs: settings.busyTimeout, create: false });
    try {
      if (!store.backup) throw fileOnly('backup', store.where, "Copy it with the server's own tools, such as pg_dump.");
      refuseToOverwrite(file, store.where, flags.force === true);
      const report = await copy(store, file, flags.verify === true);
      const facts = { file, sizeBytes: statSync(file).size, verified: report !== null, jobs: report?.jobs ?? null };
      const check = report ? `, verified: ${count(report.jobs, 'job')}` : '';
      await out.record('backup', facts, () => `${file}  ${bytes(facts.sizeBytes)}${check}`);
    } finally {
      await store.close();
    }
  };

/** Under another name until it is whole: a copy that was cut short never looks like a backup. */
const copy = async (store: Awaited<ReturnType<typeof openStore>>, file: string, verify: boolean) => {
  const part = `${file}.part`;
  try {
    removeAll(part);
    await store.backup!(part);
    const report = verify ? await verified(part) : null;
    sync(part);
    removeAll(part, ['-wal', '-shm']);
    renameSync(part, file);
    sync(dirname(file));
    return report;
  } catch (error) {
    removeAll(part);
    throw 'syscall' in (error as object) ? unreadable(file, error) : error;
  }
};

/** @throws FILE_EXISTS; the database itself is never overwritten, whatever was said. */
const refuseToOverwrite = (file: string, database: string, force: boolean): void => {
  const files = ['', '-wal', '-shm'].map((suffix) => database + suffix);
  if (files.includes(file) || sameFile(file, database))
    throw fileExists(file, 'It is the database itself: name another file.');
  if (!existsSync(file)) return;
  if (!statSync(file).isFile())
    throw fileExists(file, `It is a folder: name a file in it, such as ${join(file, basename(database))}.`);
  if (!force) throw fileExists(file, 'Name another file, or pass --force.');
};

const sameFile = (a: string, b: string): boolean => {
  if (!existsSync(a) || !existsSync(b)) return false;
  const [one, other] = [statSync(a, { bigint: true }), statSync(b, { bigint: true })];
  return one.ino === other.ino && one.dev === other.dev;
};

const verified = async (file: string) => {
  const report = await checkStore(file);
  if (!report.ok) throw storeDamaged(file, `the copy is not sound: ${report.problems[0]}`);
  return report;
};

const removeAll = (file: string, suffixes: readonly string[] = ['', '-wal', '-shm']): void => {
  for (const suffix of suffixes) rmSync(file + suffix, { force: true });
};

const sync = (path: string): void => {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};
