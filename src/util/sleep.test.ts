import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sleep } from './sleep.ts';

describe('sleep', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const settled = async (promise: Promise<void>): Promise<boolean> => {
    let done = false;
    void promise.then(() => (done = true));
    await vi.advanceTimersByTimeAsync(0);
    return done;
  };

  test('resolves when its time is over, and not before', async () => {
    const slept = sleep(1000);
    await vi.advanceTimersByTimeAsync(999);
    expect(await settled(slept)).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(await settled(slept)).toBe(true);
  });

  test('ends at once when its signal fires, and leaves no timer and no listener', async () => {
    const controller = new AbortController();
    const removed = vi.spyOn(controller.signal, 'removeEventListener');
    const slept = sleep(1000, { signal: controller.signal });
    controller.abort();
    expect(await settled(slept)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    expect(removed).toHaveBeenCalledOnce();
  });

  test('does not begin when its signal has fired', async () => {
    expect(await settled(sleep(1000, { signal: AbortSignal.abort() }))).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('sleeps as long as a timer can, where more is asked', async () => {
    const slept = sleep(100 * 366 * 86_400_000);
    await vi.advanceTimersByTimeAsync(24 * 86_400_000);
    expect(await settled(slept)).toBe(false);
  });
});

test('a sleep that need not keep the process alive does not', () => {
  const url = fileURLToPath(new URL('./sleep.ts', import.meta.url));
  const program = `import { sleep } from ${JSON.stringify(url)};
    process.on('exit', () => console.log('ended'));
    sleep(60_000, { keepAlive: false });`;
  const out = execFileSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  expect(out.toString()).toBe('ended\n');
});
