import type { Command } from 'commander';
import type { Client } from '../../../engine/client.ts';
import { checkInstant, integer, parseDuration } from '../../../job/check.ts';
import { invalidOption, needsDatabase, nothingMatched, scheduleNotFound, usage } from '../../../job/errors.ts';
import type { HistoryEntry } from '../../../schedule/record.ts';
import type { Run } from '../command.ts';
import { type Cli, type Flags, serviceOf, withDatabase } from '../connect.ts';
import { collect, number } from '../flags.ts';
import { parsePayload, readText } from '../input.ts';
import { clean, count, iso, span, table, time } from '../print.ts';
import { runRecord, runTable } from '../runs.ts';

type Schedules = Client['schedules'];
type ScheduleInfo = NonNullable<Awaited<ReturnType<Schedules['get']>>>;

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
    on(withFlags(schedules.command(name).argument('<id>').description(says)), name === 'add' ? add : edit);
  on(
    schedules
      .command('next')
      .argument('<id>')
      .description('Show its next runs, in its zone and in UTC.')
      .option('--count <n>', 'How many.', '5'),
    next,
  );
  on(
    guarded(schedules.command('run').argument('<id>').description('Start a job of it now, beside its slots.')),
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

const guarded = (command: Command): Command =>
  command
    .option('--actor <name>', 'Who does it, for its history.', 'command line')
    .option('--if-version <n>', 'Only if it still has this version.');

const withFlags = (command: Command): Command =>
  guarded(command)
    .option('--type <job>', 'The type of the jobs it starts.')
    .option('--payload <json>', 'Their payload: JSON, or - to read it from standard input.')
    .option('--cron <expression>', '5 fields, 6 with the second first, or a nickname such as @daily; in quotes.')
    .option('--every <time>', 'An interval, such as 15m.')
    .option('--start <time>', 'With --every: the first run.')
    .option('--jitter <time>', 'With --every: runs start up to so much later, each schedule by an amount of its own.')
    .option('--at <time>', 'A single run: ISO 8601 with an offset or Z.')
    .option('--tz <zone>', 'The IANA time zone of --cron. [default SCHEDULER_TIMEZONE]')
    .option('--calendar <json>', 'Days and hours that count, as JSON; or - to read it from standard input.')
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

const withSchedules = <T>(
  cli: Cli,
  work: (schedules: Schedules, now: number) => Promise<T>,
  create = false,
): Promise<T> => {
  if (serviceOf(cli) !== undefined) throw needsDatabase('backline schedules');
  return withDatabase(cli, { create }, (client) => work(client.schedules.from('cli'), client.now()));
};

const guardOf = ({ actor, ifVersion }: Flags) => ({
  actor: String(actor),
  ...(ifVersion === undefined
    ? {}
    : { version: integer(1, Number.MAX_SAFE_INTEGER)(number(String(ifVersion)), '--if-version') }),
});

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

const stateOf = ({ pause, problem, nextAt }: ScheduleInfo): string => {
  if (pause)
    return `‖ paused${pause.until === null ? '' : ` until ${time(pause.until)}`}${pause.reason === null ? '' : `: ${clean(pause.reason)}`}`;
  if (problem !== null) return `✗ ${clean(problem)}`;
  return nextAt === null ? '✓ ended' : time(nextAt);
};

const show = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => say(cli, 'schedule', await mustGet(schedules, id)));

const say = (cli: Cli, kind: string, schedule: ScheduleInfo): Promise<void> =>
  cli.out.record(kind, recordOf(schedule), () => textOf(schedule, cli.out));

const mustGet = async (schedules: Schedules, id: string): Promise<ScheduleInfo> => {
  const found = await schedules.get(id);
  if (!found) throw scheduleNotFound(id);
  return found;
};

const textOf = (schedule: ScheduleInfo, out: Cli['out']): string => {
  const {
    id,
    type,
    words,
    version,
    source,
    missed,
    overlap,
    maxInstances,
    counts,
    lastFiredAt,
    lastJobId,
    payload,
    job,
  } = schedule;
  const policy = typeof missed === 'object' ? `window of ${span(Number(missed.window))}` : missed;
  return [
    `${out.paint('bold', clean(id))}  starts ${clean(type)} in ${clean(job.queue)}`,
    `  ${words}`,
    `  next run    ${stateOf(schedule)}`,
    `  last run    ${lastFiredAt === null ? 'none yet' : `${time(lastFiredAt)}  ${lastJobId}`}`,
    `  so far      ${count(counts.fired, 'run')}, ${counts.byHand} by hand, ${counts.missed} missed, ${counts.skipped} skipped`,
    `  rules       missed ${policy}, overlap ${overlap}, at most ${count(maxInstances, 'unfinished job')}`,
    `  payload     ${clean(JSON.stringify(payload))}`,
    `  version     ${version}, from ${source}`,
  ].join('\n');
};

const add = async (cli: Cli, id: string): Promise<void> => {
  const request = await requestOf(cli);
  if (request['type'] === undefined)
    throw usage(
      '--type is missing: which job is the schedule to start?',
      `backline schedules add ${id} --type report --cron "0 2 * * *"`,
    );
  const { actor } = guardOf(cli.flags);
  const make = async (schedules: Schedules) =>
    say(cli, 'added', await schedules.add({ id, ...request } as never, { actor }));
  return withSchedules(cli, make, true);
};

