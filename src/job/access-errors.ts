/** Errors about who may come in; part of errors.ts, which hands them on. They never say whether what was hidden exists. */
import { error } from './backline-error.ts';

export const notAuthenticated = error('NOT_AUTHENTICATED', (problem: string) => ({
  message: `${problem}.`,
  field: 'authorization',
  allowed: 'a token that is valid, as "Authorization: Bearer bl_…", or a session that was signed in with one',
  next: 'Make one on the machine of the service with: backline tokens create',
}));

export const tokenNotFound = error('TOKEN_NOT_FOUND', (id: string) => ({
  message: `There is no token "${id}" that could still be changed.`,
  field: 'id',
  found: id,
  next: 'List them with: backline tokens ls',
}));

export const tooManyRequests = error('TOO_MANY_REQUESTS', (what: string, waitMs: number) => ({
  message: `Too many ${what}.`,
  next: `Try again in ${Math.max(1, Math.ceil(waitMs / 1000))} s.`,
}));

export const beyondReach = error('BEYOND_REACH', (field: string, found: string, allowed: string) => ({
  message: `${field} is ${found}, which this caller may not use.`,
  field,
  found,
  allowed,
}));
