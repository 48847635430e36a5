/** SIGTERM and SIGINT close every manager of this process, then do what they would have done without us. */
import { SIGNAL_ECHO_MS } from '../util/process.ts';

const closers = new Set<() => Promise<void>>();
const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

let closing = false;
let firstAt = 0;

const onSignal = (signal: NodeJS.Signals): void => {
  if (closing) {
    // The second signal means: now.
    if (performance.now() - firstAt > SIGNAL_ECHO_MS) leave(signal);
    return;
  }
  closing = true;
  firstAt = performance.now();
  void Promise.allSettled([...closers].map((close) => close())).then(() => leave(signal));
};

/** Without our handler the signal has its usual effect, and the exit status tells of it; a host's own handlers go on. */
const leave = (signal: NodeJS.Signals): void => {
  closing = false;
  const others = process.listenerCount(signal) > (process.listeners(signal).includes(onSignal) ? 1 : 0);
  for (const name of SIGNALS) process.removeListener(name, onSignal);
  if (!others) process.kill(process.pid, signal);
};

/** @returns a function that takes the closer out again. */
export const closeOnSignal = (close: () => Promise<void>): (() => void) => {
  if (closers.size === 0) for (const name of SIGNALS) process.on(name, onSignal);
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size === 0 && !closing) for (const name of SIGNALS) process.removeListener(name, onSignal);
  };
};
