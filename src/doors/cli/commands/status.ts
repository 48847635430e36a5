import type { Command } from 'commander';
import { checkDuration, integer } from '../../../job/check.ts';
import { ACTIVE, STATUSES } from '../../../job/states.ts';
import { sleep } from '../../../util/sleep.ts';
import type { Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import type { Desk } from '../desk.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { number } from '../flags.ts';
import { type Interruption, untilInterrupted } from '../interrupt.ts';
import { paintStatus } from '../job-text.ts';
import { bytes, count, type Output, span } from '../print.ts';

const LOOK_MS = 500;
const LATELY_MS = 900_000;

export const addStatus = (program: Command, run: Run): void => {
  program
    .command('status')
    .description('Show how many jobs are in which state; for scripts, wait for the end or check for failures.')
    .option('--wait-empty', 'Wait until no job waits or runs.')
    .option('--timeout <time>', 'Wait no longer than this, such as 10m; then end with 1.')
    .option('--max-failed <n>', 'End with 1 if more jobs than this failed or timed out.')
    .action((_, self: Command) => run(self.optsWithGlobals(), status));
};

const status = (cli: Cli): Promise<ExitCode> => {
  const { out, flags } = cli;
  const maxFailed =
    flags.maxFailed === undefined
      ? null
      : integer(0, Number.MAX_SAFE_INTEGER)(number(String(flags.maxFailed)), '--max-failed');
  const timeoutMs = flags.timeout === undefined ? null : checkDuration(flags.timeout, '--timeout');
  return withClient(cli, { create: false }, async (client) => {
    const stop = flags.waitEmpty === true ? untilInterrupted() : null;
    const emptied = !stop || (await waitEmpty(client, out, stop, timeoutMs));
    const { failed } = await show(client, out);
    if (stop?.signal.aborted) return stop.code();
    if (!emptied) {
      out.talk('There are still jobs that wait or run: the time is over.');
      return EXIT.failed;
    }
    if (maxFailed === null || failed <= maxFailed) return EXIT.ok;
    out.talk(
      `${count(failed, 'job')} failed or timed out; ${maxFailed} would be allowed. → backline jobs ls --where status:failed,timeout`,
    );
    return EXIT.failed;
  });
};

/** @returns false if the time was over first. */
const waitEmpty = async (
  client: Desk,
  out: Output,
  { signal }: Interruption,
  timeoutMs: number | null,
): Promise<boolean> => {
  const deadline = timeoutMs === null ? null : performance.now() + timeoutMs;
  const both = AbortSignal.any([signal, out.closed]);
  for (;;) {
    const active = await client.count({ status: ACTIVE });
    if (active === 0 || both.aborted) break;
    const leftMs = deadline === null ? LOOK_MS : deadline - performance.now();
    if (leftMs <= 0) return false;
    out.progress(`${count(active, 'job')} to go`);
    await sleep(Math.min(LOOK_MS, leftMs), { signal: both });
  }
  out.progress(null);
  return true;
};

const show = async (client: Desk, out: Output): Promise<{ failed: number }> => {
  const since = client.now() - LATELY_MS;
  const [{ byType, ...stats }, workers, lately] = await Promise.all([
    client.stats(),
    client.workers(),
    client.metrics({ since }),
  ]);
  const alive = workers.filter(({ leaseUntil }) => leaseUntil >= client.now());
  const slots = alive.reduce((sum, worker) => sum + worker.slots, 0);
  await out.record('status', { ...stats, byType, workers: alive.length, slots, lately: lately.total }, () =>
    [
      ...STATUSES.map(
        (name) =>
          `${paintStatus(name, out)}${' '.repeat(12 - name.length)}${stats.byStatus[name].toLocaleString('en-US').padStart(12)}`,
      ),
      `${count(stats.total, 'job')} in all, ${bytes(stats.sizeBytes)}. ${count(alive.length, 'worker')} with ${count(slots, 'slot')}.`,
      `Last 15 minutes: ${rates(lately.total)}.`,
    ].join('\n'),
  );
  return { failed: stats.byStatus.failed + stats.byStatus.timeout };
};

const rates = (total: Awaited<ReturnType<Desk['metrics']>>['total']): string => {
  const { createdPerSecond, completedPerSecond, errorRate, waitMs, runMs } = total;
  const parts = [`${perSecond(createdPerSecond)} jobs/s in`, `${perSecond(completedPerSecond)} jobs/s completed`];
  if (errorRate !== null) parts.push(`${Number((errorRate * 100).toFixed(1))} % failed`);
  if (waitMs) parts.push(`waited ${span(waitMs.p95)} and ran ${runMs ? span(runMs.p95) : '–'} (95 of 100)`);
  return parts.join(', ');
};

const perSecond = (rate: number): string => String(Number(rate.toPrecision(2)));
