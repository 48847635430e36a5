/** Commands that change jobs. Ids are acted on at once; a filter first shows what it would do, and acts with `--yes`. */
import type { Command } from 'commander';
import { statesFor } from '../../../job/bulk.ts';
import { checkDuration, checkInstant } from '../../../job/check.ts';
import { jobNotFound, notAllowedNow, nothingMatched, usage } from '../../../job/errors.ts';
import type { JobFilter } from '../../../job/filter.ts';
import type { Status } from '../../../job/states.ts';
import type { Action, Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import type { Desk } from '../desk.ts';
import { EXIT, type ExitCode, exitCodeOf } from '../exit-code.ts';
import { number } from '../flags.ts';
import { count, time } from '../print.ts';
import { type Chosen, chosen, WHERE_FLAG, WHERE_SAYS } from '../where.ts';

/** A change that a command makes to many jobs. */
interface Change {
  readonly name: string;
  readonly says: string;
  /** What a preview asks for. */
  readonly action: 'retry' | 'cancel' | 'remove';
  /** "412 would be retried". */
  readonly done: string;
  /** States it applies to; jobs in others are skipped. */
  readonly from: readonly Status[];
  readonly instead: string;
  readonly one: (client: Desk, id: string, cli: Cli) => Promise<string | null>;
  readonly many: (client: Desk, filter: JobFilter, cli: Cli) => Promise<number>;
}

const reasonOf = ({ flags }: Cli): { reason?: string } =>
  typeof flags.reason === 'string' ? { reason: flags.reason } : {};

const CHANGES: readonly Change[] = [
  {
    name: 'retry',
    action: 'retry',
    says: 'Run jobs again that failed, timed out or were cancelled.',
    done: 'retried',
    from: statesFor('retry'),
    instead: 'a job that failed, timed out or was cancelled',
    one: async (client, id) => ((await client.retry(id)) ? 'retried' : null),
    many: (client, filter) => client.retryAll(filter),
  },
  {
    name: 'cancel',
    action: 'cancel',
    says: 'Cancel jobs that wait, and ask running ones to stop.',
    done: 'cancelled',
    from: statesFor('cancel'),
    instead: 'a job that waits or runs',
    one: async (client, id, cli) => {
      const answer = await client.cancel(id, { ...reasonOf(cli), tree: cli.flags.tree === true });
      return answer === 'no' ? null : answer === 'requested' ? 'asked to stop' : 'cancelled';
    },
    many: async (client, filter, cli) => {
      const { cancelled, requested } = await client.cancelAll(filter, reasonOf(cli));
      return cancelled + requested;
    },
  },
  {
    name: 'rm',
    action: 'remove',
    says: 'Delete jobs that do not run, with their history.',
    done: 'removed',
    from: statesFor('remove'),
    instead: 'a job that does not run and has no children',
    one: async (client, id) => ((await client.remove(id)) ? 'removed' : null),
    many: (client, filter) => client.removeAll(filter),
  },
];

export const addJobChanges = (jobs: Command, run: Run): void => {
  for (const change of CHANGES) {
    const command = jobs
      .command(change.name)
      .argument('[ids...]')
      .description(change.says)
      .option(WHERE_FLAG, WHERE_SAYS)
      .option('--all', 'Every job.')
      .option('--dry-run', 'Only show what it would do.')
      .option('--yes', 'Do it; needed with --where and --all.')
      .action((ids: string[], _, self: Command) => run(self.optsWithGlobals(), (cli) => apply(cli, change, ids)));
    if (change.name === 'cancel')
      command.option('--reason <text>', 'Why; kept with the job.').option('--tree', 'With all descendants (ids only).');
  }
  addEdit(jobs, run);
};

const apply = (cli: Cli, change: Change, ids: readonly string[]): Promise<ExitCode> => {
  const target = chosen(ids, cli.flags);
  if (cli.flags.tree === true && !('ids' in target)) throw usage('--tree goes with ids only.', 'Name the parents.');
  return withClient(cli, { create: false }, (client) => {
    if ('ids' in target && cli.flags.dryRun !== true) return changeEach(cli, change, client, target.ids);
    return changeMany(cli, change, client, target);
  });
};

/** Does it job by job, and says of each what became of it. Ends with the first mistake's exit code. */
const changeEach = async (cli: Cli, change: Change, client: Desk, ids: readonly string[]): Promise<ExitCode> => {
  let code: ExitCode = EXIT.ok;
  for (const id of ids) {
    const outcome = await change.one(client, id, cli);
    if (outcome !== null) {
      await cli.out.record('change', { id, change: change.name, outcome }, () => `${id} ${outcome}`);
      continue;
    }
    const job = await client.get(id);
    const error = job ? notAllowedNow(change.done, id, job.status, change.instead) : jobNotFound(id);
    cli.out.error(error);
    if (code === EXIT.ok) code = exitCodeOf(error);
  }
  return code;
};

const changeMany = async (cli: Cli, change: Change, client: Desk, target: Chosen): Promise<ExitCode> => {
  const { out, flags } = cli;
  const filter: JobFilter = 'ids' in target ? { id: target.ids } : target.filter;
  const which = Object.keys(filter).length === 0 ? ({ all: true } as const) : filter;
  const preview = await client.bulk.preview({ filter: which, action: { kind: change.action } });
  const { count: ready, skipped, snapshotAt } = preview;
  const matched = Object.values(skipped).reduce((sum, n) => sum + n, ready);
  if (matched === 0) throw nothingMatched('ids' in target ? 'These ids' : 'The filter');
  const facts = { change: change.name, matched, ready, skipped };
  if (flags.yes !== true || flags.dryRun === true) {
    await out.record(
      'preview',
      { ...facts, done: 0 },
      () => `${ready.toLocaleString('en-US')} would be ${change.done}${inWords(skipped)}.`,
    );
    if (ready > 0) out.talk(`Oldest ${time(preview.oldest!)}, newest ${time(preview.newest!)}.`);
    if (ready > 0) out.talk('Run again with --yes to do it.');
    return EXIT.ok;
  }
  const eligible = among(filter, change.from);
  // What came after the look is not meant.
  const createdBefore = Math.min(checkInstant(filter.createdBefore ?? snapshotAt + 1, 'until'), snapshotAt + 1);
  const done = eligible && ready > 0 ? await change.many(client, { ...eligible, createdBefore }, cli) : 0;
  await out.record('changed', { ...facts, done }, () => `${count(done, 'job')} ${change.done}${inWords(skipped)}.`);
  return done > 0 ? EXIT.ok : EXIT.refused;
};

/** The filter, narrowed to some states; null if none of them is left. */
const among = (filter: JobFilter, states: readonly Status[]): JobFilter | null => {
  const asked = filter.status === undefined ? states : [filter.status].flat();
  const status = asked.filter((one) => states.includes(one));
  return status.length === 0 ? null : { ...filter, status };
};

const inWords = (skipped: Readonly<Record<string, number>>): string => {
  const entries = Object.entries(skipped);
  if (entries.length === 0) return '';
  const total = entries.reduce((sum, [, n]) => sum + n, 0);
  const states = entries.length === 1 ? entries[0]![0] : entries.map(([reason, n]) => `${n} ${reason}`).join(', ');
  return `, ${total.toLocaleString('en-US')} skipped (${states})`;
};

const addEdit = (jobs: Command, run: Run): void => {
  jobs
    .command('edit')
    .argument('<id>')
    .description('Change a job that waits: its priority, its time, or hold it back.')
    .option('--priority <n>', '1 runs first, 10 last.')
    .option('--at <time>', 'Run at this instant: ISO 8601 with an offset or Z.')
    .option('--in <time>', 'Run so long from now, such as 5m.')
    .option('--now', 'Run as soon as there is a free slot.')
    .option('--hold', 'Hold it back until it is released.')
    .option('--release', 'Let a held job go on.')
    .action((id: string, _, self: Command) => run(self.optsWithGlobals(), edit(id)));
};

const edit =
  (id: string): Action =>
  (cli) => {
    const { priority, at, in: delay, now, hold, release } = cli.flags;
    const times = [at, delay, now].filter((one) => one !== undefined);
    if (times.length > 1) throw usage('--at, --in and --now exclude each other.');
    if (hold && release) throw usage('--hold and --release exclude each other.');
    if (times.length === 0 && priority === undefined && !hold && !release)
      throw usage('It was not said what to change.', 'backline help jobs edit');
    const runAt =
      at !== undefined
        ? checkInstant(at, '--at')
        : delay !== undefined
          ? Date.now() + checkDuration(delay, '--in')
          : null;
    return withClient(cli, { create: false }, async (client) => {
      if (priority !== undefined) await client.reprioritise(id, number(String(priority)) as number);
      if (runAt !== null) await client.reschedule(id, runAt);
      if (now) await client.runNow(id);
      if (hold) await client.pauseJob(id);
      if (release) await client.resumeJob(id);
      await cli.out.record('change', { id, change: 'edit', outcome: 'changed' }, () => `${id} changed`);
    });
  };
