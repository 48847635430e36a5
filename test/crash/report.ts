/** The child's side of child.ts. */
import { writeSync } from 'node:fs';
import { type Failpoint, failpoints } from '../../src/store/sqlite/failpoints.ts';

/** Written at once: what was acknowledged before a kill must be known after it. */
export const report = (fact: string, more: object = {}): void => {
  writeSync(1, `${JSON.stringify({ fact, ...more })}\n`);
};

export const orderOf = <T>(): T => JSON.parse(process.argv[2]!) as T;

/** Kills this process when it comes to a failpoint for the nth time. */
export const dieAt = (wanted: Failpoint, nth: number): void => {
  let hits = 0;
  failpoints.hit = (name) => {
    if (name !== wanted || ++hits < nth) return;
    report('hit', { name });
    process.kill(process.pid, 'SIGKILL');
    // The signal may take a moment; nothing may be written in it.
    for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  };
};

/** The lines that the parent says, one by one. */
export const heard = async (word: string): Promise<void> => {
  for (;;) {
    const [line] = (
      await new Promise<string>((resolve) => process.stdin.once('data', (data) => resolve(String(data))))
    ).split('\n');
    if (line === word) return;
  }
};
