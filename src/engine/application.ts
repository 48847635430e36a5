/** The one job manager of an application: made at the first call, and the same for every module that asks. */
import { isDeepStrictEqual } from 'node:util';
import { pino } from 'pino';
import { readEnvironment } from '../config/env.ts';
import { OPTIONS } from '../config/options.ts';
import { isRecord } from '../job/check.ts';
import type { Jobs } from '../job/define.ts';
import { invalidOption, managerExists } from '../job/errors.ts';
import { ApplicationJobs, type ApplicationOptions, type ShutdownOptions } from './application-jobs.ts';
import type { Logger } from './log.ts';

/** Shared by all copies of this module in the process: bundled, imported twice, or by two versions. */
const SLOT = Symbol.for('backline.jobManager');

interface Slot {
  readonly jobs: ApplicationJobs;
  readonly options: Readonly<Record<string, unknown>>;
}

const place = globalThis as { [SLOT]?: Slot | undefined };

/**
 * The application's job manager. The first call makes it, with the given options: by default jobs are kept in memory, and lines go
 * to standard error from LOG_LEVEL (INFO) on. Later calls return the same one; their options, if any, must be the same.
 * @throws MANAGER_EXISTS if they are not; UNKNOWN_OPTION, INVALID_OPTION.
 *
 * @example
 * const jobs = getJobManager();
 * await jobs.start();
 * await jobs.addImmediateJob(sendEmail, { args: ['ada@example.test'] });
 */
export const getJobManager = <J extends Jobs = Jobs>(given?: ApplicationOptions<J>): ApplicationJobs<J> => {
  if (given !== undefined && !isRecord(given)) throw invalidOption('options', given, 'an object of options');
  const options = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined));
  const { [SLOT]: slot } = place;
  if (slot) {
    if (given !== undefined) mustBeTheSame(slot.options, options);
    return slot.jobs as unknown as ApplicationJobs<J>;
  }
  const { worker, ...rest } = options as { worker?: unknown };
  if (worker !== undefined) throw invalidOption('worker', worker, 'nothing: the manager of an application runs jobs');
  const logger = (rest as ApplicationOptions).logger ?? defaultLogger();
  const jobs = new ApplicationJobs<J>({ ...rest, logger } as ApplicationOptions<J>, () => {
    if (place[SLOT]?.jobs === (jobs as unknown)) place[SLOT] = undefined;
  });
  place[SLOT] = { jobs: jobs as unknown as ApplicationJobs, options };
  return jobs;
};

/** Shuts the application's job manager down, if there is one. @throws INVALID_OPTION, UNKNOWN_OPTION. */
export const closeJobManager = async (options?: ShutdownOptions): Promise<void> => {
  await place[SLOT]?.jobs.shutdown(options);
};

const mustBeTheSame = (first: Slot['options'], now: Slot['options']): void => {
  const names = [...new Set([...Object.keys(first), ...Object.keys(now)])];
  const other = names.filter((name) => !isDeepStrictEqual(first[name], now[name]));
  if (other.length > 0) throw managerExists(other);
};

/** Lines of JSON on standard error. @throws INVALID_OPTION naming LOG_LEVEL. */
const defaultLogger = (): Logger => {
  const { LOG_LEVEL } = readEnvironment();
  const level = LOG_LEVEL === undefined ? 'info' : OPTIONS.logLevel.check(LOG_LEVEL, 'LOG_LEVEL');
  return pino({ level }, pino.destination({ dest: 2, sync: true }));
};
