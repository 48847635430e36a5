/** Ctrl-C and a polite kill, for commands that run until they are told to stop. */
import { SIGNAL_ECHO_MS } from '../../util/process.ts';
import { EXIT, type ExitCode } from './exit-code.ts';

export interface Interruption {
  readonly signal: AbortSignal;
  /** What to end with: 130 after Ctrl-C, 0 after SIGTERM, as service managers expect it. */
  code(): ExitCode;
}

/** From here on the first signal asks the command to end. The second one means: now. */
export const untilInterrupted = (): Interruption => {
  const controller = new AbortController();
  let code: ExitCode = EXIT.ok;
  let firstAt = 0;
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      if (performance.now() - firstAt > SIGNAL_ECHO_MS) process.exit(EXIT.interrupted);
      return;
    }
    firstAt = performance.now();
    if (signal === 'SIGINT') code = EXIT.interrupted;
    controller.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return { signal: controller.signal, code: () => code };
};

/** Resolves when the signal fires. Something else must keep the process alive. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
