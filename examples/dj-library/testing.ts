/** What the tests of this example share. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that is removed after the test. */
export const freshFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'dj-library-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

/** Asks again and again until the answer is true. @throws if it stays untrue. */
export const until = async <T>(condition: () => T | Promise<T>, timeoutMs = 20_000): Promise<T> => {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await condition();
    if (answer) return answer;
    if (performance.now() > deadline) throw new Error(`This did not come true within ${timeoutMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

/** Half the range at 440 Hz, one channel. */
export const tone = (seconds: number, rate: number, hz = 440): Float32Array =>
  Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => 0.5 * Math.sin((2 * Math.PI * hz * i) / rate));
