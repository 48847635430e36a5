import type { Command } from 'commander';
import { checkInstant, integer, parseDuration } from '../../../job/check.ts';
import { invalidOption, nothingMatched, scheduleNotFound, usage } from '../../../job/errors.ts';
import type { Run } from '../command.ts';
import { type Cli, withClient } from '../connect.ts';
import type { Desk, ScheduleInfo } from '../desk.ts';
import { number } from '../flags.ts';
import { table, time } from '../print.ts';
import { sayRuns } from '../runs.ts';
import { actorOf, guarded, guardOf, optionsOf, requestOf, withActor, withScheduleFlags } from '../schedule-flags.ts';
import { entryRecord, entryRow, recordOf, stateOf, textOf } from '../schedule-text.ts';

type Schedules = Desk['schedules'];

export const addSchedules = (program: Command, run: Run): void => {
  const schedules = program.command('schedules').description('List, make, change, pause and run schedules.');
  const on = (command: Command, act: (cli: Cli, id: string) => Promise<void>) =>
    command.action((id: string, _, self: Command) => run(self.optsWithGlobals(), (cli) => act(cli, id)));
  schedules
    .command('ls')
    .description('List schedules with their next and their last run.')
    .option('--type <job>', 'Only those that start jobs of this type.')
    .option('--paused', 'Only those that are paused.')
    .action((_, self: Command) => run(self.optsWithGlobals(), list));
  on(schedules.command('show').argument('<id>').description('Show one schedule.'), show);
  for (const [name, says] of [
    ['add', 'Make a schedule. Needs --type, and one of --cron, --every and --at.'],
    ['edit', 'Change a schedule: what is given, and nothing else. A trigger is given whole.'],
  ] as const)
    on(withScheduleFlags(schedules.command(name).argument('<id>').description(says)), name === 'add' ? add : edit);
  on(
    schedules
      .command('next')
      .argument('<id>')
      .description('Show its next runs, in its zone and in UTC.')
      .option('--count <n>', 'How many.', '5'),
    next,
  );
  on(
    withActor(schedules.command('run').argument('<id>').description('Start a job of it now, beside its slots.')),
    runNow,
  );
  on(
    guarded(
      schedules.command('pause').argument('<id>').description('Run no slots until it is resumed. Running jobs go on.'),
    )
      .option('--reason <text>', 'Why; shown to others.')
      .option('--until <time>', 'Until when: a length such as 2h, or ISO 8601 with an offset or Z.'),
    pause,
  );
  on(
    guarded(schedules.command('resume').argument('<id>').description('Run its slots again, from the next one on.')),
    resume,
  );
  on(
    guarded(
      schedules.command('rm').argument('<id>').description('Remove a schedule. Its jobs and its history stay.'),
    ).option('--yes', 'Do it; without it, only what would be removed is shown.'),
    remove,
  );
  on(
    schedules
      .command('history')
      .argument('<id>')
      .description('Show what happened to it, newest first: runs, missed and skipped slots, changes.')
      .option('--limit <n>', 'How many entries.', '20'),
    history,
  );
};

const withSchedules = async <T>(
  cli: Cli,
  work: (schedules: Schedules, now: number) => Promise<T>,
  create = false,
): Promise<T> => {
  // Before anybody is asked.
  guardOf(cli);
  return withClient(cli, { create }, (client) => work(client.schedules.from('cli'), client.now()));
};

const list = (cli: Cli): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    const { out, flags } = cli;
    const query = {
      limit: 1000,
      ...(typeof flags['type'] === 'string' && { type: flags['type'] }),
      ...(flags['paused'] === true && { paused: true }),
    };
    const found: ScheduleInfo[] = [];
    let after: string | undefined;
    do {
      const page = await schedules.list({ ...query, ...(after !== undefined && { after }) });
      if (out.json) for (const one of page.schedules) await out.record('schedule', recordOf(one), () => '');
      else found.push(...page.schedules);
      after = page.next ?? undefined;
    } while (after !== undefined);
    if (out.json) return;
    if (found.length === 0) return out.talk('There are no schedules. backline schedules add makes one.');
    const rows = found.map((one) => ({
      id: one.id,
      job: one.type,
      when: one.words,
      'next run': stateOf(one),
      'last run': one.lastFiredAt === null ? '–' : time(one.lastFiredAt),
      runs: one.counts.fired + one.counts.byHand,
      missed: one.counts.missed,
      skipped: one.counts.skipped,
    }));
    for (const line of table(rows, out.width)) await out.data(line);
  });

