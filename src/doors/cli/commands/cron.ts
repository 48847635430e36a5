import type { Command } from 'commander';
import { checkInstant, integer } from '../../../job/check.ts';
import { explain } from '../../../schedule/explain.ts';
import { checkTrigger } from '../../../schedule/schedule.ts';
import { checkTimeZone } from '../../../schedule/zone.ts';
import { systemClock } from '../../../util/clock.ts';
import type { Run } from '../command.ts';
import { type Cli, loadSettings } from '../connect.ts';
import { number } from '../flags.ts';
import { sayRuns } from '../runs.ts';

export const addCron = (program: Command, run: Run): void => {
  const cron = program.command('cron').description('Understand cron expressions; needs no database.');
  cron
    .command('explain')
    .description('An expression in words, its next runs, and what the next clock changes do to it.')
    .argument('<expression>', '5 fields, 6 with the second first, or a nickname such as @daily; in quotes')
    .option('--tz <zone>', 'The IANA time zone. [default SCHEDULER_TIMEZONE]')
    .option('--count <n>', 'How many runs to show.', '5')
    .option('--after <time>', 'Runs after this time, with an offset or Z, instead of now.')
    .action((expression: string, _, self: Command) =>
      run(self.optsWithGlobals(), (cli) => explainCron(cli, expression)),
    );
};

const explainCron = async (cli: Cli, cron: string): Promise<void> => {
  const { out, flags } = cli;
  const count = integer(1, 1000)(number(String(flags['count'])), '--count');
  const after = flags['after'] === undefined ? systemClock.now() : checkInstant(flags['after'], '--after');
  const trigger = checkTrigger({ cron, timeZone: await zoneOf(cli) }, after);
  const explanation = explain(trigger, after, count);
  const { words, timeZone, clockChanges } = explanation;
  if (out.json) await out.record('cron', { expression: cron, timeZone, words }, () => '');
  await sayRuns(out, explanation);
  if (!out.json && clockChanges.length === 0)
    await out.data(`\nThe clocks of ${timeZone} do not change within five years.`);
};

const zoneOf = async (cli: Cli): Promise<string> =>
  cli.flags['tz'] === undefined ? (await loadSettings(cli)).settings.timeZone : checkTimeZone(cli.flags['tz'], '--tz');
