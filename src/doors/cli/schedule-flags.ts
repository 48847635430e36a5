/** Flags that say what a schedule is, and what the engine is told for them. */
import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { integer } from '../../job/check.ts';
import { usage } from '../../job/errors.ts';
import { type Cli, serviceOf } from './connect.ts';
import type { ScheduleInfo } from './desk.ts';
import { collect, number } from './flags.ts';
import { parsePayload, readText } from './input.ts';

export const withActor = (command: Command): Command =>
  command.option('--actor <name>', 'Who does it, for its history. [default command line]');

export const guarded = (command: Command): Command =>
  withActor(command).option('--if-version <n>', 'Only if it still has this version.');

/** @throws USAGE for a name where the service has its own for whoever asks it. */
export const actorOf = (cli: Cli): { actor: string } => {
  const { actor } = cli.flags;
  if (actor !== undefined && serviceOf(cli) !== undefined)
    throw usage('--actor has no meaning with --url: the service knows by itself who asks.');
  return { actor: typeof actor === 'string' ? actor : 'command line' };
};

export const guardOf = (cli: Cli) => {
  const { ifVersion } = cli.flags;
  const version = integer(1, Number.MAX_SAFE_INTEGER);
  return {
    ...actorOf(cli),
    ...(ifVersion !== undefined && { version: version(number(String(ifVersion)), '--if-version') }),
  };
};

export const withScheduleFlags = (command: Command): Command =>
  guarded(command)
    .option('--type <job>', 'The type of the jobs it starts.')
    .option('--payload <json>', 'Their payload: JSON, or - to read it from standard input.')
    .option('--cron <expression>', '5 fields, 6 with the second first, or a nickname such as @daily; in quotes.')
    .option('--every <time>', 'An interval, such as 15m.')
    .option('--start <time>', 'With --every: the first run.')
    .option('--jitter <time>', 'With --every: runs start up to so much later, each schedule by an amount of its own.')
    .option('--at <time>', 'A single run: ISO 8601 with an offset or Z.')
    .option('--tz <zone>', 'The IANA time zone of --cron. [default SCHEDULER_TIMEZONE]')
    .option(
      '--dst-gap <what>',
      'With --cron: a fixed time that a clock change leaves out: after it, or skip. [default after]',
    )
    .option('--dst-overlap <what>', 'With --cron: a fixed time that comes twice: once or twice. [default once]')
    .option(
      '--calendar <what>',
      'Days and hours that count: JSON, - to read it from standard input, an .ics file (only its days), or not:file.ics.',
    )
    .option('--on-excluded <what>', 'With --cron: a slot that the calendar excludes: skip, or nextDay. [default skip]')
    .option('--missed <what>', 'Slots that passed: runOnce, runAll, skip, or window:2h. [default runOnce]')
    .option(
      '--overlap <what>',
      'While jobs of it are unfinished: skip, queueOne, queueAll, cancelOther. [default skip]',
    )
    .option('--max-instances <n>', 'Unfinished jobs at one time. [default 1]')
    .option('--queue <name>', 'The queue of its jobs.')
    .option('--priority <n>', '1 runs first, 10 last.')
    .option('--max-attempts <n>', 'The largest number of executions of a job.')
    .option('--timeout <time>', 'How long one attempt may take, such as 5m; false for no limit.')
    .option('--tag <word>', 'A word to find its jobs by; may stand more than once.', collect);

export type Request = { readonly options?: object } & Readonly<Record<string, unknown>>;

/** Flags → what the engine checks; what is wrong is refused there, by name. */
export const requestOf = async ({ flags, input }: Cli): Promise<Request> => {
  const { payload, calendar, every, tz, timeout } = flags;
  if (payload === '-' && calendar === '-') throw usage('Standard input holds the payload or the calendar, not both.');
  const json = async (given: unknown, what: string) =>
    typeof given === 'string' ? parsePayload(given === '-' ? await readText(input) : given, what) : undefined;
  const numeric = (given: unknown) => (typeof given === 'string' ? number(given) : undefined);
  const options = someOf({
    queue: flags['queue'],
    priority: numeric(flags['priority']),
    maxAttempts: numeric(flags['maxAttempts']),
    timeout: timeout === 'false' ? false : timeout,
    tags: flags['tag'],
  });
  return defined({
    type: flags['type'],
    payload: await json(payload, 'payload'),
    options,
    cron: flags['cron'],
    interval: every,
    start: flags['start'],
    jitter: flags['jitter'],
    at: flags['at'],
    timeZone: tz,
    calendar: fileOf(calendar) ?? (await json(calendar, 'calendar')),
    onExcluded: flags['onExcluded'],
    dst: someOf({ gap: flags['dstGap'], overlap: flags['dstOverlap'] }),
    missed: missedOf(flags['missed']),
    overlap: flags['overlap'],
    maxInstances: numeric(flags['maxInstances']),
  });
};

const defined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** Nothing at all instead of an object with nothing in it. */
const someOf = (fields: Readonly<Record<string, unknown>>): object | undefined => {
  const some = defined(fields);
  return Object.keys(some).length > 0 ? some : undefined;
};

/** `holidays.ics` → the days of that file, `not:holidays.ics` → all others. */
const fileOf = (given: unknown): object | undefined => {
  const [, not, path] = (typeof given === 'string' && /^(not:)?([^{].*\.ics)$/i.exec(given)) || [];
  if (path === undefined) return undefined;
  const calendar = { ics: textOf(path) };
  return not === undefined ? calendar : { not: calendar };
};

const textOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw usage(`The calendar ${path} cannot be read: ${(error as Error).message}.`);
  }
};

/** `window:2h` → `{ window: '2h' }`. */
const missedOf = (given: unknown): unknown => {
  const window = typeof given === 'string' ? /^window:(.+)$/.exec(given)?.[1] : undefined;
  return window === undefined ? given : { window };
};

/** The options of its jobs, as they would be said. */
export const optionsOf = (job: ScheduleInfo['job']) => {
  const { queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, startMs, key, limitKey, tags } = job;
  const never = false as const;
  return {
    ...{ queue, priority, maxAttempts, maxCrashes, tags },
    ...{ ...(key !== null && { key }), ...(limitKey !== null && { limitKey }) },
    ...{ timeout: timeoutMs ?? never, totalTimeout: totalMs ?? never, startTimeout: startMs ?? never },
  };
};
