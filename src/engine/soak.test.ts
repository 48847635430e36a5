/** Several managers on one file that come and go, while people change their minds: what must never be true is not true. */
import { expect, test } from 'vitest';
import { freshFile, listen, newManager, only, startManager } from '../../test/managers.ts';
import { aborted } from '../../test/mock-job-executor.ts';
import { until } from '../../test/wait.ts';
import { stableRandom } from '../job/backoff.ts';
import { job } from '../job/define.ts';
import { mayMove, type Status } from '../job/states.ts';

const JOBS = 250;
const ROUNDS = 120;

test.each([1, 2, 3])('life with seed %i', async (seed) => {
  const file = freshFile();
  let drawn = 0;
  const below = (n: number) => Math.floor(stableRandom(`seed ${seed}`)(drawn++) * n);
  const running = new Map<string, number>();
  const twice: string[] = [];

  /** Does what its payload says, and watches that nobody else does the same job meanwhile. */
  const task = job({
    run: async (kind: number, ctx) => {
      const { id } = ctx.job;
      running.set(id, (running.get(id) ?? 0) + 1);
      if (running.get(id)! > 1) twice.push(id);
      try {
        if (kind === 0) throw new Error('always');
        if (kind === 1 && ctx.attempt === 1) throw new Error('at first');
        if (kind === 2) return await aborted(ctx.signal);
        if (kind === 3 && below(2) === 0) ctx.snooze(below(20));
        if (kind === 4) ctx.progress(50);
        for (let turn = below(5); turn > 0; turn--) await new Promise((resolve) => setImmediate(resolve));
        return kind;
      } finally {
        running.set(id, running.get(id)! - 1);
      }
    },
  });
  const options = { jobs: { task }, maxConcurrentJobs: 4, grace: '10s', pollInterval: 20 } as const;
  const watcher = await startManager({ worker: false }, file);
  const heard = listen(watcher);
  const workers = [await startManager(options, file), await startManager(options, file)];
  const ids: string[] = [];
  const anyId = () => ids[below(ids.length)]!;

  for (let round = 0; round < ROUNDS; round++) {
    if (ids.length < JOBS) {
      const answers = await watcher.enqueueMany(
        Array.from({ length: 1 + below(6) }, () => ({
          type: 'task',
          payload: below(8),
          options: {
            priority: 1 + below(10),
            delay: below(3) * below(30),
            timeout: 40,
            maxAttempts: 1 + below(3),
            held: below(10) === 0,
            ...(below(4) === 0 ? { limitKey: `k${below(2)}` } : {}),
          },
        })),
      );
      ids.push(...answers.map(({ id }) => id));
    }
    const person = workers[below(workers.length)]!;
    const change = [
      () => watcher.cancel(anyId()),
      () => person.cancel(anyId()),
      () => watcher.retry(anyId()),
      () => person.reprioritise(anyId(), 1 + below(10)).catch(() => {}),
      () => watcher.runNow(anyId()).catch(() => {}),
      () => watcher.pauseJob(anyId()).catch(() => {}),
      () => watcher.resumeJob(anyId()).catch(() => {}),
      () => watcher.limitKey(`k${below(2)}`, 1 + below(2)),
      () => (below(3) === 0 ? watcher.pauseQueue('default') : watcher.resumeQueue('default')),
      async () => {
        if (below(4) !== 0) return;
        const at = below(workers.length);
        await workers[at]!.close({ timeout: below(2) * 20 });
        workers[at] = newManager(options, file);
        await workers[at]!.start();
      },
    ];
    await change[below(change.length)]!();
  }

  await watcher.resumeQueue('default');
  for (const { id } of (await watcher.list({ status: 'created' }, { limit: 1000 })).jobs) await watcher.resumeJob(id);
  await until(async () => (await watcher.getActiveJobs()).length === 0, 'every job has ended', 25_000);

  expect(twice).toEqual([]);
  const all = await watcher.getAllJobs();
  expect(all.map(({ id }) => id)).toEqual(ids);
  const { byStatus, lateResults } = await watcher.stats();
  for (const [status, n] of Object.entries(byStatus))
    expect(all.filter((one) => one.status === status)).toHaveLength(n);
  expect(lateResults).toBe(0);
  expect(all.filter(({ crashes }) => crashes > 0)).toEqual([]);
  expect(await watcher.checkIntegrity()).toEqual({ ok: true, problems: [] });

  // The events of each job are a way through the table of moves, and end where the row is.
  await until(() =>
    all.every(
      ({ id, status }) => only(heard, 'job-status-changed').findLast(({ jobId }) => jobId === id)?.status === status,
    ),
  );
  for (const { id } of all) {
    let at: Status | null = null;
    for (const { jobId, from, status } of only(heard, 'job-status-changed')) {
      if (jobId !== id) continue;
      expect(from).toBe(at);
      if (from !== null)
        expect(mayMove(from, status) || (status === 'queued' && from !== 'completed'), `${from} → ${status}`).toBe(
          true,
        );
      at = status;
    }
  }
  // Each life has its attempts, numbered by claims that only grow.
  for (const { id, life, claim } of all) {
    const attempts = await watcher.attempts(id);
    const claims = attempts.map((one) => one.claim);
    expect(claims).toEqual([...claims].sort((a, b) => a - b));
    expect(new Set(claims).size).toBe(claims.length);
    expect(claims.length === 0 || claims.at(-1)! <= claim).toBe(true);
    expect(Math.max(1, ...attempts.map((one) => one.life))).toBeLessThanOrEqual(life);
    expect(attempts.every(({ outcome, endedAt }) => outcome !== 'running' && endedAt !== null)).toBe(true);
  }
});
