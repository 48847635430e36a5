import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../engine/events.ts';
import { type JobNews, keyOf, merged, NEWS, type News } from './frames.ts';

const event: JobEvent = { jobId: 'a', seq: 7, type: 'mail', queue: 'letters', at: Date.UTC(2026, 0, 31) };
const about = {
  kind: 'job' as const,
  ...{ at: '2026-01-31T00:00:00.000Z', jobId: 'a', seq: 7, type: 'mail', queue: 'letters' },
};
const status = (to: JobNews['status'], more: object = {}): JobNews => ({ ...about, status: to!, ...more }) as JobNews;

describe('an event', () => {
  test('becomes news that say where the job is', () => {
    const moved = {
      ...event,
      status: 'queued',
      from: 'running',
      attempts: 2,
      runAt: event.at + 1,
      error: 'no',
    } as const;
    expect(NEWS['job-status-changed'](moved)).toEqual({
      ...{ ...about, status: 'queued', attempts: 2, runAt: '2026-01-31T00:00:00.001Z', error: 'no' },
    });
    expect(NEWS['job-progress']({ ...event, progress: 50, note: 'half' })).toEqual(
      status('running', { progress: 50, note: 'half' }),
    );
    expect(NEWS['job-cancel-requested']({ ...event, reason: 'enough' })).toEqual(
      status('running', { cancelRequested: true, error: 'enough' }),
    );
    expect(NEWS['job-removed'](event)).toEqual({ ...about, removed: true });
  });

  test('is cut where a job says too much of itself, between letters', () => {
    const long = NEWS['job-progress']({ ...event, progress: 1, note: `${'x'.repeat(498)}😀${'y'.repeat(5000)}` });
    expect(long.note!.length).toBeLessThanOrEqual(500);
    expect(long.note!.isWellFormed()).toBe(true);
    expect(long.note!.endsWith('…')).toBe(true);
  });
});

describe('news over older news', () => {
  test.each<[says: string, older: News, newer: News, result: object]>([
    [
      'of a running job keep what they do not speak of',
      status('running', { attempts: 1, progress: 10 }),
      status('running', { progress: 20 }),
      status('running', { attempts: 1, progress: 20 }),
    ],
    [
      'of its end keep the progress',
      status('running', { progress: 90, note: 'soon' }),
      status('completed', { attempts: 1 }),
      status('completed', { progress: 90, note: 'soon', attempts: 1 }),
    ],
    [
      'of its end forget that it was asked to stop',
      status('running', { cancelRequested: true }),
      status('cancelled'),
      status('cancelled'),
    ],
    [
      'of a new try forget the progress of the last one',
      status('running', { progress: 90, note: 'soon' }),
      status('queued', { attempts: 1 }),
      status('queued', { attempts: 1 }),
    ],
    ['of a removal say nothing else', status('failed'), { ...about, removed: true }, { ...about, removed: true }],
  ])('%s', (_, older, newer, result) => {
    expect(keyOf(older)).toBe(keyOf(newer));
    expect(merged(older, newer)).toEqual(result);
  });

  test('of a job that has the id of a removed one are of another thing', () => {
    expect(keyOf({ ...status('created'), seq: 8 })).not.toBe(keyOf({ ...about, removed: true }));
  });

  test('of other things have other keys', () => {
    const queue = { paused: true, pausedReason: null, pausedUntil: null, maxRunning: null } as const;
    const news: News[] = [
      ...[status('created'), { kind: 'queue', at: about.at, queue: 'a', ...queue } as const],
      { kind: 'worker', at: about.at, worker: 'a', change: 'lost' },
      { kind: 'service', at: about.at, change: 'store-recovered' },
    ];
    expect(new Set(news.map(keyOf)).size).toBe(news.length);
  });
});
