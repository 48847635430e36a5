/** Errors of database drivers and servers; part of errors.ts, which hands them on. */
import { messageOf } from '../util/text.ts';
import { error } from './backline-error.ts';

export const driverMissing = error('DRIVER_MISSING', (driver: string, cause: unknown) => ({
  message: `The database needs the package "${driver}", which is not installed: ${messageOf(cause)}.`,
  field: 'database',
  found: driver,
  next: `Install it beside backline: npm install ${driver}`,
  cause,
}));

export const databaseTooOld = error(
  'DATABASE_TOO_OLD',
  (where: string, found: string | number, oldest: string | number) => ({
    message: `The server of ${where} is PostgreSQL ${found}.`,
    field: 'database',
    found: String(found),
    allowed: `PostgreSQL ${oldest} or newer`,
  }),
);

export const fileOnly = error('FILE_ONLY', (what: string, where: string, instead: string) => ({
  message: `${what} is for a database in a file; ${where} is none.`,
  field: 'database',
  found: where,
  next: instead,
}));
