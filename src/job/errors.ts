/**
 * Every error of the system, with its code. A code never changes; docs/errors.md lists them and a test compares the two.
 * Doors choose HTTP status and exit codes; texts live here only.
 */
import { didYouMean, messageOf, show } from '../util/text.ts';
import { BacklineError, codes, error } from './backline-error.ts';

export * from './access-errors.ts';
export * from './api-errors.ts';
export * from './batch-errors.ts';
export * from './bulk-errors.ts';
export * from './driver-errors.ts';
export * from './live-errors.ts';
export * from './move-errors.ts';
export * from './schedule-errors.ts';
export * from './secret-errors.ts';
export * from './worker-errors.ts';
export { codes };

const list = (words: readonly string[]): string => words.join(', ') || 'none';

// --- what a caller handed in ---

export const invalidOption = error('INVALID_OPTION', (field: string, found: unknown, allowed: string) => ({
  message: `${field} is ${show(found)}.`,
  field,
  found: show(found),
  allowed,
}));

export const unknownOption = error('UNKNOWN_OPTION', (where: string, field: string, known: readonly string[]) => ({
  message: `${where} has no option "${field}".`,
  field,
  found: field,
  allowed: list(known),
  next: didYouMean(field, known),
}));

export const unknownJobType = error('UNKNOWN_JOB_TYPE', (type: string, known: readonly string[]) => ({
  message: `No job type "${type}" is registered.`,
  field: 'type',
  found: type,
  allowed: list(known),
  next: didYouMean(type, known),
}));

export const invalidPayload = error('INVALID_PAYLOAD', (field: string, problem: string, cause?: unknown) => ({
  message: `${field} ${problem}.`,
  field,
  found: problem,
  cause,
}));

export const payloadTooLarge = error('PAYLOAD_TOO_LARGE', (field: string, bytes: number, maxBytes: number) => ({
  message: `${field} is ${bytes} bytes of JSON.`,
  field,
  found: `${bytes} bytes`,
  allowed: `at most ${maxBytes} bytes`,
  next: 'Store the data elsewhere and pass its path or id, or raise maxPayloadBytes.',
}));

export const invalidResult = error('INVALID_RESULT', (field: string, problem: string) => ({
  message: `The handler returned a value that cannot be stored: ${field} ${problem}.`,
  field,
  found: problem,
  allowed: 'a value that JSON can hold, or nothing',
}));

export const duplicateJobId = error('DUPLICATE_JOB_ID', (id: string) => ({
  message: `A job with the id "${id}" exists.`,
  field: 'id',
  found: id,
  next: 'Leave out id to get a new one, or use key to return the existing job.',
}));

export const duplicateKey = error('DUPLICATE_KEY', (key: string, existing: string, why: string) => ({
  message: `Job ${existing} has the key "${key}" and ${why}.`,
  field: 'key',
  found: key,
  next: "Use onConflict: 'return' to get the existing job.",
}));

export const parentNotFound = error('PARENT_NOT_FOUND', (parent: string) => ({
  message: `The parent job "${parent}" does not exist.`,
  field: 'parent',
  found: parent,
  allowed: 'the id of a stored job',
}));

export const jobNotFound = error('JOB_NOT_FOUND', (id: string) => ({
  message: `There is no job "${id}". It may have been removed or pruned.`,
  field: 'id',
  found: id,
  next: 'List what is stored with: backline jobs ls',
}));

export const notAllowedNow = error('NOT_ALLOWED_NOW', (what: string, id: string, status: string, allowed: string) => ({
  message: `Job ${id} is ${status}: it cannot be ${what}.`,
  field: 'status',
  found: status,
  allowed,
}));

export const asyncSchemaInTransaction = error('ASYNC_SCHEMA_IN_TRANSACTION', (type: string) => ({
  message: `The input schema of "${type}" answers with a promise, which a synchronous transaction cannot wait for.`,
  field: 'tx',
  next: 'Use a synchronous schema, or enqueue outside the transaction.',
}));

