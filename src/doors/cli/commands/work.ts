import type { Command } from 'commander';
import { JobManager } from '../../../engine/job-manager.ts';
import { usage } from '../../../job/errors.ts';
import type { Run } from '../command.ts';
import { type Cli, loadSettings, shownDatabase } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { addSettings } from '../flags.ts';
import { aborted, untilInterrupted } from '../interrupt.ts';
import { makeLogger } from '../logger.ts';
import { managerOptions } from '../manager-options.ts';
import { count, span } from '../print.ts';

export const addWork = (program: Command, run: Run): void => {
  const command = program.command('work').description('Run jobs, and nothing else: no status page, no watched folder.');
  addSettings(command).action((_, self: Command) => run(self.optsWithGlobals(), work));
};

const work = async ({ out, flags }: Cli): Promise<ExitCode> => {
  const resolved = await loadSettings({ out, flags });
  const { settings, jobs } = resolved;
  const types = Object.keys(jobs ?? {});
  if (types.length === 0)
    throw usage(
      'There is no job type to run.',
      'Put job types under "jobs" in backline.config.ts, or name the file with --config.',
    );
  const stop = untilInterrupted();
  const logger = makeLogger(settings.logLevel, out);
  const manager = new JobManager(settings.database, { ...managerOptions(resolved, logger), handleSignals: false });
  try {
    await manager.start();
    out.talk(`● ${count(settings.maxConcurrentJobs, 'slot')} for ${types.join(', ')}. Ctrl-C ends it.`);
    if (out.json)
      await out.record('started', { database: shownDatabase(resolved), types, url: null, jobsDir: null }, () => '');
    await aborted(stop.signal);
    out.talk(`Stopping: running jobs have ${span(settings.shutdownTimeout)}. Ctrl-C once more ends them at once.`);
  } finally {
    await manager.close();
  }
  return stop.code();
};
