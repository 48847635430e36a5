/** Errors of the doors through which programs come in; part of errors.ts, which hands them on. */
import { messageOf, show } from '../util/text.ts';
import { error } from './backline-error.ts';

export const badRequest = error('BAD_REQUEST', (problem: string) => ({ message: `The request ${problem}.` }));

export const badJson = error('BAD_JSON', (problem: string, next?: string) => ({
  message: `The body is no JSON that can be used: ${problem}.`,
  field: 'body',
  found: problem,
  allowed: 'one JSON object, each name once',
  next,
}));

export const bodyTooLarge = error('BODY_TOO_LARGE', (maxBytes: number) => ({
  message: `The body is longer than ${maxBytes} bytes.`,
  field: 'body',
  found: `more than ${maxBytes} bytes`,
  allowed: `at most ${maxBytes} bytes`,
  next: 'Send less at once, store large data elsewhere and pass its path, or raise maxPayloadBytes.',
}));

export const bodyTooSlow = error('BODY_TOO_SLOW', (waitedMs: number) => ({
  message: `The body was not complete after ${waitedMs} ms.`,
  field: 'body',
  found: `${waitedMs} ms`,
}));

export const unsupportedMediaType = error(
  'UNSUPPORTED_MEDIA_TYPE',
  (found: string, allowed = 'application/json, in UTF-8 and not compressed') => ({
    message: `The body has the content type ${show(found)}.`,
    field: 'content-type',
    found: show(found),
    allowed: String(allowed),
  }),
);

export const routeNotFound = error('NOT_FOUND', (method: string, path: string, next: string) => ({
  message: `There is nothing at ${method} ${path}.`,
  field: 'path',
  found: path,
  next,
}));

export const methodNotAllowed = error('METHOD_NOT_ALLOWED', (method: string, path: string, allowed: string) => ({
  message: `${path} does not take ${method}.`,
  field: 'method',
  found: method,
  allowed,
}));

export const notPermitted = error('NOT_PERMITTED', (operation: string, needed: string, has: string) => ({
  message: `${operation} needs the scope ${needed}; this caller has ${has}.`,
  field: 'scope',
  found: has,
  allowed: needed,
  next: 'Use a token with this scope.',
}));

export const noProcessor = error('NO_PROCESSOR', () => ({
  message: 'This process runs no jobs: it was started without a worker, or knows no job types.',
  next: 'Ask a process that does, or start one: backline work',
}));

export const idempotencyKeyReused = error('IDEMPOTENCY_KEY_REUSED', (key: string) => ({
  message: `The Idempotency-Key ${show(key)} was used before, for another request.`,
  field: 'idempotency-key',
  found: show(key),
  next: 'Take a new key for every request, and the same one only to send the same request again.',
}));

export const doorClosing = error('DOOR_CLOSING', () => ({
  message: 'The service is stopping, and ended the wait. The job is not touched.',
  next: 'Ask again when it is back.',
}));

export const unexpected = error('UNEXPECTED', (cause: unknown) => ({
  message: 'Something happened inside that should not: its error is in the log of the service.',
  next: 'This is a mistake in backline: report it with that error.',
  cause,
}));

export const apiUnreachable = error('API_UNREACHABLE', (url: string, cause: unknown) => ({
  message: `No service answers at ${url}: ${messageOf(cause)}.`,
  field: 'url',
  found: url,
  next: 'Check the address, and that the service runs there: backline start',
  cause,
}));

export const notOurApi = error('NOT_OUR_API', (url: string, found: string) => ({
  message: `What answers at ${url} is not the API of backline: ${found}.`,
  field: 'url',
  found,
  next: 'Check the address: it is what backline start prints, without /api behind it.',
}));

export const needsDatabase = error('NEEDS_DATABASE', (what: string) => ({
  message: `${what} works on the database itself, not over the network.`,
  field: 'url',
  next: 'Run it where the database is, with --database instead of --url (and without BACKLINE_URL).',
}));

export const originRefused = error('ORIGIN_REFUSED', (origin: string) => ({
  message: `A page of ${show(origin)} asked for a change: pages of other origins may not.`,
  field: 'origin',
  found: show(origin),
  next: 'Call the API from a program, or from a page that this service itself serves.',
}));

export const noPort = error('NO_PORT', (waitedMs: number) => ({
  message: `No port came from the preload script within ${waitedMs} ms.`,
  found: `${waitedMs} ms`,
  next: 'Check that the preload script calls exposePort(ipcRenderer), and that the main process allows this page.',
}));

export const portClosed = error('PORT_CLOSED', (cause: unknown) => ({
  message: 'The port was closed, or the call was given up. What was asked may have been done.',
  next: 'Connect again, and look.',
  cause,
}));