export const badTransaction = error('BAD_TRANSACTION', (problem: string) => ({
  message: `The tx option ${problem}.`,
  field: 'tx',
  allowed: "an open transaction's connection to the same database, of the better-sqlite3 that Backline uses",
  next: 'Call enqueue inside db.transaction(() => { … }), without returning its promise, and pass db as tx.',
}));

export const badCursor = error('BAD_CURSOR', (found: unknown) => ({
  message: `The paging cursor ${show(found)} is not one that list() returned.`,
  field: 'after',
  found: show(found),
  next: 'Pass the "next" value of the page before, unchanged.',
}));

export const badWhere = error('BAD_WHERE', (word: string, problem: string, allowed: string, next?: string) => ({
  message: `${show(word)} in the filter ${problem}.`,
  field: 'where',
  found: show(word),
  allowed,
  next,
}));

export const filterTooWide = error('FILTER_TOO_WIDE', (what: string) => ({
  message: `${what} needs a filter or the word "all": an empty filter would take every job.`,
  field: 'filter',
  next: 'Pass { all: true } if every job is meant.',
}));

// --- how a job ended, for those who wait for its result ---

export const jobFailed = error('JOB_FAILED', (id: string, message: string, cause: unknown) => ({
  message: `Job ${id} failed: ${message}`,
  next: `See its attempts with: backline jobs show ${id}`,
  cause,
}));

export const jobTimedOut = error('JOB_TIMED_OUT', (id: string, message: string) => ({
  message: `Job ${id} ended in a time-out: ${message}`,
  next: `See its attempts with: backline jobs show ${id}`,
}));

export const jobCancelled = error('JOB_CANCELLED', (id: string, why: string) => ({
  message: `Job ${id} was cancelled: ${why}`,
}));

export const resultTimeout = error('RESULT_TIMEOUT', (id: string, status: string, waitedMs: number) => ({
  message: `Job ${id} is still ${status} after ${waitedMs} ms; it goes on.`,
  field: 'timeout',
  found: `${waitedMs} ms`,
  next: 'Ask again later, or pass a longer timeout.',
}));

// --- what ends an attempt ---

export const attemptTimedOut = error('ATTEMPT_TIMED_OUT', (timeoutMs: number) => ({
  message: `The attempt ran longer than its time-out of ${timeoutMs} ms.`,
  field: 'timeout',
  found: `more than ${timeoutMs} ms`,
  next: 'Raise timeout, or let the handler stop on ctx.signal.',
}));

export const attemptIdle = error('ATTEMPT_IDLE', (idleMs: number) => ({
  message: `The attempt gave no sign of life for ${idleMs} ms: no progress, no log line, no heartbeat.`,
  field: 'idleTimeout',
  found: `${idleMs} ms of silence`,
  next: 'Raise idleTimeout, or let the handler call ctx.progress() or ctx.heartbeat() now and then.',
}));

export const cancelRequested = error('CANCEL_REQUESTED', (reason: string) => ({ message: reason }));

export const leaseLost = error('LEASE_LOST', (id: string) => ({
  message: `This worker lost its lease on job ${id}: another worker may run it, and a result from here is discarded.`,
}));

export const workerStopping = error('WORKER_STOPPING', () => ({
  message: 'The worker is stopping; the job goes back to the queue.',
}));

export const handlerStillRunning = error('HANDLER_STILL_RUNNING', (why: string, graceMs: number) => ({
  message: `${why} The handler did not stop within ${graceMs} ms and is still running; its slot stays taken until it ends.`,
  next: 'Let the handler watch ctx.signal.',
}));

export const deadlinePassed = error('DEADLINE_PASSED', (deadlineAt: number) => ({
  message: `The job's time in total is over: it had until ${new Date(deadlineAt).toISOString()}, with all its attempts and waits.`,
  field: 'totalTimeout',
  found: new Date(deadlineAt).toISOString(),
  next: 'Raise totalTimeout, or retry the job: a new life has the whole time again.',
}));

