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
