import { job } from 'backline';
import { describe, expect, test } from 'vitest';
import { codeOf, refusalOf, startManager } from '../../test/managers.ts';
import { until } from '../../test/wait.ts';
import { sampleDepths } from './chores/sampler.ts';
import { checkMetricsRange, metricsOf } from './metrics.ts';

const T0 = 1_800_000_000_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

/** A manager whose wall clock stands, and is moved by hand. */
const withClock = async () => {
  const clock = { at: T0, now: () => clock.at, monotonic: () => performance.now() };
  const jobs = {
    sleep: job({
      maxAttempts: 1,
      run: (ms: number) => {
        clock.at += ms;
      },
    }),
    fail: job({
      maxAttempts: 1,
      run: () => {
        throw new TypeError('no');
      },
    }),
  };
  const manager = await startManager({ jobs, clock, maxConcurrentJobs: 1 });
  return { manager, clock };
};

describe('under a known load', () => {
  test('rates of creation and completion, durations and error rates by type are those of the load', async () => {
    const { manager, clock } = await withClock();
    for (let n = 0; n < 60; n++) {
      clock.at = T0 + n * 10_000;
      await manager.result(await manager.enqueue('sleep', 200)).catch(() => {});
      if (n % 2 === 0) await manager.result(await manager.enqueue('fail')).catch(() => {});
    }
    clock.at = T0 + 600_000;
    const { total, types, since, until: end } = await manager.metrics({ since: T0, until: clock.at });
    expect([since, end]).toEqual([T0, T0 + 600_000]);
    expect(total).toMatchObject({ created: 90, started: 90, completed: 60, failed: 30, timeout: 0, retried: 0 });
    expect(total.createdPerSecond).toBeCloseTo(90 / 600);
    expect(total.completedPerSecond).toBeCloseTo(60 / 600);
    expect(total.errorRate).toBeCloseTo(1 / 3);
    expect(types['sleep']).toMatchObject({ completed: 60, errorRate: 0, averageRunMs: 200 });
    expect(types['sleep']!.runMs!.p50).toBeGreaterThan(100);
    expect(types['sleep']!.runMs!.p99).toBeLessThan(400);
    expect(types['fail']).toMatchObject({ failed: 30, completed: 0, errorRate: 1, averageRunMs: 0 });
    const health = await manager.getSystemHealth();
    expect(health).toMatchObject({ errorRates: { sleep: 0, fail: 1 } });
    expect(health.rates.created).toBeCloseTo(90 / 900);
    expect(health.rates.completed).toBeCloseTo(60 / 900);
  });

  test('the health tells of the last minutes, not of what was long ago', async () => {
    const { manager, clock } = await withClock();
    await manager.result(await manager.enqueue('fail')).catch(() => {});
    expect((await manager.health()).errorRates).toEqual({ fail: 1 });
    clock.at += HOUR;
    expect(await manager.health()).toMatchObject({ errorRates: {}, rates: { created: 0, completed: 0 } });
  });

  test('the depth of the queues over time is a series', async () => {
    const { manager, clock } = await withClock();
    // The sample that is taken at the start.
    await until(async () => (await manager.metrics({ since: T0 })).series[0]?.waiting === 0);
    await manager.enqueue('sleep', 0, { held: true });
    clock.at += MINUTE;
    const points = (await manager.metrics({ since: T0, until: clock.at + 1 })).series;
    expect(points.map(({ at, created, waiting }) => [at - T0, created, waiting])).toEqual([
      [0, 1, 0],
      [MINUTE, 0, null],
    ]);
  });
});

test('metrics are sampled at once and forgotten after their retention, chunk by chunk', async () => {
  const left = [3, 2, 1, 0];
  const asked: unknown[] = [];
  const store = {
    sampleDepths: async (...args: unknown[]) => {
      asked.push(args);
      return left.shift()!;
    },
  };
  const clock = { now: () => T0, monotonic: () => 0 };
  await sampleDepths(store as never, clock, HOUR);
  expect(asked).toEqual(Array.from({ length: 4 }, () => [T0, T0 - HOUR]));
  left.push(0);
  await sampleDepths(store as never, clock, null);
  expect(asked.at(-1)).toEqual([T0, null]);
});

