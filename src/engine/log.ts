/** Listens to events and writes log lines; nothing else in the engine logs. */
import { pino } from 'pino';
import type { EventMap, EventName, Events } from './events.ts';

/** What a logger must offer; pino does, and so does `console`. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** If the logger has levels, lines below the level are not even made. */
  isLevelEnabled?(level: string): boolean;
}

/** The logger of a manager: the given one, none for false, or warnings and errors to standard error. */
export const loggerOf = (given: Logger | false | null): Logger | null => {
  if (given === false) return null;
  return given ?? pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
};

type Level = 'debug' | 'info' | 'warn' | 'error';
/** Null says nothing. */
type Line<E extends EventName> = (event: EventMap[E]) => readonly [fields: object, message: string] | null;

export const logEvents = (events: Events, logger: Logger): void => {
  const on: On = (name, level, line) => {
    if (logger.isLevelEnabled?.(level) === false) return;
    events.on(name, (event) => {
      const said = line(event);
      if (said) logger[level](...said);
    });
  };
  on('job-status-changed', 'info', ({ jobId, type, queue, status, attempts }) => [
    { jobId, type, queue, status, attempts },
    `job ${jobId} is ${status}`,
  ]);
  on('job-status-changed', 'debug', (event) => {
    const why = decisionOf(event);
    return why === null ? null : [{ jobId: event.jobId, type: event.type, attempts: event.attempts }, why];
  });
  on('job-retrying', 'warn', ({ jobId, type, error, attempts, runAt }) => [
    { jobId, type, attempts, error, runAt: new Date(runAt).toISOString() },
    `job ${jobId} will run again`,
  ]);
  on('job-failed', 'error', ({ jobId, type, error, attempts }) => [
    { jobId, type, attempts, error },
    `job ${jobId} failed`,
  ]);
  on('job-timeout', 'error', ({ jobId, type, error, attempts }) => [
    { jobId, type, attempts, error },
    `job ${jobId} timed out`,
  ]);
  on('job-progress', 'debug', ({ jobId, progress, note }) => [
    { jobId, progress, note },
    `job ${jobId} is at ${progress} %`,
  ]);
  on('job-cancel-requested', 'info', ({ jobId, reason }) => [{ jobId, reason }, `job ${jobId} was asked to stop`]);
  on('job-late-result', 'warn', ({ jobId, type }) => [{ jobId, type }, `a late result of job ${jobId} was dropped`]);
  on('job-still-running', 'warn', ({ jobId, reason }) => [{ jobId }, reason]);
  logSchedules(on);
  logUpkeep(on);
  on('error', 'error', ({ error, during }) => [{ err: error }, `an error during ${during}`]);
};

/** What logs one kind of event. */
type On = <E extends EventName>(name: E, level: Level, line: Line<E>) => void;

/** What becomes of workers, their runners and the database. */
const logUpkeep = (on: On): void => {
  on('worker-started', 'info', (event) => [event, `worker ${event.worker} started with ${event.slots} slots`]);
  on('worker-stopped', 'info', (event) => [event, `worker ${event.worker} stopped`]);
  on('worker-lost', 'warn', (event) => [event, `worker ${event.worker} is gone; its jobs go on`]);
  on('lease-lost', 'error', (event) => [
    event,
    `worker ${event.worker} lost its lease; results of ${event.jobs} jobs are dropped`,
  ]);
  on('runner-down', 'error', ({ runner, error }) => [
    { runner, err: error },
    `the runner ${runner} is out of service; its jobs wait`,
  ]);
  on('runner-up', 'info', (event) => [event, `the runner ${event.runner} is back`]);
  on('orphans-released', 'warn', (event) => [event, `${event.count} jobs of dead workers were given back`]);
  on('loop-blocked', 'warn', (event) => [
    event,
    `the event loop is blocked for ${event.blockedMs} ms; use a thread or a child process`,
  ]);
  on('store-unavailable', 'error', ({ error }) => [{ err: error }, 'the database does not answer; trying again']);
  on('store-recovered', 'info', (event) => [event, `the database is back after ${event.afterMs} ms`]);
  on('store-repaired', 'error', (event) => [
    event,
    `the database was damaged: ${event.recovered} jobs were read, the damaged file is kept at ${event.kept}`,
  ]);
};

const logSchedules = (on: On): void => {
  on('schedule-fired', 'info', ({ scheduleId, jobId, slotAt }) => [
    { scheduleId, jobId, slotAt: iso(slotAt) },
    `schedule ${scheduleId} started job ${jobId}`,
  ]);
  for (const [name, what] of [
    ['schedule-missed', 'missed'],
    ['schedule-skipped', 'left out'],
  ] as const)
    on(name, 'warn', ({ scheduleId, count, firstSlotAt, lastSlotAt, reason }) => [
      { scheduleId, count, firstSlotAt: iso(firstSlotAt), lastSlotAt: iso(lastSlotAt), reason },
      `schedule ${scheduleId}: ${count} ${count === 1 ? 'run was' : 'runs were'} ${what}`,
    ]);
  on('schedule-changed', 'info', ({ scheduleId, change, actor, reason }) => [
    { scheduleId, actor, reason },
    `schedule ${scheduleId}: ${change}`,
  ]);
  on('schedule-problem', 'error', ({ scheduleId, problem }) => [
    { scheduleId, problem },
    `schedule ${scheduleId} has no next run; it is tried again`,
  ]);
  on('clock-jumped', 'warn', ({ byMs }) => [{ byMs }, `the clock jumped by ${byMs} ms; schedules were looked at anew`]);
};

const iso = (at: number): string => new Date(at).toISOString();

/** Why a job runs now, or does not. */
const decisionOf = ({ jobId, status, at, runAt, attempts }: EventMap['job-status-changed']): string | null => {
  if (status === 'running')
    return `job ${jobId} was taken ${Math.max(0, at - runAt)} ms after its time, attempt ${attempts}`;
  if (status === 'queued')
    return runAt > at
      ? `job ${jobId} waits until ${new Date(runAt).toISOString()}`
      : `job ${jobId} may run as soon as there is a slot`;
  return null;
};
