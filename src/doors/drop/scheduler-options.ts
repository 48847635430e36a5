import { checkDuration, checkOptions, type Duration, duration, func, isRecord, text } from '../../job/check.ts';
import { typeCheck } from '../../job/enqueue-options.ts';
import { invalidOption } from '../../job/errors.ts';
import { type Clock, systemClock } from '../../util/clock.ts';
import { CATALOG_FIELDS, type JobFields } from './job-file.ts';
import type { DropClient, DropEvent, DropJobOptions, Room } from './room.ts';

export interface JobSchedulerOptions {
  /** The watched folder; made if it is not there. Default `data/jobs`. */
  readonly jobsDir?: string;
  /** The job type that every file becomes. Default `catalog`. */
  readonly jobType?: string;
  /** How often the folder is looked at. Default one second. */
  readonly pollInterval?: Duration;
  /** A file is taken once it has not changed for so long. Default half a second. */
  readonly settle?: Duration;
  /** A file that is no JSON may still be written to: it is refused once it has not changed for so long. Default ten seconds. */
  readonly patience?: Duration;
  /** The fields of a job file. Default: those of a catalog. */
  readonly fields?: JobFields;
  /** Options for every dropped job. */
  readonly jobOptions?: DropJobOptions;
  /** Is told what happens, one sentence each. */
  readonly onEvent?: (event: DropEvent) => void;
  readonly clock?: Clock;
}

const record = (value: unknown, field: string): Record<string, unknown> => {
  if (!isRecord(value)) throw invalidOption(field, value, 'an object');
  return value;
};

const OPTIONS = {
  jobsDir: text(4096),
  jobType: typeCheck,
  pollInterval: duration,
  settle: duration,
  patience: duration,
  fields: record,
  jobOptions: record,
  onEvent: func,
  clock: record,
} as const;

/** @throws UNKNOWN_OPTION, INVALID_OPTION. */
export const checkSchedulerOptions = (
  client: DropClient,
  options: JobSchedulerOptions,
): { readonly room: Room; readonly pollMs: number; readonly settleMs: number } => {
  checkOptions(OPTIONS, options, 'JobScheduler');
  return {
    pollMs: checkDuration(options.pollInterval ?? 1000, 'pollInterval'),
    settleMs: checkDuration(options.settle ?? 500, 'settle'),
    room: {
      folder: options.jobsDir ?? 'data/jobs',
      client,
      clock: options.clock ?? systemClock,
      jobType: options.jobType ?? 'catalog',
      jobOptions: options.jobOptions ?? {},
      fields: options.fields ?? CATALOG_FIELDS,
      patienceMs: checkDuration(options.patience ?? 10_000, 'patience'),
      say: sayer(options.onEvent),
    },
  };
};

/** An operator's listener must not be able to stop the door. */
const sayer =
  (listener: ((event: DropEvent) => void) | undefined) =>
  (event: DropEvent): void => {
    try {
      listener?.(event);
    } catch {
      // What it cannot hear is lost to it alone.
    }
  };
