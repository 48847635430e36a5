import { type JobManager, job } from 'backline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshFile, startManager } from '../../../test/managers.ts';
import { until } from '../../../test/wait.ts';
import { everyone } from './access.ts';
import { Feed, type FeedOptions, feedOf, type WatchRequest } from './feed.ts';
import type { Frame, JobFrame } from './frames.ts';

const jobs = {
  double: job({ run: async (n: number) => 2 * n }),
  secret: job({
    run: async (_: unknown, ctx) => {
      ctx.progress({ done: 1, total: 2, message: 'half' });
      return { token: 'the-result' };
    },
  }),
};

const QUICK = { tickMs: 5, queuesEveryMs: 20 };

const newFeed = (manager: JobManager, options: FeedOptions = {}): Feed => {
  const feed = new Feed(manager, { ...QUICK, ...options });
  onTestFinished(() => feed.close());
  return feed;
};

const started = async (file = ':memory:') => (await startManager({ jobs }, file)) as unknown as JobManager;

/** Reads in the background. */
const follow = (feed: Feed, request: Partial<WatchRequest> = {}) => {
  const frames: Frame[] = [];
  const stop = new AbortController();
  const done = (async () => {
    const signal = request.signal ?? stop.signal;
    for await (const frame of feed.watch({ caller: everyone, ...request, signal })) frames.push(frame);
  })();
  onTestFinished(() => stop.abort());
  const ofJobs = () => frames.filter((frame): frame is JobFrame => frame.kind === 'job');
  return { frames, ofJobs, stop: () => stop.abort(), done };
};

