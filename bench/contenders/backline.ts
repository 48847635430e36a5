/** Ourselves, by the public API alone, with every guarantee on. By its path: this folder is a package of its own, so the name does not lead there. */
import { JobManager, job } from '../../src/index.ts';
import { stock } from '../postgres/backline.ts';
import { CONCURRENCY, inChunks, type Open, payload, share } from './contender.ts';

const QUEUE = 'default';

export const open: Open = async ({ file, durability, onStart }) => {
  const manager = new JobManager(file.startsWith('postgres:') ? file : `sqlite:${file}`, {
    jobs: { noop: job({ run: () => onStart?.() }) },
    worker: onStart !== undefined,
    maxConcurrentJobs: CONCURRENCY,
    durability,
    // The table of a million finished rows must stay as it is.
    retention: { maxFinished: false },
    handleSignals: false,
  });
  await manager.start();
  if (onStart) await manager.pauseQueue(QUEUE);
  return {
    add: (n, callers) => share(n, callers, (i) => manager.enqueue('noop', payload(i))),
    addMany: (n, chunk, delay) =>
      inChunks(n, chunk, (numbers) =>
        manager.enqueueMany(
          numbers.map((i) => ({
            type: 'noop' as const,
            payload: payload(i),
            ...(delay === undefined ? {} : { options: { delay } }),
          })),
        ),
      ),
    release: () => manager.resumeQueue(QUEUE),
    hold: () => manager.pauseQueue(QUEUE),
    isDrained: async () => {
      const { byStatus } = await manager.stats();
      if (byStatus.running > 0) return false;
      // Delayed jobs are queued too.
      return byStatus.queued === 0 || (await manager.queues()).every(({ oldestDueAt }) => oldestDueAt === null);
    },
    stock: (backlog) => stock(manager, file, payload(0), backlog),
    endAll: async () => {
      await manager.cancelAll({ all: true });
    },
    close: () => manager.close(),
  };
};