export const crashedTooOften = error('CRASHED_TOO_OFTEN', (crashes: number, last: string) => ({
  message: `What ran this job died ${crashes} times (last: ${last}). The job is set aside.`,
  field: 'maxCrashes',
  found: String(crashes),
  next: 'Find out why the process dies, then retry the job.',
}));

export const functionLost = error('FUNCTION_LOST', (name: string) => ({
  message: `The function ${show(name)} was in the memory of a process that has ended, or had run to its end before: it cannot be run.`,
  next: 'Define it as a job type if its jobs must outlive their process.',
}));

export const jobExpired = error('JOB_EXPIRED', (expiresAt: number) => ({
  message: `The job had not started when it expired at ${new Date(expiresAt).toISOString()}.`,
  field: 'expiresAt',
  found: new Date(expiresAt).toISOString(),
}));

export const completedElsewhere = error('TRANSACTION_ROLLED_BACK', () => ({
  message:
    'ctx.complete(tx, …) was called, but its transaction did not commit: the completion was rolled back with it.',
  next: 'Commit the transaction before the handler returns, or throw.',
}));

// --- the manager ---

export const notStarted = error('NOT_STARTED', (what: string) => ({
  message: `${what} was called before start().`,
  next: 'Call await manager.start() first.',
}));

export const managerClosed = error('MANAGER_CLOSED', (what: string) => ({
  message: `${what} was called after close().`,
  next: 'Make a new JobManager.',
}));

export const managerExists = error('MANAGER_EXISTS', (names: readonly string[]) => ({
  message: `The application's job manager was made with other options: ${list(names)}.`,
  field: names[0] ?? 'options',
  next: 'Pass options at the first getJobManager() only, or await closeJobManager() before.',
}));

export const closedWhileWaiting = error('CLOSED_WHILE_WAITING', (id: string) => ({
  message: `The manager was closed while this call waited for job ${id}; the job itself is not touched.`,
}));

// --- the store ---

/** What a database address may be, in every message that says so. */
export const ADDRESSES = 'sqlite:path/to/file.db, a path, :memory:, or postgres://user@host/database';

const isServer = (where: string): boolean => /^postgres(ql)?:/.test(where);

export const unknownStore = error('UNKNOWN_STORE', (url: string) => ({
  message: `"${url}" is no database address.`,
  field: 'database',
  found: url,
  allowed: ADDRESSES,
  next: isServer(url) ? 'In a name or password, write / ? # @ : % as %2F %3F %23 %40 %3A %25.' : undefined,
}));

export const noDatabase = error('NO_DATABASE', (where: string) => ({
  message: `There is no database at ${where}.`,
  field: 'database',
  found: where,
  next: 'Make it with: backline start. Or name another with --database.',
}));

export const storeUnavailable = error('STORE_UNAVAILABLE', (where: string, cause: unknown) => ({
  message: `The database ${where} does not answer: ${messageOf(cause)}.`,
  next: isServer(where)
    ? 'Check the address, the password, TLS and the network, and that the server runs and has a connection to spare.'
    : 'Check that the path exists, is a file and may be written.',
  cause,
}));

export const storeBusy = error('STORE_BUSY', (where: string, waitedMs: number, cause: unknown) => ({
  message: `The database ${where} was locked by another program for ${waitedMs} ms. Nothing was written.`,
  next: isServer(where)
    ? 'Look in pg_stat_activity for a session that is idle in a transaction.'
    : 'Look for a program that holds a write transaction open on the file.',
  cause,
}));

export const storeFull = error('STORE_FULL', (where: string, cause: unknown) => ({
  message: `The disk that holds ${where} is full. Nothing was written by this call.`,
  next: 'Free disk space, or lower the retention.',
  cause,
}));

export const storeReadOnly = error('STORE_READ_ONLY', (where: string, cause: unknown) => ({
  message: `The database ${where} cannot be written.`,
  next: isServer(where)
    ? 'Check that it is no standby, and that default_transaction_read_only is off.'
    : 'Check the permissions of the file and of its folder.',
  cause,
}));

