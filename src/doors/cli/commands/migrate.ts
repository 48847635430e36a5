import type { Command } from 'commander';
import { storeNewer } from '../../../job/errors.ts';
import { openStore, planMigrations } from '../../../store/open.ts';
import type { Run } from '../command.ts';
import { type Cli, loadSettings } from '../connect.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { count } from '../print.ts';

export const addMigrate = (program: Command, run: Run): void => {
  program
    .command('migrate')
    .description('Bring the database to the schema of this version. Starting the service does so too.')
    .option('--plan', 'Only show what is missing; end with 4 if something is.')
    .action((_, self: Command) => run(self.optsWithGlobals(), migrate));
};

/** The plan, also for `backline doctor`. @throws STORE_NEWER, NO_DATABASE. */
export const planOf = async (database: string): ReturnType<typeof planMigrations> => {
  const plan = await planMigrations(database);
  if (plan.found > plan.known) throw storeNewer(plan.where, plan.found, plan.known);
  return plan;
};

const migrate = async ({ out, flags }: Cli): Promise<ExitCode> => {
  const { settings } = await loadSettings({ out, flags });
  const { where, found, known, missing } = await planOf(settings.database);
  const apply = flags.plan !== true && missing.length > 0;
  if (apply) await (await openStore(settings.database)).close();
  const done = apply ? 'applied' : 'missing';
  await out.record('migration', { where, found, known, [done]: missing, applied: apply ? missing : [] }, () =>
    missing.length === 0
      ? `Schema ${found}: nothing to do.`
      : [
          `${count(missing.length, 'step')} ${done}, from schema ${found} to ${known}:`,
          ...missing.map((step) => `  ${step}`),
        ].join('\n'),
  );
  return apply || missing.length === 0 ? EXIT.ok : EXIT.migration;
};
