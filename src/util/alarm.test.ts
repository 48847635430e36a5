import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Alarm } from './alarm.ts';

describe('an alarm', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  test('rings once, when its time is over and not before', () => {
    const ring = vi.fn();
    new Alarm(1000, ring);
    vi.advanceTimersByTime(999);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(5000);
    expect(ring).toHaveBeenCalledOnce();
  });

  test('begins anew when it is restarted', () => {
    const ring = vi.fn();
    const alarm = new Alarm(1000, ring);
    vi.advanceTimersByTime(900);
    alarm.restart();
    vi.advanceTimersByTime(999);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(ring).toHaveBeenCalledOnce();
  });

  test('does not ring when it was cleared', () => {
    const ring = vi.fn();
    new Alarm(1000, ring).clear();
    vi.advanceTimersByTime(5000);
    expect(ring).not.toHaveBeenCalled();
  });

  test('rings after any time, however long', () => {
    const ring = vi.fn();
    new Alarm(60 * 86_400_000, ring);
    vi.advanceTimersByTime(59 * 86_400_000);
    expect(ring).not.toHaveBeenCalled();
    vi.advanceTimersByTime(86_400_000);
    expect(ring).toHaveBeenCalledOnce();
  });
});
