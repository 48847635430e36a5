/** Waiting for the end of jobs that were just handed in. */
import { BacklineError } from '../../job/backline-error.ts';
import type { Cli } from './connect.ts';
import type { Desk } from './desk.ts';
import { EXIT, type ExitCode } from './exit-code.ts';
import { aborted, type Interruption } from './interrupt.ts';
import { clean } from './print.ts';

const WIDTH = 24;

interface Wait {
  readonly cli: Cli;
  readonly client: Desk;
  readonly stop: Interruption;
}

/** Prints each result; a job that fails is told as an error. @returns 1 if any did not complete. */
export const waitFor = async (
  { cli, client, stop }: Wait,
  ids: readonly string[],
  timeoutMs: number,
): Promise<ExitCode> => {
  const { out } = cli;
  const wanted = new Set(ids);
  client.on?.('job-progress', ({ jobId, progress, note }) => {
    if (wanted.has(jobId)) out.progress(`${bar(progress)} ${Math.floor(progress)} %  ${clean(note ?? '')}`);
  });
  if (!(await isServed(client))) out.talk('No worker is running yet; the job waits. → backline work');
  const interrupted = aborted(stop.signal).then(() => 'interrupted' as const);
  let code: ExitCode = EXIT.ok;
  for (const id of ids) {
    const end = client.result(id, { timeout: timeoutMs }).then(
      (result) => ({ result }),
      (error: unknown) => ({ error }),
    );
    const outcome = await Promise.race([end, interrupted]);
    out.progress(null);
    if (outcome === 'interrupted') return stop.code();
    if ('error' in outcome) {
      if (!(outcome.error instanceof BacklineError)) throw outcome.error;
      out.error(outcome.error);
      code = EXIT.failed;
    } else {
      const { result } = outcome;
      await out.record('result', { id, result: result ?? null }, () => JSON.stringify(result ?? null));
    }
  }
  return code;
};

const isServed = async (client: Desk): Promise<boolean> =>
  (await client.workers()).some(({ leaseUntil }) => leaseUntil >= client.now());

const bar = (percent: number): string => {
  const full = Math.round((percent / 100) * WIDTH);
  return `${'█'.repeat(full)}${'░'.repeat(WIDTH - full)}`;
};
