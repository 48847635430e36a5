/** What readers of the live feed cost a worker that is busy: its jobs per second with them, and without. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { JobManager, job, startServer } from '../../src/index.ts';
import type { Where } from '../measures.ts';

/** Each job computes for so long, and what is done around it takes as long again: five hundred a second start and end, a thousand changes. */
const BUSY_MS = 1.2;
const LISTENERS = fileURLToPath(new URL('./listeners.ts', import.meta.url));

const compute = (): void => {
  const until = performance.now() + BUSY_MS;
  while (performance.now() < until);
};

export interface Followed {
  /** Jobs per second. */
  readonly rate: number;
  /** CPU time of the process per job, in milliseconds: what the readers cost it, also while others take the cores. */
  readonly cpuMs: number;
  /** How much the process grew meanwhile. */
  readonly memoryMb: number;
}

export const followed = async ({ file, durability }: Where, n: number, listeners: number): Promise<Followed> => {
  const manager = new JobManager(`sqlite:${file}`, {
    jobs: { compute: job({ run: compute }) },
    ...{ maxConcurrentJobs: 10, durability, handleSignals: false, logger: false },
  });
  await manager.start();
  const server = await startServer(manager as JobManager, { host: '127.0.0.1', port: 0 });
  const readers = listeners > 0 ? await follow(server.url, listeners) : null;
  try {
    return await drain(manager as JobManager, n);
  } finally {
    if (readers) await heardSomething(readers);
    readers?.kill();
    await server.close();
    await manager.close();
  }
};

const follow = async (url: string, count: number): Promise<ChildProcess> => {
  const readers = fork(LISTENERS, [url, String(count)], { stdio: ['ignore', 2, 2, 'ipc'] });
  const [open] = await Promise.race([once(readers, 'message'), once(readers, 'exit')]);
  if (open !== 'open') throw new Error('The listeners could not connect.');
  return readers;
};

/** A figure without a frame sent would mean nothing. */
const heardSomething = async (readers: ChildProcess): Promise<void> => {
  const answer = once(readers, 'message');
  readers.send('bytes');
  const [bytes] = (await answer) as [number];
  if (bytes === 0) throw new Error('The listeners heard nothing.');
};

const drain = async (manager: JobManager, n: number): Promise<Followed> => {
  await manager.pauseQueue('default');
  await manager.enqueueMany(Array.from({ length: n }, () => ({ type: 'compute', payload: null })));
  (globalThis as { gc?: () => void }).gc?.();
  const before = process.memoryUsage.rss();
  let peak = before;
  const looking = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 50);
  const [from, cpu] = [performance.now(), process.cpuUsage()];
  await manager.resumeQueue('default');
  while ((await manager.stats()).byStatus.completed < n) await new Promise((resolve) => setTimeout(resolve, 10));
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  clearInterval(looking);
  return { rate: n / seconds, cpuMs: (user + system) / 1000 / n, memoryMb: Math.max(0.1, (peak - before) / 1e6) };
};