const edit = async (cli: Cli, id: string): Promise<void> => {
  const { options, ...changes } = await requestOf(cli);
  return withSchedules(cli, async (schedules) => {
    const { job, version } = await mustGet(schedules, id);
    const given = guardOf(cli.flags);
    // What is not named stays as it is: so the version that was read must still be there.
    const all = options && { options: { ...optionsOf(job), ...options } };
    await say(
      cli,
      'changed',
      await schedules.update(id, { ...changes, ...all }, { ...(all && { version }), ...given }),
    );
  });
};

const optionsOf = (job: ScheduleInfo['job']) => {
  const { queue, priority, maxAttempts, maxCrashes, timeoutMs, totalMs, startMs, key, limitKey, tags } = job;
  const never = false as const;
  return {
    ...{
      queue,
      priority,
      maxAttempts,
      maxCrashes,
      tags,
      ...(key !== null && { key }),
      ...(limitKey !== null && { limitKey }),
    },
    ...{ timeout: timeoutMs ?? never, totalTimeout: totalMs ?? never, startTimeout: startMs ?? never },
  };
};

type Request = { readonly options?: object } & Readonly<Record<string, unknown>>;

/** Flags → what the engine checks; what is wrong is refused there, by name. */
const requestOf = async ({ flags, input }: Cli): Promise<Request> => {
  const { payload, calendar, every, tz, timeout } = flags;
  if (payload === '-' && calendar === '-') throw usage('Standard input holds the payload or the calendar, not both.');
  const json = async (given: unknown, what: string) =>
    typeof given === 'string' ? parsePayload(given === '-' ? await readText(input) : given, what) : undefined;
  const numeric = (given: unknown) => (typeof given === 'string' ? number(given) : undefined);
  const options = defined({
    queue: flags['queue'],
    priority: numeric(flags['priority']),
    maxAttempts: numeric(flags['maxAttempts']),
    timeout: timeout === 'false' ? false : timeout,
    tags: flags['tag'],
  });
  return defined({
    type: flags['type'],
    payload: await json(payload, 'payload'),
    options: Object.keys(options).length > 0 ? options : undefined,
    cron: flags['cron'],
    interval: every,
    start: flags['start'],
    jitter: flags['jitter'],
    at: flags['at'],
    timeZone: tz,
    calendar: await json(calendar, 'calendar'),
    missed: missedOf(flags['missed']),
    overlap: flags['overlap'],
    maxInstances: numeric(flags['maxInstances']),
  });
};

const defined = (fields: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));

/** `window:2h` → `{ window: '2h' }`. */
const missedOf = (given: unknown): unknown => {
  const window = typeof given === 'string' ? /^window:(.+)$/.exec(given)?.[1] : undefined;
  return window === undefined ? given : { window };
};

const next = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    const { out, flags } = cli;
    const { words, timeZone, runs } = await schedules.next(id, {
      count: integer(1, 1000)(number(String(flags['count'])), '--count'),
    });
    if (out.json) {
      for (const one of runs) await out.record('run', runRecord(one), () => '');
      return;
    }
    await out.data(out.paint('bold', `${words}.`));
    if (runs.length === 0) return out.talk('It has no run any more.');
    for (const line of runTable(runs, timeZone, out.width)) await out.data(line);
  });

const runNow = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    const { actor, version } = guardOf(cli.flags);
    if (version !== undefined) throw usage('A run changes no schedule: --if-version has no meaning here.');
    const started = await schedules.run(id, { actor });
    await cli.out.record('started', { schedule: id, id: started.id }, () => started.id);
  });

const pause = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules, now) => {
    const { reason, until } = cli.flags;
    const end = typeof until === 'string' ? instantOf(until, now) : undefined;
    const given = {
      ...guardOf(cli.flags),
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
  withSchedules(cli, async (schedules) => say(cli, 'resumed', await schedules.resume(id, guardOf(cli.flags))));

const remove = (cli: Cli, id: string): Promise<void> =>
  withSchedules(cli, async (schedules) => {
    if (cli.flags['yes'] !== true) {
      await say(cli, 'schedule', await mustGet(schedules, id));
      cli.out.talk('It would be removed; its jobs and its history stay. Run again with --yes to do it.');
      return;
    }
    if (!(await schedules.remove(id, guardOf(cli.flags)))) throw scheduleNotFound(id);
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

const entryRow = ({ at, kind, slotAt, lastSlotAt, count: n, jobId, actor, reason, changes }: HistoryEntry) => ({
  at: time(at),
  what: n > 1 ? `${kind} ${n}` : kind,
  slot: slotAt === null ? '' : n > 1 && lastSlotAt !== null ? `${time(slotAt)} … ${time(lastSlotAt)}` : time(slotAt),
  job: jobId ?? '',
  by: clean(actor ?? ''),
  why: clean([reason, changes && Object.keys(changes).join(', ')].filter((part) => part !== null).join(': ')),
});

const entryRecord = ({ at, slotAt, lastSlotAt, ...entry }: HistoryEntry) => ({
  at: iso(at),
  ...entry,
  slotAt: iso(slotAt),
  lastSlotAt: iso(lastSlotAt),
});

/** Times are ISO 8601 in UTC. */
const recordOf = ({
  pause,
  nextSlot,
  nextAt,
  lastSlot,
  lastFiredAt,
  createdAt,
  updatedAt,
  ...schedule
}: ScheduleInfo) => ({
  ...schedule,
  pause: pause && { ...pause, at: iso(pause.at), until: iso(pause.until) },
  nextSlot: iso(nextSlot),
  nextAt: iso(nextAt),
  lastSlot: iso(lastSlot),
  lastFiredAt: iso(lastFiredAt),
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});
