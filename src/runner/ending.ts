/** What it means that a thread or child process has ended. Pure. */
import type { BacklineError } from '../job/backline-error.ts';
import { workerEndedWithoutResult, workerExited, workerOutOfMemory, workerSignalled } from '../job/errors.ts';
import type { Failure } from '../job/job.ts';
import { RemoteError, Stop, toFailure } from '../job/outcome.ts';

/** How it ended, and why we ended it, if we did. */
export interface Ending {
  readonly code: number | null;
  readonly signal: string | null;
  /** What we killed it for. */
  readonly fault: BacklineError | null;
  /** The end of its standard error. */
  readonly output: string;
}

/** What to say of the end in the middle of a job, or before it was ready. */
export const errorOfEnding = ({ code, signal, fault, output }: Ending): BacklineError => {
  if (fault) return fault;
  if (signal !== null)
    return isHeapExhausted(signal, output) ? workerOutOfMemory('its heap was full') : workerSignalled(signal);
  return code === 0 ? workerEndedWithoutResult() : workerExited(code ?? 1);
};

/** Node says so, then aborts. */
const isHeapExhausted = (signal: string, output: string): boolean =>
  (signal === 'SIGABRT' || signal === 'SIGTRAP') && /heap out of memory/i.test(output);

/** Its program died, whatever the reason; other ends are faults of what it wrote or did not write. */
const CRASHES: ReadonlySet<string> = new Set(['WORKER_EXITED', 'WORKER_SIGNALLED', 'WORKER_OUT_OF_MEMORY']);

/** What the runner throws when its worker ended in the middle of a job. */
export const thrownByEnding = (error: BacklineError, output: string): Error => {
  const failure = withOutput(toFailure(error), output);
  return CRASHES.has(error.code) ? new Stop({ kind: 'crashed', failure }) : new RemoteError(failure);
};

export const withOutput = (failure: Failure, output: string): Failure =>
  output === '' ? failure : { ...failure, output: output.toWellFormed() };