describe('a feed', () => {
  test('tells what happens to jobs, and never what they hold', async () => {
    const manager = await started();
    const { frames, ofJobs } = follow(newFeed(manager));
    await manager.enqueue('secret', { password: 'the-payload' }, { id: 'a', queue: 'letters' });
    await until(() => ofJobs().some(({ status }) => status === 'completed'));
    expect(ofJobs().at(-1)).toMatchObject({
      jobId: 'a',
      type: 'secret',
      queue: 'letters',
      attempts: 1,
      progress: 50,
      note: 'half',
    });
    expect(JSON.stringify(frames)).not.toMatch(/the-result|the-payload/);
    const numbers = frames.map(({ id }) => Number(id.split('-')[1]));
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    await manager.remove('a');
    await until(() => ofJobs().at(-1)!.removed);
  });

  test('tells of changes by another process', async () => {
    const file = freshFile();
    const [one, two] = [
      await started(file),
      (await startManager({ jobs, worker: false }, file)) as unknown as JobManager,
    ];
    const { ofJobs, frames } = follow(newFeed(two));
    await two.count();
    await one.enqueue('double', 1, { id: 'a' });
    await until(() => ofJobs().at(-1)?.status === 'completed');
    await one.pauseQueue('default', { reason: 'rest' });
    await until(() => frames.some((frame) => frame.kind === 'queue' && frame.paused && frame.pausedReason === 'rest'));
    await one.resumeQueue('default');
    await one.limitQueue('default', 3);
    await until(() => frames.some((frame) => frame.kind === 'queue' && !frame.paused && frame.maxRunning === 3));
  });

  test('tells of schedules: runs, changes, and those of another process', async () => {
    const file = freshFile();
    const one = await started(file);
    const two = (await startManager({ jobs, worker: false }, file)) as unknown as JobManager;
    const { frames } = follow(newFeed(two), { filter: { kind: ['schedule'] } });
    const told = () => frames.length;
    await two.count();
    await one.schedules.add({ id: 'hourly', type: 'double', payload: 2, interval: '1h' });
    await until(() => told() === 1);
    await one.schedules.run('hourly');
    await until(() => told() === 2);
    await two.schedules.pause('hourly', { reason: 'quiet' });
    await until(() => told() === 3);
    await two.schedules.remove('hourly');
    await until(() => told() === 4);
    for (const frame of frames)
      expect(frame).toEqual({
        ...{ id: expect.any(String), at: expect.stringMatching(/Z$/) },
        ...{ kind: 'schedule', schedule: 'hourly', type: 'double' },
      });
  });

  test('goes on where somebody was, and says when that is not possible', async () => {
    const manager = await started();
    const feed = newFeed(manager, { keepFrames: 3 });
    const first = follow(feed);
    await manager.enqueue('double', 1, { id: 'a', delay: '1h' });
    await until(() => first.ofJobs().length === 1);
    first.stop();
    await first.done;
    const lastEventId = first.frames.at(-1)!.id;
    for (const id of ['b', 'c']) await manager.enqueue('double', 1, { id, delay: '1h' });
    const second = follow(feed, { lastEventId });
    await until(() => second.frames.length === 2);
    expect(second.ofJobs().map(({ jobId }) => jobId)).toEqual(['b', 'c']);
    for (let i = 0; i < 12; i++) await manager.enqueue('double', 1, { id: `d${i}`, delay: '1h' });
    const late = follow(feed, { lastEventId });
    await until(() => late.frames.length > 0);
    expect(late.frames).toMatchObject([{ kind: 'gap', reason: 'too-old', action: 'refetch' }]);
    // And from there on it hears again.
    await manager.enqueue('double', 1, { id: 'e', delay: '1h' });
    await until(() => late.ofJobs().some(({ jobId }) => jobId === 'e'));
    const other = follow(newFeed(manager), { lastEventId });
    await until(() => other.frames.length > 0);
    expect(other.frames).toMatchObject([{ kind: 'gap', reason: 'other-process' }]);
  });

  test('hears of children of one job only, and asks the store about each job once', async () => {
    const manager = await started();
    let asked = 0;
    const source = new Proxy(manager, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'list') asked++;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const feed = newFeed(source);
    const readers = [1, 2, 3].map(() => follow(feed, { filter: { parent: 'p' } }));
    const { id } = await manager.enqueueBatch({
      type: 'album',
      id: 'p',
      jobs: [{ type: 'double', payload: 1, options: { id: 'c' } }],
    });
    await manager.enqueue('double', 1, { id: 'other' });
    await manager.result(id);
    for (const { ofJobs } of readers) {
      await until(() => ofJobs().at(-1)?.status === 'completed');
      expect(new Set(ofJobs().map(({ jobId }) => jobId))).toEqual(new Set(['c']));
    }
    // Three jobs, a few ticks; not three readers times all of their frames.
    expect(asked).toBeLessThan(10);
  });

  test('shows a caller of one queue nothing of others', async () => {
    const manager = await started();
    const feed = newFeed(manager);
    const { frames } = follow(feed, { caller: { queues: ['letters'], tenants: null } });
    const all = follow(feed);
    for (const queue of ['letters', 'money']) await manager.result(await manager.enqueue('double', 1, { queue }));
    await manager.pauseQueue('money');
    await until(() => all.frames.some(({ kind }) => kind === 'queue'));
    await manager.pauseQueue('letters');
    await until(() => frames.some(({ kind }) => kind === 'queue'));
    expect(frames.every((frame) => 'queue' in frame && frame.queue === 'letters')).toBe(true);
  });

  test('gives at most four batches a second and 64 KB, the newest of each job, and forgets no job', async () => {
    const manager = await started();
    const feed = newFeed(manager, { tickMs: 250 });
    const stop = new AbortController();
    const arrived: { at: number; bytes: number; frames: readonly Frame[] }[] = [];
    const reading = (async () => {
      for await (const { frames, texts } of feed.batches({ caller: everyone, signal: stop.signal }))
        arrived.push({ at: performance.now(), bytes: texts.join('').length, frames });
    })();
    const many = Array.from({ length: 500 }, (_, i) => ({ type: 'double', payload: i, options: { id: `job-${i}` } }));
    await manager.enqueueMany(many);
    const last = new Map<string, string | undefined>();
    await until(() => {
      for (const { frames } of arrived)
        for (const frame of frames) if (frame.kind === 'job') last.set(frame.jobId, frame.status);
      return last.size === 500 && [...last.values()].every((status) => status === 'completed');
    });
    stop.abort();
    await reading;
    arrived.forEach(({ at, bytes }, i) => {
      expect(bytes).toBeLessThanOrEqual(65_536 / 4);
      // Timers of the system may be a little early.
      if (i > 0) expect(at - arrived[i - 1]!.at).toBeGreaterThan(200);
    });
  });

  test('does not grow with a reader who does not read', async () => {
    const manager = await started();
    const feed = newFeed(manager, { keepFrames: 100 });
    const lazy = feed.batches({ caller: everyone })[Symbol.asyncIterator]();
    const first = lazy.next();
    for (let i = 0; i < 20; i++)
      await manager.enqueueMany(
        Array.from({ length: 50 }, () => ({ type: 'double', payload: 1, options: { delay: '1h' } })),
      );
    await first;
    expect(feed.size).toBeLessThanOrEqual(200);
    await until(async () => (await lazy.next()).value!.frames[0]!.kind === 'gap');
    await manager.enqueue('double', 1, { id: 'after', delay: '1h' });
    expect((await lazy.next()).value!.frames).toMatchObject([{ jobId: 'after' }]);
    await lazy.return!();
  });

  test('shows nobody another job that has the id of the one it follows', async () => {
    const manager = await started();
    const feed = newFeed(manager);
    const followers = [follow(feed, { filter: { parent: 'p' } }), follow(feed, { filter: { parent: 'p' } })];
    const album = { type: 'album', id: 'p', jobs: [{ type: 'double', payload: 1, options: { id: 'c' } }] };
    await manager.result((await manager.enqueueBatch(album)).id);
    for (const { ofJobs } of followers) await until(() => ofJobs().at(-1)?.status === 'completed');
    const seq = (await manager.get('c'))!.seq;
    await manager.remove('c');
    await manager.result(await manager.enqueue('double', 1, { id: 'c', queue: 'of-somebody-else' }));
    const again = { ...album, id: 'q' };
    const all = follow(feed);
    await manager.remove('c');
    await manager.result((await manager.enqueueBatch(again)).id);
    await until(() => all.ofJobs().some(({ jobId, status }) => jobId === 'c' && status === 'completed'));
    for (const { ofJobs } of followers)
      expect(new Set(ofJobs().flatMap((frame) => (frame.jobId === 'c' ? [frame.seq] : [])))).toEqual(new Set([seq]));
  });

  test.each(['watch', 'batches'] as const)('lets go of a reader of %s at once that has heard enough', async (way) => {
    const feed = newFeed(await started());
    const readers = [feed[way]({ caller: everyone }), feed[way]({ caller: everyone }), feed[way]({ caller: everyone })];
    const waiting = readers.slice(1).map((reader) => reader.next());
    await until(() => feed.readers === 2);
    // Nothing happens, and no frame will come.
    expect(await readers[0]!.return()).toEqual({ done: true, value: undefined });
    expect(await readers[1]!.return()).toEqual({ done: true, value: undefined });
    await readers[2]![Symbol.asyncDispose]();
    expect(await Promise.all(waiting)).toEqual([1, 2].map(() => ({ done: true, value: undefined })));
    expect(feed.readers).toBe(0);
    const thrown = feed[way]({ caller: everyone });
    const next = thrown.next();
    await expect(thrown.throw(new RangeError('enough'))).rejects.toThrow('enough');
    expect(await next).toMatchObject({ done: true });
  });

  test('waits for the store where it must ask it, and misses nothing meanwhile', async () => {
    const manager = await started();
    let away = true;
    const source = new Proxy(manager, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (name === 'list' && away) return () => Promise.reject(new Error('away'));
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const { ofJobs } = follow(newFeed(source), { filter: { parent: 'p' } });
    await manager.enqueueBatch({
      type: 'album',
      id: 'p',
      jobs: [{ type: 'double', payload: 1, options: { id: 'c' } }],
    });
    await manager.result('c');
    expect(ofJobs()).toEqual([]);
    away = false;
    await until(() => ofJobs().at(-1)?.status === 'completed');
  });

  test('ends its readers when it is closed, and those that come afterwards', async () => {
    const manager = await started();
    const feed = newFeed(manager);
    const readers = [follow(feed), follow(feed, { lastEventId: 'x' })];
    await until(() => feed.readers === 2);
    feed.close();
    await Promise.all(readers.map(({ done }) => done));
    await follow(feed).done;
    expect(feed.readers).toBe(0);
  });

  test('lets the events go some time after its last reader, and then says that something may be missed', async () => {
    const manager = await started();
    const feed = newFeed(manager, { idleMs: 1 });
    const reader = follow(feed);
    await manager.enqueue('double', 1, { delay: '1h' });
    await until(() => reader.frames.length > 0);
    reader.stop();
    await reader.done;
    await until(() => feed.size === 0);
    await manager.enqueue('double', 1, { delay: '1h' });
    expect(feed.size).toBe(0);
    const again = follow(feed, { lastEventId: reader.frames[0]!.id });
    await manager.enqueue('double', 1, { id: 'later', delay: '1h' });
    await until(() => again.ofJobs().some(({ jobId }) => jobId === 'later'));
    expect(again.frames[0]).toMatchObject({ kind: 'gap', reason: 'too-old' });
  });

  test('is one for a manager', async () => {
    const [one, two] = [await started(), await started()];
    expect(feedOf(one)).toBe(feedOf(one));
    expect(feedOf(one)).not.toBe(feedOf(two));
  });
});
