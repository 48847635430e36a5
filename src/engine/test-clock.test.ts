import { job } from 'backline';
import { testClock } from 'backline/testing';
import { describe, expect, test } from 'vitest';
import { startManager } from '../../test/managers.ts';
import { until } from '../../test/wait.ts';

describe('a test clock', () => {
  test('stands still until it is moved', () => {
    const clock = testClock('2026-03-28T12:00Z');
    expect([clock.now(), clock.monotonic()]).toEqual([Date.parse('2026-03-28T12:00Z'), 0]);
    clock.advance('3d');
    clock.advance(5);
    expect([clock.now(), clock.monotonic()]).toEqual([Date.parse('2026-03-31T12:00Z') + 5, 3 * 86_400_000 + 5]);
  });

  test('can be set, also back, without that time passes', () => {
    const clock = testClock();
    clock.set('2025-01-01T00:00Z');
    expect([clock.now(), clock.monotonic()]).toEqual([Date.parse('2025-01-01T00:00Z'), 0]);
  });

  test('tells its listeners after each move, until they leave', () => {
    const clock = testClock(0);
    const heard: number[] = [];
    const leave = clock.onMove(() => heard.push(clock.now()));
    clock.advance('1s');
    clock.set(5000);
    leave();
    clock.advance('1s');
    expect(heard).toEqual([1000, 5000]);
  });

  test('refuses what is no time', () => {
    expect(() => testClock('noon')).toThrow(/^start is "noon"/);
    expect(() => testClock().advance(-1)).toThrow(/^by is -1/);
    expect(() => testClock().set('noon')).toThrow(/^to is "noon"/);
  });

  test('wakes a manager: what became due starts at once', async () => {
    const clock = testClock('2026-03-28T12:00Z');
    const jobs = { mail: job({ run: async () => clock.now() }) };
    // No poll comes to its help within this test.
    const manager = await startManager({ jobs, clock, pollInterval: '1h' });
    const handle = await manager.enqueue('mail', undefined, { delay: '3d' });
    clock.advance('2d');
    expect((await manager.getJobById(handle.id))?.status).toBe('queued');
    clock.advance('1d');
    expect(await manager.result(handle, { timeout: '20s' })).toBe(Date.parse('2026-03-31T12:00Z'));
  });

  test('sets off the chores: what became too old is cleaned up, what ran out of time expires', async () => {
    const clock = testClock('2026-03-28T12:00Z');
    const jobs = { mail: job({ run: async () => 'sent' }) };
    const manager = await startManager({ jobs, clock, pollInterval: '1h', lease: '1h', cleanupInterval: '1h' });
    const sent = await manager.enqueue('mail');
    await manager.result(sent, { timeout: '20s' });
    const late = await manager.enqueue('mail', undefined, { delay: '30d', startTimeout: '1d' });
    await manager.pauseQueue('default');
    clock.advance('8d');
    await until(async () => (await manager.getJobById(sent.id)) === null, 'it is cleaned up');
    expect((await manager.getJobById(late.id))?.status).toBe('queued');
    clock.advance('24d');
    await until(async () => (await manager.getJobById(late.id))?.status === 'cancelled', 'it expires');
  });
});
