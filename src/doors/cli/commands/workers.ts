import type { Command } from 'commander';
import type { Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import { iso, span, table } from '../print.ts';

export const addWorkers = (program: Command, run: Run): void => {
  const workers = program.command('workers').description('List workers.');
  workers
    .command('ls')
    .description('List workers: what they serve, what they run, and when they were last heard of.')
    .action((_, self: Command) => run(self.optsWithGlobals(), listWorkers));
};

const listWorkers = (cli: Cli): Promise<void> =>
  withClient(cli, { create: false }, async (client) => {
    const { out } = cli;
    const workers = await client.workers();
    const now = client.now();
    if (out.json) {
      for (const { startedAt, beatAt, leaseUntil, ...worker } of workers)
        await out.record(
          'worker',
          { ...worker, startedAt: iso(startedAt), beatAt: iso(beatAt), leaseUntil: iso(leaseUntil) },
          () => '',
        );
      return;
    }
    const rows = workers.map(
      ({ name, host, pid, running, slots, queues, types, startedAt, beatAt, leaseUntil, blockedMs }) => ({
        state: leaseUntil < now ? '✕ silent' : blockedMs > 0 ? '! blocked' : '▶ alive',
        worker: name,
        host,
        pid,
        running: `${running}/${slots}`,
        'last heard': `${span(Math.max(0, now - beatAt))} ago`,
        up: span(Math.max(0, now - startedAt)),
        queues: queues?.join(',') ?? 'all',
        types: types.join(','),
      }),
    );
    for (const line of rows.length > 0 ? table(rows, out.width) : []) await out.data(line);
    if (rows.length === 0) out.talk('No worker is running. → backline work');
  });