export const storeDamaged = error('STORE_DAMAGED', (where: string, what: string, cause?: unknown) => ({
  message: `The database ${where} is damaged: ${what}.`,
  next: isServer(where)
    ? 'Stop the server, keep a copy of its files, and restore a backup.'
    : `Keep a copy, then run: backline check --repair --database ${where}`,
  cause,
}));

export const storeNewer = error('STORE_NEWER', (where: string, found: number, known: number) => ({
  message: `The database ${where} has schema ${found}; this version of backline knows up to ${known}.`,
  field: 'schema',
  found: String(found),
  allowed: `up to ${known}`,
  next: 'Update backline on this machine; nothing was changed.',
}));

export const notOurDatabase = error('NOT_OUR_DATABASE', (where: string, what: string) => ({
  message: `${isServer(where) ? 'The database' : 'The file'} ${where} cannot hold jobs: ${what}.`,
  field: 'database',
  found: where,
  next: isServer(where)
    ? 'Name another schema with ?schema=; this one was not changed.'
    : 'Name another file; this one was not changed.',
}));

export const networkFileSystem = error('NETWORK_FILE_SYSTEM', (where: string, kind: string) => ({
  message: `${where} lies on a network file system (${kind}), where SQLite's locks do not hold.`,
  field: 'database',
  found: kind,
  allowed: 'a local disk',
  next: 'Use a local file; for several machines use PostgreSQL.',
}));

export const storeClosed = error('STORE_CLOSED', () => ({ message: 'The database connection was closed.' }));

/** Whether an error says that the connection was closed: by us, so that trying again is of no use. */
export const isClosed = (fault: unknown): boolean => fault instanceof BacklineError && fault.code === 'STORE_CLOSED';

// --- settings, files and the command line ---

export const badConfigFile = error('BAD_CONFIG_FILE', (file: string, problem: string, cause?: unknown) => ({
  message: `The config file ${file} ${problem}.`,
  field: 'config',
  found: file,
  cause,
}));

export const badJobFile = error('BAD_JOB_FILE', (file: string, field: string, problem: string, allowed: string) => ({
  message: `${file}: ${field} ${problem}.`,
  field,
  found: problem,
  allowed,
}));

export const unreadable = error('UNREADABLE', (path: string, cause: unknown) => ({
  message: `${path} cannot be used: ${messageOf(cause)}.`,
  field: 'path',
  found: path,
  cause,
}));

export const usage = error('USAGE', (problem: string, next?: string) => ({ message: problem, next }));

export const fileExists = error('FILE_EXISTS', (path: string, next?: string) => ({
  message: `${path} exists; it was not overwritten.`,
  field: 'path',
  found: path,
  next,
}));

export const hostRefused = error('HOST_REFUSED', (place: string, host: string, allowed: string, next: string) => ({
  message: `${place} is ${show(host)}.`,
  field: place,
  found: show(host),
  allowed,
  next,
}));

export const portTaken = error('PORT_TAKEN', (port: number, tried: number) => ({
  message: `Port ${port} and the ${tried - 1} after it are taken.`,
  field: 'port',
  found: String(port),
  next: 'Pass --port with a free one.',
}));

export const cannotListen = error('CANNOT_LISTEN', (host: string, port: number, cause: unknown) => ({
  message: `Nothing can listen on ${host}, port ${port}: ${messageOf(cause)}.`,
  next: 'Pass --port with another one, from 1024 on.',
  cause,
}));

export const nothingMatched = error('NOTHING_MATCHED', (what: string) => ({ message: `${what} matched nothing.` }));

/** An error about one item of a list, naming it; what is not ours passes unchanged. */
export const inItem = (index: number, fault: unknown): unknown =>
  fault instanceof BacklineError ? fault.at(`jobs[${index}]`) : fault;

/** The same about a part that has a name. */
export const inPart = (name: string, fault: unknown): unknown =>
  fault instanceof BacklineError ? fault.at(name) : fault;
