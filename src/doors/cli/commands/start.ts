import type { Command } from 'commander';
import { type Resolved, shownSettings } from '../../../config/settings.ts';
import { JobManager } from '../../../engine/job-manager.ts';
import { BacklineError } from '../../../job/backline-error.ts';
import { unknownJobType } from '../../../job/errors.ts';
import { Uploads } from '../../drop/uploads.ts';
import { JobScheduler } from '../../drop/watcher.ts';
import { mustHaveToken, type RunningServer, startServer } from '../../http/server.ts';
import type { Run } from '../command.ts';
import { type Cli, loadSettings, shownDatabase, withDatabase } from '../connect.ts';
import type { ExitCode } from '../exit-code.ts';
import { addSettings } from '../flags.ts';
import { aborted, untilInterrupted } from '../interrupt.ts';
import { type Logger, makeLogger } from '../logger.ts';
import { managerOptions } from '../manager-options.ts';
import { count, type Output, span } from '../print.ts';

/** Room for many jobs in one request. */
const MANY_BYTES = 2 ** 24;

export const addStart = (program: Command, run: Run): void => {
  const command = program
    .command('start')
    .description('Start the service: run jobs, serve the API and the status page, watch the folder.');
  addSettings(command).action((_, self: Command) => run(self.optsWithGlobals(), start));
};

const start = async ({ out, flags }: Cli): Promise<ExitCode> => {
  const resolved = await loadSettings({ out, flags });
  const { settings } = resolved;
  const types = typesOf(resolved);
  const place = resolved.origins.find(({ name }) => name === 'host')!.place;
  // Before anything is made: a database that is not there has no token.
  await mustHaveToken(settings.host, place, () => hasToken({ out, flags }));
  const stop = untilInterrupted();
  const logger = makeLogger(settings.logLevel, out);
  // Without job types there is nothing to run; the page and the folder are there all the same.
  const worker = types.length > 0;
  const options = { ...managerOptions(resolved, logger), worker, handleSignals: false };
  const manager = new JobManager(settings.database, options);
  const scheduler = schedulerOf(manager, resolved, logger);
  const uploads = uploadsOf(resolved);
  let server: RunningServer | undefined;
  try {
    await manager.start();
    await uploads?.start();
    const { host, port, maxPayloadBytes, requireToken, publicUrl, allowedHosts, trustProxy } = settings;
    server = await startServer(manager, {
      ...{ place, requireToken, publicUrl: publicUrl ?? undefined, allowedHosts, trustProxy },
      ...{ host, port, now: () => manager.now(), maxBodyBytes: Math.max(MANY_BYTES, 2 * maxPayloadBytes) },
      ...(uploads ? { uploads } : {}),
      settings: shownSettings(resolved),
      onUnexpected: (error) => logger.error({ err: error }, 'an error in the API'),
    });
    await scheduler?.start();
    await tell(out, resolved, server, types);
    await aborted(stop.signal);
    if (worker)
      out.talk(`Stopping: running jobs have ${span(settings.shutdownTimeout)}. Ctrl-C once more ends them at once.`);
  } finally {
    await scheduler?.close();
    await manager.close();
    await server?.close();
  }
  return stop.code();
};

const hasToken = async (cli: Pick<Cli, 'out' | 'flags'>): Promise<boolean> => {
  try {
    return await withDatabase({ ...cli, input: process.stdin }, { create: false }, (client) => client.tokens.any());
  } catch (error) {
    if (error instanceof BacklineError && error.code === 'NO_DATABASE') return false;
    throw error;
  }
};

/** @throws UNKNOWN_JOB_TYPE if dropped files should become jobs that nobody here can run. */
const typesOf = ({ settings, jobs }: Resolved): string[] => {
  const types = Object.keys(jobs ?? {});
  if (settings.dropType !== null && !types.includes(settings.dropType)) throw unknownJobType(settings.dropType, types);
  return types;
};

const schedulerOf = (manager: JobManager, { settings }: Resolved, logger: Logger): JobScheduler | null => {
  const { dropType, jobsDir } = settings;
  if (dropType === null) return null;
  return new JobScheduler(manager, {
    jobsDir,
    jobType: dropType,
    onEvent: ({ kind, message, ...fields }) => {
      const level =
        kind === 'problem' || kind === 'refused' ? 'error' : kind === 'ignored' || kind === 'standby' ? 'warn' : 'info';
      logger[level](fields, message);
    },
  });
};

const uploadsOf = ({ settings }: Resolved): Uploads | null => {
  const { dropType, uploadsDir: folder, jobsDir, maxUploadBytes: maxBytes } = settings;
  return dropType === null ? null : new Uploads({ folder, jobsDir, maxBytes });
};

const tell = async (
  out: Output,
  resolved: Resolved,
  server: RunningServer,
  types: readonly string[],
): Promise<void> => {
  const { settings } = resolved;
  const { port, maxConcurrentJobs } = settings;
  const database = shownDatabase(resolved);
  const jobsDir = settings.dropType === null ? null : settings.jobsDir;
  if (port !== 0 && server.port !== port) out.talk(`Port ${port} is taken; using ${server.port}.`);
  out.talk(`● ${server.url}     jobs are kept in ${database}`);
  out.talk(`● ${server.url}/api     the API; its reference is at ${server.url}/api/docs`);
  if (types.length > 0) out.talk(`● ${count(maxConcurrentJobs, 'slot')} for ${types.join(', ')}`);
  else
    out.talk('○ No job types: jobs wait until a worker knows them. Put job types under "jobs" in backline.config.ts.');
  if (jobsDir) {
    out.talk(`● *.job files in ${jobsDir} become jobs of type ${settings.dropType}`);
    out.talk(
      `● files sent to ${server.url}/api/uploads are kept in ${settings.uploadsDir}, and get a *.job file there`,
    );
  }
  out.talk('Ctrl-C ends it.');
  if (out.json)
    await out.record('started', { database, types, url: server.url, api: `${server.url}/api`, jobsDir }, () => '');
};
