import { type Command, Option } from 'commander';
import { jobNotFound, nothingMatched, usage } from '../../../job/errors.ts';
import type { JobFilter, JobOrder } from '../../../job/filter.ts';
import type { Job } from '../../../job/job.ts';
import type { Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { attemptRecord, jobRecord, jobRow, jobText } from '../job-text.ts';
import { count, table } from '../print.ts';
import { WHERE_FLAG, WHERE_SAYS, whereOf } from '../where.ts';
import { addJobChanges } from './jobs-change.ts';

const PAGE = 500;

export const addJobs = (program: Command, run: Run): void => {
  const jobs = program.command('jobs').description('List jobs, show them, and change their fate.');
  jobs
    .command('ls')
    .description('List jobs, the newest first.')
    .option(WHERE_FLAG, WHERE_SAYS)
    .addOption(
      new Option('--order <order>', 'Which first; next: in the order in which they will run.')
        .choices(['newest', 'oldest', 'next'])
        .default('newest'),
    )
    .option('--limit <n>', 'How many at most.', '50')
    .option('--all', 'All of them, however many.')
    .action((_, self: Command) => run(self.optsWithGlobals(), listJobs));
  jobs
    .command('show')
    .argument('<ids...>')
    .description('Show all about some jobs: payload, result, attempts, errors.')
    .action((ids: string[], _, self: Command) => run(self.optsWithGlobals(), (cli) => showJobs(cli, ids)));
  addJobChanges(jobs, run);
};

const listJobs = async (cli: Cli): Promise<ExitCode> => {
  const { out, flags } = cli;
  const filter = whereOf(flags) ?? {};
  const limit = flags.all === true ? Number.POSITIVE_INFINITY : limitOf(flags.limit);
  return withClient(cli, { create: false }, async (client) => {
    const next = (size: number, after: string | undefined) =>
      client.list(filter, { order: flags.order as JobOrder, limit: size, ...(after ? { after } : {}) });
    let shown = 0;
    let after: string | undefined;
    do {
      const page = await next(Math.min(PAGE, limit - shown), after);
      await printPage(cli, page.jobs, client.now(), shown === 0);
      shown += page.jobs.length;
      after = page.next ?? undefined;
    } while (after && shown < limit && !out.closed.aborted);
    if (after && !out.json && !out.closed.aborted)
      out.talk(`${shown} of ${count(await client.count(filter), 'job')}; --all shows every one.`);
    return tellIfNone(cli, shown, filter);
  });
};

/** @throws USAGE. */
const limitOf = (given: unknown): number => {
  const limit = /^\d{1,9}$/.test(String(given)) ? Number(given) : 0;
  if (limit < 1) throw usage(`--limit is "${given}".`, 'Use a whole number from 1, or --all.');
  return limit;
};

/** Only the first page gets headings. */
const printPage = async ({ out }: Cli, jobs: readonly Job[], now: number, isFirst: boolean): Promise<void> => {
  if (out.json) for (const job of jobs) await out.record('job', jobRecord(job), () => '');
  if (out.json || jobs.length === 0) return;
  const [headings, ...lines] = table(
    jobs.map((job) => jobRow(job, now)),
    out.width,
  );
  for (const line of isFirst ? [headings!, ...lines] : lines) await out.data(line);
};

const tellIfNone = ({ out }: Cli, shown: number, filter: JobFilter): ExitCode => {
  if (shown > 0) return EXIT.ok;
  if (Object.keys(filter).length > 0) throw nothingMatched('The filter of --where');
  out.talk('There are no jobs yet. Hand one in with: backline add JOB');
  return EXIT.ok;
};

const showJobs = (cli: Cli, ids: readonly string[]): Promise<void> =>
  withClient(cli, { create: false }, async (client) => {
    const { out } = cli;
    let missing: string | undefined;
    for (const id of new Set(ids)) {
      const job = await client.get(id);
      if (!job) {
        if (missing !== undefined) out.error(jobNotFound(missing));
        missing = id;
        continue;
      }
      const attempts = await client.attempts(id);
      await out.record('job', jobRecord(job), () => jobText(job, attempts, out, client.now()));
      if (out.json) for (const attempt of attempts) await out.record('attempt', attemptRecord(id, attempt), () => '');
    }
    if (missing !== undefined) throw jobNotFound(missing);
  });
