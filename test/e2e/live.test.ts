/** One stream for all tabs of a browser, and a page that is told of what changes; the frames are spoken by the test. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../wait.ts';
import { build, chromiumPath, launch, skipped } from './browser.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { type Service, startService } from './service.ts';

describe.skipIf(!chromiumPath)(`live pages${skipped}`, () => {
  let browser: Browser;
  let service: Service;
  let proxy: RunningProxy;
  let context: BrowserContext;

  beforeAll(async () => {
    build();
    browser = await launch();
  }, 120_000);

  afterAll(() => browser.close());

  beforeEach(async () => {
    service = await startService();
    proxy = await startProxy(service.url, { stream: true });
    context = await browser.newContext();
  });

  afterEach(async () => {
    await context.close();
    proxy.close();
    await service.close();
  });

  const open = async (): Promise<Page> => {
    const page = await context.newPage();
    await page.goto(`${proxy.url}/jobs`);
    await page.locator('.live.live').waitFor();
    return page;
  };

  const frameOf = (id: string, status: string) => ({
    ...{ id: 'x', kind: 'job', at: new Date().toISOString() },
    ...{ jobId: id, seq: 1, type: 'never', queue: 'default', status },
  });

  test('a job changes in its place as soon as that is told, and an idle page asks for nothing', async () => {
    const { id } = await service.manager.enqueue('never', 1, { delay: '1h' });
    const page = await open();
    await page.locator('.line .s-scheduled').waitFor();
    await page.waitForLoadState('networkidle');
    await sleep(1500);
    const before = proxy.asked.length;
    await sleep(6000);
    expect(proxy.asked.slice(before)).toEqual([]);
    await service.manager.cancel(id);
    proxy.tell(frameOf(id, 'cancelled'));
    await page.locator('.line .s-cancelled').waitFor({ timeout: 3000 });
  });

  test('all tabs share one stream, and the next tab takes it over', async () => {
    const { id } = await service.manager.enqueue('never', 1, { delay: '1h' });
    const first = await open();
    const second = await open();
    // In a browser without a screen no tab is hidden by another.
    expect(proxy.streams.size).toBe(1);
    await service.manager.cancel(id);
    proxy.tell(frameOf(id, 'cancelled'));
    await Promise.all([first, second].map((page) => page.locator('.line .s-cancelled').waitFor({ timeout: 5000 })));
    await first.close();
    await until(() => proxy.streams.size === 1, 'the second tab listens');
    await service.manager.retry(id);
    proxy.tell(frameOf(id, 'queued'));
    await second.locator('.line .s-cancelled').waitFor({ state: 'detached', timeout: 5000 });
  });

  test('a hidden tab listens to nothing, and catches up when it is looked at', async () => {
    const page = await open();
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    await hide(true);
    await until(() => proxy.streams.size === 0, 'nobody listens');
    await service.manager.enqueue('never', 1, { delay: '1h' });
    await hide(false);
    await until(() => proxy.streams.size === 1, 'it listens again');
    await page.locator('.line').waitFor();
  });

  test('a thousand events a second leave the page time for other things', async () => {
    const made = await service.manager.enqueueMany(
      Array.from({ length: 300 }, (_, i) => ({ type: 'never' as const, payload: i, options: { delay: '1h' } })),
    );
    const page = await open();
    await page.locator('.line >> nth=10').waitFor();
    const session = await context.newCDPSession(page);
    await session.send('Performance.enable');
    const busy = async () => {
      const { metrics } = await session.send('Performance.getMetrics');
      return metrics.find(({ name }) => name === 'TaskDuration')!.value;
    };
    const [before, started] = [await busy(), performance.now()];
    for (let i = 0; i < 40; i++) {
      for (let n = 0; n < 100; n++) proxy.tell(frameOf(made[(i * 100 + n) % made.length]!.id, 'queued'));
      await sleep(100);
    }
    const seconds = (performance.now() - started) / 1000;
    const part = ((await busy()) - before) / seconds;
    console.log(
      `main thread busy ${(part * 100).toFixed(1)} % at ${Math.round(4000 / seconds)} events a second (meant: 20 %)`,
    );
    expect(part).toBeLessThan(0.6);
  });
});
