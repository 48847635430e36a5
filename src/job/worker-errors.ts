/** Errors of threads and child processes that do the work; part of errors.ts, which hands them on. */
import { show } from '../util/text.ts';
import { error } from './backline-error.ts';

export const workerNotReady = error('WORKER_NOT_READY', (worker: string, reason: string, cause?: unknown) => ({
  message: `A worker of ${worker} did not become ready: ${reason}`,
  next: 'Start its program by hand to see what is wrong; jobs wait and go on by themselves when it starts.',
  cause,
}));

export const workerExited = error('WORKER_EXITED', (code: number, cause?: unknown) => ({
  message: `The worker ended with exit code ${code} in the middle of the job.`,
  found: `exit code ${code}`,
  cause,
}));

export const workerSignalled = error('WORKER_SIGNALLED', (signal: string) => ({
  message: `The worker was killed by the signal ${signal} in the middle of the job.`,
  found: signal,
  next:
    signal === 'SIGKILL' ? 'If nobody sent it, the system may have run out of memory: see its kernel log.' : undefined,
}));

export const workerOutOfMemory = error('WORKER_OUT_OF_MEMORY', (how: string) => ({
  message: `The worker ran out of memory: ${how}.`,
  field: 'maxMemoryMb',
  next: 'Raise maxMemoryMb, or let the job hold less at a time.',
}));

export const workerEndedWithoutResult = error('WORKER_ENDED_WITHOUT_RESULT', () => ({
  message: 'The worker ended with exit code 0, but without a result.',
  found: 'exit code 0',
  next: 'Let the handler return or throw instead of ending its process.',
}));

export const workerSilent = error('WORKER_SILENT', (silentMs: number) => ({
  message: `The worker was silent for ${silentMs} ms while it worked, and was killed.`,
  field: 'workerTimeout',
  found: `${silentMs} ms of silence`,
  next: 'Raise workerTimeout, or let the handler report progress or a heartbeat now and then.',
}));

export const workerGarbage = error('WORKER_GARBAGE', (found: string, problem: string) => ({
  message: `The worker wrote something that is no message: ${show(found)} ${problem}.`,
  found: show(found),
  allowed: 'one JSON message a line, as docs/worker-protocol.md says',
  next: 'Let it print to standard error instead.',
}));

export const workerLineTooLong = error('WORKER_LINE_TOO_LONG', (begin: string, maxBytes: number) => ({
  message: `The worker wrote a line longer than ${maxBytes} bytes; it begins with ${show(begin)}.`,
  field: 'maxLineBytes',
  found: `more than ${maxBytes} bytes`,
  next: 'Store the data elsewhere and return its path, or raise maxLineBytes.',
}));

export const workerProtocol = error('WORKER_PROTOCOL', (found: unknown, known: number) => ({
  message: `The worker speaks version ${show(found)} of the protocol.`,
  field: 'protocol',
  found: show(found),
  allowed: String(known),
}));

export const workerModule = error('WORKER_MODULE', (module: string, problem: string) => ({
  message: `The module ${module} ${problem}.`,
  field: 'module',
  found: module,
  allowed: 'a default export, or an export named jobs: handlers by job type, or one function for all types',
}));

export const notAvailableHere = error('NOT_AVAILABLE_HERE', (what: string) => ({
  message: `${what} cannot be used in a thread or child process: the database belongs to the process that gave it the job.`,
  next: 'Return what is needed and enqueue from there, or let this job type run in process.',
}));
