import type { Command } from 'commander';
import { checkInstant, parseDuration } from '../../../job/check.ts';
import { invalidOption } from '../../../job/errors.ts';
import type { Action, Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import type { Desk } from '../desk.ts';
import { number } from '../flags.ts';
import { iso, span, table, time } from '../print.ts';

export const addQueues = (program: Command, run: Run): void => {
  const queues = program.command('queues').description('List queues, pause, resume and limit them.');
  queues
    .command('ls')
    .description('List queues with what waits and runs in them.')
    .action((_, self: Command) => run(self.optsWithGlobals(), listQueues));
  queues
    .command('pause')
    .argument('<queue>')
    .description('Start no more jobs of a queue, in every process. Running jobs go on.')
    .option('--reason <text>', 'Why; shown to others.')
    .option('--until <time>', 'Until when: a length such as 2h, or ISO 8601 with an offset or Z.')
    .action((name: string, _, self: Command) => run(self.optsWithGlobals(), pause(name)));
  queues
    .command('resume')
    .argument('<queue>')
    .description('Start jobs of a queue again.')
    .action((name: string, _, self: Command) =>
      run(
        self.optsWithGlobals(),
        change(name, 'resumed', (client) => client.resumeQueue(name)),
      ),
    );
  queues
    .command('limit')
    .argument('<queue>')
    .argument('<n>', 'how many jobs may run at once, over all processes; "none" lifts the limit')
    .description('Limit how many jobs of a queue run at once.')
    .action((name: string, n: string, _, self: Command) =>
      run(
        self.optsWithGlobals(),
        change(name, n === 'none' ? 'unlimited' : `limited to ${n}`, (client) =>
          client.limitQueue(name, n === 'none' ? null : (number(n) as number)),
        ),
      ),
    );
};

const change =
  (name: string, outcome: string, act: (client: Desk) => Promise<void>): Action =>
  (cli) =>
    withClient(cli, { create: false }, async (client) => {
      await act(client);
      await cli.out.record('queue-change', { name, outcome }, () => `${name} ${outcome}`);
    });

const pause =
  (name: string): Action =>
  (cli) => {
    const { reason, until } = cli.flags;
    const end = typeof until === 'string' ? instantOf(until) : undefined;
    const outcome = end === undefined ? 'paused' : `paused until ${time(end)}`;
    const given = { ...(typeof reason === 'string' ? { reason } : {}), ...(end === undefined ? {} : { until: end }) };
    return change(name, outcome, (client) => client.pauseQueue(name, { ...given, actor: 'command line' }))(cli);
  };

const instantOf = (given: string): number => {
  const length = parseDuration(given);
  const end = length === undefined ? checkInstant(given, '--until') : Date.now() + length;
  if (end <= Date.now()) throw invalidOption('--until', given, 'a length such as 2h, or a time to come');
  return end;
};

const listQueues = (cli: Cli): Promise<void> =>
  withClient(cli, { create: false }, async (client) => {
    const { out } = cli;
    const queues = await client.queues();
    const now = client.now();
    if (out.json) {
      for (const { pausedUntil, pausedAt, oldestDueAt, ...queue } of queues) {
        const times = { pausedUntil: iso(pausedUntil), pausedAt: iso(pausedAt), oldestDueAt: iso(oldestDueAt) };
        await out.record('queue', { ...queue, ...times }, () => '');
      }
      return;
    }
    const rows = queues.map(({ name, paused, pausedReason, pausedUntil, maxRunning, counts, oldestDueAt }) => ({
      queue: name,
      created: counts.created,
      queued: counts.queued,
      running: counts.running,
      completed: counts.completed,
      failed: counts.failed + counts.timeout,
      cancelled: counts.cancelled,
      limit: maxRunning === null ? 'none' : String(maxRunning),
      'oldest wait': oldestDueAt === null ? '–' : span(Math.max(0, now - oldestDueAt)),
      state: paused
        ? `‖ paused${pausedUntil ? ` until ${time(pausedUntil)}` : ''}${pausedReason ? `: ${pausedReason}` : ''}`
        : '▶ open',
    }));
    for (const line of rows.length > 0 ? table(rows, out.width) : []) await out.data(line);
    if (rows.length === 0) out.talk('There are no queues yet: the first job of a queue makes it.');
  });
