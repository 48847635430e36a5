/** Errors of triggers and calendars; part of errors.ts, which hands them on. */
import { show } from '../util/text.ts';
import { error } from './backline-error.ts';

export const invalidCron = error(
  'INVALID_CRON',
  (field: string, found: unknown, problem: string, allowed: string, next?: string) => ({
    message: `The cron expression's ${field === 'cron' ? 'text' : field}, ${show(found)}, ${problem}.`,
    field,
    found: show(found),
    allowed,
    next,
  }),
);

export const invalidTimeZone = error('INVALID_TIME_ZONE', (field: string, found: unknown, next?: string) => ({
  message: `${field} is ${show(found)}, which is no IANA time zone.`,
  field,
  found: show(found),
  allowed: 'a name such as Europe/Berlin, America/New_York or UTC',
  next,
}));

export const timeWithoutZone = error('TIME_WITHOUT_ZONE', (field: string, found: string) => ({
  message: `${field} is ${show(found)}: a time without an offset or a zone is no instant.`,
  field,
  found: show(found),
  allowed: 'a time with Z or an offset such as +02:00, or a local time beside timeZone',
}));

export const invalidCalendar = error(
  'INVALID_CALENDAR',
  (field: string, found: unknown, problem: string, allowed: string) => ({
    message: `${field}, ${show(found)}, ${problem}.`,
    field,
    found: show(found),
    allowed,
  }),
);

export const scheduleNotFound = error('SCHEDULE_NOT_FOUND', (id: string) => ({
  message: `There is no schedule "${id}".`,
  found: id,
  next: 'backline schedules ls shows those there are.',
}));

export const scheduleExists = error('SCHEDULE_EXISTS', (id: string) => ({
  message: `There is a schedule "${id}" already.`,
  field: 'id',
  found: id,
  next: 'Change it with update(), or take another id.',
}));

export const scheduleChanged = error('SCHEDULE_CHANGED', (id: string, expected: number | null, found: number) => ({
  message: `Schedule "${id}" has been changed since: it is at version ${found} now, not ${expected ?? 'the one that was read'}.`,
  field: 'version',
  found: String(found),
  next: 'Read it again, and decide anew.',
}));

export const scheduleFull = error(
  'SCHEDULE_FULL',
  (id: string, maxInstances: number, unfinished: number, oldest: string) => ({
    message: `Schedule "${id}" lets ${maxInstances} of its jobs be unfinished at one time, and ${unfinished} are; the oldest is ${oldest}.`,
    field: 'maxInstances',
    found: String(unfinished),
    next: `Wait for ${oldest} or cancel it, or raise maxInstances.`,
  }),
);
