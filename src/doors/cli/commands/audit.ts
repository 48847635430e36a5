import type { Command } from 'commander';
import { checkInstant, parseDuration } from '../../../job/check.ts';
import type { Run } from '../command.ts';
import { type Cli, withThisDatabase } from '../connect.ts';
import { number } from '../flags.ts';
import { iso, table, time } from '../print.ts';

export const addAudit = (program: Command, run: Run): void => {
  const audit = program.command('audit').description('Who changed what, through which door.');
  audit
    .command('ls')
    .description('List changes, newest first.')
    .option('--actor <name>', 'Of one actor.')
    .option('--door <door>', 'Through one door: http, ipc, cli.')
    .option('--action <name>', 'Of one kind, such as jobs.cancel.')
    .option('--target <id>', 'To one job, queue or token.')
    .option('--since <time>', 'From when: how long ago, such as 1h, or ISO 8601 with an offset or Z.')
    .option('--until <time>', 'Until when, in the same way.')
    .option('--limit <n>', 'How many lines. 100 if not given.')
    .option('--after <position>', 'What the page before ended with.')
    .action((_, self: Command) => run(self.optsWithGlobals(), list));
};

const list = (cli: Cli): Promise<void> =>
  withThisDatabase(cli, { create: false }, async (client) => {
    const { out, flags } = cli;
    const instant = (name: 'since' | 'until'): number | undefined => {
      const given = flags[name];
      if (typeof given !== 'string') return undefined;
      const ago = parseDuration(given);
      return ago === undefined ? checkInstant(given, `--${name}`) : client.now() - ago;
    };
    const { actor, door, action, target, limit, after } = flags;
    const query = { actor, door, action, target, since: instant('since'), until: instant('until') };
    const page = { limit: typeof limit === 'string' ? number(limit) : undefined, after };
    const { lines, next } = await client.audit.list(given(query), given(page));
    if (out.json) {
      for (const line of lines) await out.record('audit', { ...line, at: iso(line.at) }, () => '');
      return;
    }
    const rows = lines.map(({ at, actor, door, action, target, filter, count, detail }) => ({
      when: time(at),
      who: actor,
      door,
      what: action,
      target: target ?? '',
      count: count === null ? '' : String(count),
      detail: [filter, detail]
        .filter((one) => one !== null)
        .map((one) => JSON.stringify(one))
        .join(' '),
    }));
    for (const line of rows.length > 0 ? table(rows, out.width) : []) await out.data(line);
    if (rows.length === 0) out.talk('Nothing was changed through a door yet.');
    if (next !== null) out.talk(`More with --after ${next}`);
  });

const given = (options: object): object =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
