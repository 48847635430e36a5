/** A process that runs jobs with a JobManager and reports what happens; the tests kill, stop or block it. */
import { JobManager } from '../../src/engine/job-manager.ts';
import { job } from '../../src/job/define.ts';
import type { Failpoint } from '../../src/store/sqlite/failpoints.ts';
import { dieAt, heard, orderOf, report } from './report.ts';

export interface EngineOrder {
  readonly file: string;
  readonly name: string;
  /** Jobs of the type `mixed` to hand in after the start. */
  readonly enqueue?: number;
  readonly leaseMs?: number;
  readonly slots?: number;
  /** Ends when nothing waits or runs any more. */
  readonly untilIdle?: boolean;
  readonly kill?: { readonly failpoint: Failpoint; readonly nth: number };
}

const order = orderOf<EngineOrder>();

const snoozed = new Set<string>();

/** Succeeds, fails once, snoozes once per process, fails for good, cancels itself, or hands in another job; by its number. */
const mixed = job({
  maxAttempts: 2,
  backoff: { kind: 'fixed', delay: 10 },
  run: async (payload: unknown, ctx) => {
    const { id } = ctx.job;
    report('run', { id, attempt: ctx.attempt });
    ctx.progress(50);
    ctx.log.info({ payload }, 'at work');
    const kind = Number(payload) % 6;
    if (kind === 1 && ctx.attempt === 1) throw new TypeError('the first time');
    if (kind === 2 && !snoozed.has(id)) {
      snoozed.add(id);
      ctx.snooze(20);
    }
    if (kind === 3) throw new TypeError('every time');
    if (kind === 4) ctx.cancel('enough');
    if (kind === 5) await ctx.enqueue('mixed', 0, { key: `child of ${id}` });
    report('effect', { id });
    return { large: 'r'.repeat(kind * 500) };
  },
});

/** Ends when it is told to. */
const told = job({
  timeout: false,
  run: async (_: unknown, ctx) => {
    report('run', { id: ctx.job.id });
    await heard('go');
    return order.name;
  },
});

/** Holds up the event loop for so many milliseconds. */
const block = job({
  run: (ms: unknown, ctx) => {
    report('run', { id: ctx.job.id });
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(ms));
    return order.name;
  },
});

const quick = job({
  run: async (_: unknown, ctx) => {
    await new Promise((resolve) => setImmediate(resolve));
    report('effect', { id: ctx.job.id });
  },
});

if (order.kill) dieAt(order.kill.failpoint, order.kill.nth);
const manager = new JobManager(order.file, {
  jobs: { mixed, told, block, quick },
  processId: order.name,
  maxConcurrentJobs: order.slots ?? 5,
  lease: order.leaseMs ?? 20_000,
  pollInterval: 50,
  progressUpdateInterval: 1,
  logger: false,
});
manager.on('job-completed', ({ jobId }) => report('completed', { id: jobId }));
for (const name of [
  'loop-blocked',
  'lease-lost',
  'worker-lost',
  'orphans-released',
  'job-late-result',
  'error',
] as const)
  manager.on(name, (event) => report(name, { event: JSON.parse(JSON.stringify(event)) }));
await manager.start();
report('started');
for (let i = 0; i < (order.enqueue ?? 0); i++) report('enqueued', { id: (await manager.enqueue('mixed', i)).id });
if (order.untilIdle) {
  while ((await manager.count({ status: ['created', 'queued', 'running'] })) > 0)
    await new Promise((resolve) => setTimeout(resolve, 20));
  await manager.close();
  report('idle');
}
