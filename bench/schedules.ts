/**
 * `node bench/schedules.ts [--schedules 10000] [--due 1000] [--idle-s 10] [--store sqlite|postgres]`: what schedules cost, as rates and
 * ratios within one run. See docs/performance.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { JobManager, job, nextRuns } from '../src/index.ts';
import { type TestClock, testClock } from '../src/testing.ts';
import { startBenchServer } from './postgres/server.ts';

const { values } = parseArgs({
  options: {
    schedules: { type: 'string', default: '10000' },
    due: { type: 'string', default: '1000' },
    'idle-s': { type: 'string', default: '10' },
    store: { type: 'string', default: 'sqlite' },
  },
});
const [many, due, idleS] = [Number(values.schedules), Number(values.due), Number(values['idle-s'])];
const say = (what: string, figure: string): boolean => process.stdout.write(`${what.padEnd(58)} ${figure}\n`);
const cpuMs = (since?: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

const CRONS = ['0 2 * * *', '*/5 * * * *', '30 9 * * mon-fri', '0 0 L * *', '15 3 * * sunL', '0 */6 * * *'];
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];

const arithmetic = (): void => {
  const before = process.cpuUsage();
  for (let i = 0; i < many; i++)
    nextRuns({ cron: CRONS[i % CRONS.length]!, timeZone: ZONES[i % ZONES.length]!, count: 1 });
  const ms = cpuMs(before);
  say(
    `the next run of ${many} schedules, each read anew`,
    `${ms.toFixed(0)} ms of CPU, ${Math.round((1000 * many) / ms)}/s`,
  );
};

/** By a clock that is moved by hand: from the instant at which all are due until the last has its job. */
const firing = async (manager: JobManager, clock: TestClock): Promise<number> => {
  const at = new Date(clock.now() + 3_600_000);
  const add = (i: number) => manager.schedules.add({ id: `due-${i}`, type: 'none', at });
  for (let i = 0; i < due; i += 100)
    await Promise.all(Array.from({ length: Math.min(100, due - i) }, (_, k) => add(i + k)));
  let fired = 0;
  const last = new Promise<void>((resolve) =>
    manager.on('schedule-fired', () => {
      if (++fired === due) resolve();
    }),
  );
  const started = performance.now();
  clock.advance('1h');
  await last;
  return performance.now() - started;
};

const inserting = async (manager: JobManager): Promise<number> => {
  const started = performance.now();
  await manager.enqueueMany(Array.from({ length: due }, () => ({ type: 'none' })));
  return performance.now() - started;
};

const main = async (): Promise<void> => {
  arithmetic();
  const folder = mkdtempSync(join(tmpdir(), 'backline-bench-'));
  const server = values.store === 'postgres' ? await startBenchServer(null) : null;
  const clock = testClock();
  const manager = new JobManager(server?.place() ?? `sqlite:${join(folder, 'jobs.db')}`, {
    jobs: { none: job({ run: () => null }) },
    // What is fired waits: only the firing is measured.
    queues: ['none'],
    logger: false,
    clock,
  });
  try {
    await manager.start();
    const firedMs = await firing(manager, clock);
    const insertedMs = await inserting(manager);
    say(
      `${due} due at one instant, fired on ${values.store}`,
      `${firedMs.toFixed(0)} ms, ${Math.round((1000 * due) / firedMs)}/s`,
    );
    say('the same jobs handed in by enqueueMany take', `${(insertedMs / firedMs).toFixed(2)} of that time`);
    const add = (i: number) =>
      manager.schedules.add({ id: `s-${i}`, type: 'none', cron: '0 0 1 1 *', timeZone: ZONES[i % ZONES.length]! });
    for (let i = 0; i < many; i += 100)
      await Promise.all(Array.from({ length: Math.min(100, many - i) }, (_, k) => add(i + k)));
    const before = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000 * idleS));
    say(
      `a worker with ${many} schedules that are not due, idle`,
      `${((100 * cpuMs(before)) / (1000 * idleS)).toFixed(2)} % of a core`,
    );
    for (let i = 0; i < many; i += 100)
      await Promise.all(
        Array.from({ length: Math.min(100, many - i) }, (_, k) => manager.schedules.remove(`s-${i + k}`)),
      );
    const without = process.cpuUsage();
    await new Promise((resolve) => setTimeout(resolve, 1000 * idleS));
    say('the same worker without schedules', `${((100 * cpuMs(without)) / (1000 * idleS)).toFixed(2)} % of a core`);
  } finally {
    await manager.close();
    await server?.end();
    rmSync(folder, { recursive: true, force: true });
  }
};

await main();
