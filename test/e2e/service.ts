/** A real service with a real life in it, for the pages to show. */
import { setTimeout as sleep } from 'node:timers/promises';
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
  never: job({ run: async () => 'never' }),
  stuck: job({
    maxAttempts: 1,
    timeout: 80,
    run: async (_: unknown, ctx) => sleep(60_000, undefined, { signal: ctx.signal }),
  }),
};

export interface Service {
  readonly url: string;
  readonly manager: JobManager<typeof jobs>;
  readonly server: RunningServer;
  close(): Promise<void>;
}

/** @param options `port` to come back at the same address. */
export const startService = async ({ port = 0, database = ':memory:' } = {}): Promise<Service> => {
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
