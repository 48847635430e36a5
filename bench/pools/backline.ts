/** Our own pools: alone, as the engine calls them, and behind the whole way of a job through the store. */
import { JobManager, job, ThreadPool, WorkerPool } from '../../src/index.ts';
import type { Where } from '../measures.ts';
import { type OpenPool, type PoolKind, WORKERS } from './pool.ts';

const NOOP = new URL('./noop.ts', import.meta.url);

const make = (kind: PoolKind) =>
  kind === 'threads'
    ? new ThreadPool({ module: NOOP, maxThreads: WORKERS })
    : new WorkerPool({ module: NOOP, maxWorkers: WORKERS });

const say = () => {};

export const open: OpenPool = async (kind) => {
  const pool = make(kind);
  const run = pool.run.bind(pool) as (task: object) => Promise<unknown>;
  let seq = 0;
  return {
    run: (payload) => {
      const json = JSON.stringify(payload);
      const job = {
        seq: ++seq,
        id: String(seq),
        type: 'noop',
        queue: 'default',
        payload: json,
        attempts: 1,
        crashes: 0,
      };
      const ctx = { signal: new AbortController().signal, log: {}, progress: say, heartbeat: say };
      return run({ job, type: {}, payload, ctx, graceMs: 1000 });
    },
    close: () => pool.close(),
  };
};

/** Jobs per second until all are stored as completed, through a pool that is warm. */
export const drain = async ({ file, durability }: Where, kind: PoolKind, payloads: readonly unknown[]) => {
  const manager = new JobManager(`sqlite:${file}`, {
    jobs: { noop: job({ runner: make(kind) }) },
    maxConcurrentJobs: 100,
    durability,
    handleSignals: false,
  });
  await manager.start();
  const add = (list: readonly unknown[]) =>
    manager.enqueueMany(list.map((payload) => ({ type: 'noop' as const, payload })));
  const warm = await add(payloads.slice(0, 50));
  await Promise.all(warm.map(({ id }) => manager.result(id)));
  await manager.pauseQueue('default');
  for (let from = 0; from < payloads.length; from += 1000) await add(payloads.slice(from, from + 1000));
  const from = performance.now();
  await manager.resumeQueue('default');
  for (;;) {
    const { byStatus } = await manager.stats();
    if (byStatus.queued + byStatus.running === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  const rate = payloads.length / ((performance.now() - from) / 1000);
  await manager.close();
  return rate;
};