const show = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => say(cli, 'schedule', await mustGet(schedules, id)));

const say = (cli: Cli, kind: string, schedule: ScheduleInfo): Promise<void> =>
  cli.out.record(kind, recordOf(schedule), () => textOf(schedule, cli.out));

const mustGet = async (schedules: Schedules, id: string): Promise<ScheduleInfo> => {
  const found = await schedules.get(id);
  if (!found) throw scheduleNotFound(id);
  return found;
};

const add = async (cli: Cli, id: string): Promise<void> => {
  const request = await requestOf(cli);
  if (request['type'] === undefined)
    throw usage(
      '--type is missing: which job is the schedule to start?',
      `backline schedules add ${id} --type report --cron "0 2 * * *"`,
    );
  if (cli.flags['ifVersion'] !== undefined) throw usage('A new schedule has no version yet: leave --if-version out.');
  const by = actorOf(cli);
  const make = async (schedules: Schedules) => say(cli, 'added', await schedules.add({ id, ...request } as never, by));
  return withSchedules(cli, make, true);
};

const edit = async (cli: Cli, id: string): Promise<void> => {
  const { options, ...changes } = await requestOf(cli);
  return withSchedules(cli, async (schedules) => {
    const { job, version } = await mustGet(schedules, id);
    const given = guardOf(cli);
    // What is not named stays as it is: so the version that was read must still be there.
    const all = options && { options: { ...optionsOf(job), ...options } };
    const guard = { ...(all && { version }), ...given };
    await say(cli, 'changed', await schedules.update(id, { ...changes, ...all }, guard));
  });
};

const next = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    const { out, flags } = cli;
    const count = integer(1, 1000)(number(String(flags['count'])), '--count');
    await sayRuns(out, await schedules.next(id, { count }));
  });

const runNow = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    const started = await schedules.run(id, actorOf(cli));
    await cli.out.record('started', { schedule: id, id: started.id }, () => started.id);
  });

const pause = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules, now) => {
    const { reason, until } = cli.flags;
    const end = typeof until === 'string' ? instantOf(until, now) : undefined;
    const given = {
      ...guardOf(cli),
      ...(typeof reason === 'string' && { reason }),
      ...(end !== undefined && { until: end }),
    };
    await say(cli, 'paused', await schedules.pause(id, given));
  });

const instantOf = (given: string, now: number): number => {
  const length = parseDuration(given);
  const end = length === undefined ? checkInstant(given, '--until') : now + length;
  if (end <= now) throw invalidOption('--until', given, 'a length such as 2h, or a time to come');
  return end;
};

const resume = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => say(cli, 'resumed', await schedules.resume(id, guardOf(cli))));

const remove = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    if (cli.flags['yes'] !== true) {
      await say(cli, 'schedule', await mustGet(schedules, id));
      cli.out.talk('It would be removed; its jobs and its history stay. Run again with --yes to do it.');
      return;
    }
    if (!(await schedules.remove(id, guardOf(cli)))) throw scheduleNotFound(id);
    await cli.out.record('removed', { id }, () => `${id} removed`);
  });

const history = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    const { out, flags } = cli;
    const { entries } = await schedules.history(id, {
      limit: integer(1, 1000)(number(String(flags['limit'])), '--limit'),
    });
    if (entries.length === 0) throw nothingMatched(`the history of "${id}"`);
    if (out.json) for (const entry of entries) await out.record('entry', entryRecord(entry), () => '');
    else for (const line of table(entries.map(entryRow), out.width)) await out.data(line);
  });