test('each step tells how long its own attempts waited and ran, and each queue what it did in it', async () => {
  const { manager, clock } = await withClock();
  const run = async (at: number, queue: string, ms: number): Promise<void> => {
    clock.at = T0 + at;
    await manager.result(await manager.enqueue('sleep', ms, { queue }));
  };
  await run(0, 'quick', 10);
  await run(2 * MINUTE, 'slow', 4000);
  await manager.result(await manager.enqueue('fail', undefined, { queue: 'slow' })).catch(() => {});
  const range = { since: T0, until: T0 + 3 * MINUTE };
  const { series, queues } = await manager.metrics({ ...range, perQueue: true });
  expect(series.map(({ runMs }) => runMs && runMs.p99 > 1000)).toEqual([false, null, true]);
  expect(series.map(({ waitMs }) => waitMs !== null)).toEqual([true, false, true]);
  expect(queues).toMatchObject({
    quick: { completed: 1, series: { created: [1, 0, 0], completed: [1, 0, 0], failed: [0, 0, 0] } },
    slow: { completed: 1, failed: 1, series: { created: [0, 0, 2], completed: [0, 0, 1], failed: [0, 0, 1] } },
  });
  expect((await manager.metrics({ ...range, step: '2m', perQueue: true })).queues['slow']!.series.created).toEqual([
    0, 2,
  ]);
  expect((await manager.metrics(range)).queues).toEqual({});
});

describe('the range', () => {
  test('is the last hour in minutes if nothing is said', () => {
    expect(checkMetricsRange({}, T0 + 30_000)).toEqual({
      since: T0 - HOUR,
      until: T0 + 30_001,
      stepMs: MINUTE,
      queue: null,
      type: null,
      perQueue: false,
    });
  });

  test.each<[object, string, string]>([
    [{ step: 1000 }, 'INVALID_OPTION', 'step'],
    [{ step: '90s' }, 'INVALID_OPTION', 'step'],
    [{ since: T0 - 30 * 24 * HOUR }, 'INVALID_OPTION', 'step'],
    [{ since: T0 + MINUTE, until: T0 }, 'INVALID_OPTION', 'until'],
    [{ since: '2026-12-01T10:00:00' }, 'INVALID_OPTION', 'since'],
    [{ queue: 'a b' }, 'INVALID_OPTION', 'queue'],
    [{ steps: 1 }, 'UNKNOWN_OPTION', 'steps'],
  ])('%j is refused, naming the field', async (options, code, field) => {
    expect(await refusalOf(() => checkMetricsRange(options, T0))).toMatchObject({ code, field });
  });

  test('a month is possible in longer steps', () => {
    expect(checkMetricsRange({ since: T0 - 30 * 24 * HOUR, step: '1h' }, T0).stepMs).toBe(HOUR);
  });

  test('a manager refuses it with the same code', async () => {
    const manager = await startManager({ jobs: { a: job({ run: () => {} }) } });
    expect(await codeOf(() => manager.metrics({ step: 1 }))).toBe('INVALID_OPTION');
  });
});

test('without anything there are points, and no rates that divide by nothing', () => {
  const range = { since: T0, until: T0 + 5 * MINUTE, stepMs: 2 * MINUTE, queue: null, type: null };
  const { series, total, types } = metricsOf(range, { flow: [], depth: [] });
  expect(series.map(({ at }) => at)).toEqual([T0, T0 + 2 * MINUTE, T0 + 4 * MINUTE]);
  expect(total).toMatchObject({ errorRate: null, averageRunMs: null, averageWaitMs: null, waitMs: null, runMs: null });
  expect(types).toEqual({});
});
