import type { Command } from 'commander';
import { checkStore, isPostgres, repairStore } from '../../../store/open.ts';
import type { Run } from '../command.ts';
import { type Cli, loadSettings } from '../connect.ts';
import { EXIT, type ExitCode } from '../exit-code.ts';
import { bytes, clean, count, type Output } from '../print.ts';

export const addCheck = (program: Command, run: Run): void => {
  program
    .command('check')
    .description('Check the database from end to end; end with 1 if something is wrong.')
    .option('--repair', 'Repair what is wrong. Stop the service first; the damaged file is kept.')
    .action((_, self: Command) => run(self.optsWithGlobals(), check));
};

/** What a quick look finds wrong, for `backline doctor`. @throws NO_DATABASE, NOT_OUR_DATABASE. */
export const quickReport = async (database: string) => ({
  ...(await checkStore(database, { quick: true })),
  isFile: !isPostgres(database),
});

const check = async ({ out, flags }: Cli): Promise<ExitCode> => {
  const { settings } = await loadSettings({ out, flags });
  const report = await checkStore(settings.database);
  await tell(out, report);
  if (report.ok) return EXIT.ok;
  if (flags.repair !== true) {
    out.talk(
      isPostgres(settings.database)
        ? "Keep a copy of the server's files, and restore a backup."
        : 'Stop every process that uses the file, then run: backline check --repair',
    );
    return EXIT.failed;
  }
  const repaired = await repairStore(settings.database);
  const { recovered, unreadable, withoutPayload, kept } = repaired;
  await out.record('repair', repaired, () =>
    [
      `${out.paint('green', '✓')} repaired: ${count(recovered, 'job')} carried over, ${unreadable} could not be read, ${withoutPayload} lost their payload.`,
      `  The damaged file is kept as ${kept}`,
    ].join('\n'),
  );
  const after = await checkStore(settings.database);
  if (!after.ok) await tell(out, after);
  return after.ok ? EXIT.ok : EXIT.failed;
};

const tell = async (out: Output, report: Awaited<ReturnType<typeof checkStore>>): Promise<void> => {
  const { ok, where, sizeBytes, jobs, problems } = report;
  await out.record('check', report, () =>
    ok
      ? `${out.paint('green', '✓')} ${where} is sound: ${count(jobs, 'job')}, ${bytes(sizeBytes)}.`
      : [`${out.paint('red', '✗')} ${where} is damaged:`, ...problems.map((problem) => `  ${clean(problem)}`)].join(
          '\n',
        ),
  );
};
