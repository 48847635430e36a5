/** The service that bad input is sent to, and all that is stored there. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { JobManager, startServer, Uploads } from 'backline';
import { expect } from 'vitest';
import { feedOf } from '../../../src/doors/api/feed.ts';
import { IMPATIENT } from '../../managers.ts';
import { until } from '../../wait.ts';
import { jobs } from '../operations.ts';
import { ask, exchange, type Ground } from './runner.ts';

export interface PlainGround extends Ground {
  readonly manager: JobManager;
  /** How many event streams and WebSockets are open. */
  readers(): number;
}

export const MAX_BODY_BYTES = 100_000;
const SECRET = 'nobody-elses-business';

/** Signs of life, figures that come by themselves, and numbers that were taken for what was then not stored. */
const COMES_AND_GOES = ['job_workers', 'job_listeners', 'job_minutes', 'job_depths', 'job_journal', 'sqlite_sequence'];

/**
 * The job `waits` waits, `ended` has ended, `batch` is a batch that runs; the schedule `there` is paused, and so is the queue `shut`; the
 * upload `taken` is there, and a job file `dropped`.
 */
export const openGround = async (): Promise<PlainGround> => {
  const root = mkdtempSync(join(tmpdir(), 'backline-refusals-'));
  const [database, folder, jobsDir] = [join(root, 'jobs.db'), join(root, 'uploads'), join(root, 'jobs')];
  const options = { ...IMPATIENT, processId: 'reader-1', maxPayloadBytes: 65_536, retention: { completed: '1d' } };
  const manager = new JobManager(database, { ...options, jobs }) as unknown as JobManager;
  await manager.start();
  const uploads = new Uploads({ folder, jobsDir, maxBytes: 4000 });
  await uploads.start();
  const unexpected: unknown[] = [];
  const server = await startServer(manager, {
    ...{ host: '127.0.0.1', port: 0, uploads, maxBodyBytes: MAX_BODY_BYTES, bodyTimeoutMs: 1500, uploadIdleMs: 3000 },
    onUnexpected: (error) => unexpected.push(error),
  });
  await furnish(manager);
  const taken = await uploads.begin({ id: 'taken', name: 'taken.csv', bytesExpected: null });
  await taken.write(Buffer.from('x'));
  await taken.finish({});
  mkdirSync(jobsDir, { recursive: true });
  writeFileSync(join(jobsDir, 'dropped.job'), '{}');
  const { readers } = feedOf(manager);
  expect(readers).toBe(0);
  const ground: PlainGround = {
    ...{ port: server.port, headers: {}, hidden: [root, SECRET], manager, unexpected },
    readers: () => feedOf(manager).readers,
    state: async () => ({ rows: rowsOf(database), folders: [folder, jobsDir].map(contentOf) }),
    mustAnswer: async () => {
      const heard = await exchange(ground.port, ask('GET', '/api/jobs/waits')(ground));
      expect(heard).toMatchObject({ status: 200, body: expect.stringContaining('"id":"waits"') });
      await until(() => ground.readers() === 0);
    },
    close: async () => {
      await server.close();
      await manager.close({ timeout: 0 });
      rmSync(root, { recursive: true, force: true });
    },
  };
  return ground;
};

const furnish = async (manager: JobManager): Promise<void> => {
  await manager.enqueue('double', { token: SECRET }, { id: 'waits', delay: '1h' });
  await manager.enqueue('double', 1, { id: 'ended' });
  await manager.result('ended');
  await manager.enqueueBatch({ type: 'album', id: 'batch', jobs: [], open: true });
  await manager.schedules.add({ id: 'there', type: 'double', payload: 1, cron: '@daily' });
  await manager.schedules.pause('there');
  await manager.pauseQueue('shut', { reason: 'closed' });
};

/** A form with one file. */
export const form = (filename: string, content: string, before = '') => ({
  headers: { 'content-type': 'multipart/form-data; boundary=XX' },
  body: `${before}--XX\r\ncontent-disposition: form-data; name="file"; filename="${filename}"\r\n\r\n${content}\r\n--XX--\r\n`,
});

const rowsOf = (database: string): Record<string, string> => {
  const db = new DatabaseSync(database, { readOnly: true });
  try {
    const tables = db.prepare("select name from sqlite_master where type = 'table' order by name").all();
    const names = tables.map(({ name }) => String(name)).filter((name) => !COMES_AND_GOES.includes(name));
    const read = (name: string) => JSON.stringify(db.prepare(`select * from "${name}"`).all(), plain);
    return Object.fromEntries(names.map((name) => [name, read(name)]));
  } finally {
    db.close();
  }
};

const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

const contentOf = (folder: string): Record<string, string> =>
  existsSync(folder)
    ? Object.fromEntries(
        readdirSync(folder, { recursive: true })
          .map(String)
          .filter((name) => statSync(join(folder, name)).isFile())
          .map((name) => [name, readFileSync(join(folder, name), 'latin1')]),
      )
    : {};
