/** A real service with a real life in it, for the pages to show. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { resolveSettings, shownSettings } from '../../src/config/settings.ts';
import type { Uploads } from '../../src/doors/drop/uploads.ts';
import { type RunningServer, startServer } from '../../src/doors/http/server.ts';
import { JobManager } from '../../src/engine/job-manager.ts';
import { job } from '../../src/job/define.ts';

class SmtpError extends Error {
  override readonly name = 'SmtpError';
}

const send = async (to: string): Promise<string> => {
  throw new SmtpError(`421 Too many connections from 10.0.0.3 for ${to}`, {
    cause: new Error('socket closed before greeting'),
  });
};

/** Seconds that it runs: longer than anybody looks. */
const PARTS = 900;

const jobs = {
  sendWelcome: job({ maxAttempts: 3, backoff: { kind: 'fixed', delay: 60 }, run: async (to: string) => send(to) }),
  resize: job({
    run: async (input: { width: number }, ctx) => {
      ctx.log.info({ width: input.width }, 'reading');
      ctx.progress({ done: 40, total: 100, message: 'half of the pixels' });
      return { width: input.width, bytes: 48_211 };
    },
  }),
  slow: job({
    run: async (_: unknown, ctx) => {
      ctx.log.info('began');
      for (let i = 0; i < PARTS; i++) {
        ctx.progress({ done: i + 9, total: PARTS, message: `part ${i} of ${PARTS}` });
        ctx.log.info(`part ${i}`);
        await sleep(1000, undefined, { signal: ctx.signal });
      }
    },
  }),
  report: job({
    maxAttempts: 1,
    run: async ({ ms = 0, broken = false }: { ms?: number; broken?: boolean }) => {
      await sleep(ms);
      if (broken) throw new Error('The figures of March are missing.');
      return { rows: 412 };
    },
  }),
  catalog: job({
    maxAttempts: 1,
    run: async ({ catalog_path: path }: { catalog_path: string }, ctx) => {
      const rows = (await readFile(path, 'utf8')).split('\n').filter(Boolean);
      for (const [i, row] of rows.entries()) {
        ctx.progress({ done: i, total: rows.length, message: `row ${i + 1} of ${rows.length}` });
        if (row.startsWith('broken')) throw new Error(`Row ${i + 1} has no title.`);
        await sleep(300, undefined, { signal: ctx.signal });
      }
      return { import: { rows: rows.length, new: rows.length }, path_given: path.length > 0 };
    },
  }),
  never: job({ run: async () => 'never' }),
  stuck: job({
    maxAttempts: 1,
    timeout: 80,
    run: async (_: unknown, ctx) => sleep(60_000, undefined, { signal: ctx.signal }),
  }),
};

/** Schedules of every kind: with many runs, paused, over, with a run that goes on; the times lie in winter and summer. */
export const fillSchedules = async (manager: Service['manager']) => {
  const { schedules } = manager;
  const berlin = { timeZone: 'Europe/Berlin' };
  const add: typeof schedules.add = (request, by) => schedules.add(request, by);
  await add({ ...berlin, id: 'nightly-report', type: 'report', payload: { ms: 5 }, cron: '30 2 * * *' });
  for (let i = 0; i < 24; i++) {
    await schedules.update('nightly-report', { payload: { ms: 4 + ((i * 7) % 40), broken: i % 9 === 4 } });
    const { id } = await schedules.run('nightly-report', { actor: 'ada' });
    await manager.result(id, { timeout: '20s' }).catch(() => {});
  }
  await add({
    ...{ ...berlin, id: 'office-hours', type: 'resize', payload: { width: 64 }, cron: '0 9-17 * * mon-fri' },
    ...{ calendar: { businessDays: true }, missed: { window: '2h' }, overlap: 'queueOne', maxInstances: 2 },
    options: { queue: 'thumbnails', priority: 3, tags: ['office', 'spring'], timeout: '10m' },
  });
  await add({ id: 'pulse', type: 'report', payload: {}, interval: '15m', jitter: '1m' });
  await add({ id: 'catalog-import-of-the-northern-warehouses', type: 'slow', cron: '0 5 * * sun' });
  await schedules.run('catalog-import-of-the-northern-warehouses', { actor: 'grace' });
  await add({ ...berlin, id: 'invoices', type: 'sendWelcome', payload: 'bank@example.test', cron: '0 3 1 * *' });
  await schedules.pause('invoices', { actor: 'ada', reason: 'the bank is closed', until: '2100-01-01T08:00:00Z' });
  await add({ id: 'launch', type: 'never', at: '2100-01-01T09:00:00+01:00' });
};

export interface Service {
  readonly url: string;
  readonly manager: JobManager<typeof jobs>;
  readonly server: RunningServer;
  close(): Promise<void>;
}

/** What must not be seen on any page is the part before the @. */
const SECRET = 'postgres://ada:analytical@db.example.test/jobs';

interface ServiceOptions {
  /** To come back at the same address. */
  readonly port?: number;
  readonly database?: string;
  readonly uploads?: Uploads;
  /** Also on this machine one has to say who one is. */
  readonly requireToken?: boolean;
}

export const startService = async ({
  port = 0,
  database = ':memory:',
  uploads,
  requireToken = false,
}: ServiceOptions = {}): Promise<Service> => {
  const manager = new JobManager(database, {
    jobs,
    logger: false,
    handleSignals: false,
    maxConcurrentJobs: 4,
    shutdownTimeout: 100,
    processId: 'web-2',
  });
  await manager.start();
  const server = await startServer(manager as unknown as JobManager, {
    host: '127.0.0.1',
    port,
    now: () => manager.now(),
    ...(uploads && { uploads }),
    requireToken,
    settings: shownSettings(resolveSettings({ flags: { database: SECRET }, environment: { PORT: '0' }, file: null })),
  });
  const close = async () => {
    await manager.close();
    await server.close();
  };
  return { url: server.url, manager, server, close };
};

/** Jobs in every state, a batch, and one that runs for as long as anybody looks. */
export const fill = async (manager: Service['manager']) => {
  const failed = await manager.enqueue('sendWelcome', 'user42@example.test', { queue: 'emails', tags: ['spring'] });
  const done = await manager.enqueue('resize', { width: 640, token: 'secret-value', pin: 4711 } as { width: number }, {
    queue: 'thumbnails',
  });
  const late = await manager.enqueue('stuck', undefined, { queue: 'imports' });
  await manager.enqueue('resize', { width: 320 }, { delay: '3h', queue: 'thumbnails' });
  await manager.enqueue('never', undefined, { held: true });
  const gone = await manager.enqueue('never', undefined, { delay: '1h' });
  await manager.cancel(gone.id, { reason: 'not needed any more' });
  await manager.pauseQueue('billing', { reason: 'the bank is closed' });
  const waiting = await manager.enqueue('never', { invoice: 7 }, { queue: 'billing' });
  const batch = await manager.enqueueBatch({
    type: 'month-end',
    jobs: [
      ...[1, 2, 3].map((width) => ({ type: 'resize' as const, payload: { width } })),
      { type: 'sendWelcome' as const, payload: 'user7@example.test' },
    ],
  });
  const running = await manager.enqueue('slow', { file: 'catalog.csv' }, { queue: 'imports' });
  for (const { id } of [failed, done, late, batch]) await manager.result(id, { timeout: '20s' }).catch(() => {});
  return { failed, done, late, gone, waiting, batch, running };
};
