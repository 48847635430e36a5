/** The pages that tell how everything is: what they say is what is, and what is done there happens. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobManager, job } from 'backline';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../wait.ts';
import { build, chromiumPath, launch, openPage, press, skipped } from './browser.ts';
import { makePast } from './figures.ts';
import { fill, type Service, startService } from './service.ts';

describe.skipIf(!chromiumPath)(`pages of the system${skipped}`, () => {
  let browser: Browser;
  let service: Service;
  let page: Page;
  let close: () => Promise<void>;
  let wrong: readonly string[];

  beforeAll(async () => {
    build();
    browser = await launch();
  }, 120_000);

  afterAll(() => browser.close());

  beforeEach(async () => {
    service = await startService();
    const opened = await openPage(browser);
    ({ page, close } = opened);
    wrong = opened.wrong;
  });

  afterEach(async () => {
    expect(wrong).toEqual([]);
    await close();
    await service.close();
  });

  const url = (path: string): string => service.url + path;

  describe('the overview', () => {
    test('says that everything is fine, and what is not as soon as it is not', async () => {
      const { manager } = service;
      await manager.result(await manager.enqueue('resize', { width: 1 }));
      await page.goto(url('/'));
      await page.getByText('Everything is fine.').waitFor();
      await manager.pauseQueue('billing', { reason: 'the bank is closed' });
      await manager.enqueue('never', 1, { queue: 'billing' });
      await page.getByText('One thing is worth a look.').waitFor();
      await page.getByRole('link', { name: 'billing is paused (the bank is closed): 1 job waits.' }).click();
      await page.locator('h1').getByText('billing').waitFor();
      expect(page.url()).toBe(url('/queues/billing'));
    });

    test('its numbers are those of the store, and each leads to its jobs', async () => {
      const { manager } = service;
      await fill(manager);
      await page.goto(url('/'));
      const { byStatus } = await manager.stats();
      for (const state of ['completed', 'failed', 'running', 'timeout', 'cancelled'] as const) {
        const link = page.locator('.strip .states a', { has: page.locator(`.s-${state}`) });
        expect(await link.textContent()).toBe(`${state} ${byStatus[state]}`);
      }
      await page.locator('.strip .states .s-failed').click();
      await page.getByText(`${byStatus.failed} jobs`, { exact: true }).waitFor();
    });

    test('a chart is a table for who wants one, the address holds it, and both tell what the store counted', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'backline-past-'));
      const database = join(folder, 'past.db');
      await makePast(database, { minutes: 200, queues: ['emails'], types: ['resize'] });
      const own = await startService({ database });
      try {
        await page.goto(`${own.url}/?range=15m`);
        await page.locator('.uplot canvas >> nth=2').waitFor();
        const label = await page
          .locator('.plot')
          .first()
          .evaluate((plot) => document.getElementById(plot.getAttribute('aria-labelledby')!)?.textContent);
        expect(label).toMatch(
          /^Throughput, last 15 minutes: [\d,]+ jobs done and \d+ failed, at most \d+ done in a minute\.$/,
        );
        await page.getByRole('button', { name: 'Throughput as a table' }).click();
        expect(page.url()).toContain('table=throughput');
        const rows = await page
          .locator('.scrolls tbody tr')
          .evaluateAll((lines) => lines.map((line) => [...line.children].map((cell) => cell.textContent)));
        const { series } = await own.manager.metrics({ since: Date.now() - 15 * 60_000 });
        const told = rows.toReversed().slice(-series.length + 1, -1);
        const counted = series
          .slice(1, -1)
          .map(({ completed, failed, timeout }) => [String(completed), String(failed + timeout)]);
        expect(told.map(([, done, failed]) => [done, failed]).slice(-10)).toEqual(counted.slice(-10));
        await page.reload();
        await page.locator('.scrolls tbody tr').first().waitFor();
      } finally {
        await own.close();
        await rm(folder, { recursive: true, force: true });
      }
    });

    test('a drag over a chart chooses its time for all of them, leads to its jobs, and one can go back', async () => {
      await fill(service.manager);
      await page.goto(url('/'));
      const plot = page.locator('.u-over').first();
      await plot.waitFor();
      const box = (await plot.boundingBox())!;
      await page.mouse.move(box.x + box.width * 0.5, box.y + 20);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width - 2, box.y + 20, { steps: 5 });
      await page.mouse.up();
      const jobs = page.getByRole('link', { name: 'Jobs made then' });
      await jobs.waitFor();
      expect(new URL(page.url()).searchParams.get('from')).toMatch(/:00\.000Z$/);
      await page.goBack();
      await page.getByLabel('Time that is shown').selectOption('Last 24 hours');
      expect(page.url()).toContain('range=24h');
    });
  });

  describe('queues', () => {
    test('a queue that is paused in one tab is paused in another, and an undo lets it go on in both', async () => {
      const { manager } = service;
      await manager.enqueue('never', 1, { queue: 'letters', delay: '1h' });
      const other = await openPage(browser);
      await Promise.all([page.goto(url('/queues')), other.page.goto(url('/queues/letters'))]);
      await other.page.getByRole('button', { name: 'Pause …' }).waitFor();
      await page.getByRole('button', { name: 'Pause … letters' }).click();
      await page.getByLabel('Why, for others to read').fill('no paper');
      await page.getByRole('button', { name: 'Pause it' }).click();
      await other.page.getByText('Paused: no paper').waitFor({ timeout: 10_000 });
      await page.locator('.lines .tag', { hasText: 'paused' }).waitFor();
      expect((await manager.queues())[0]).toMatchObject({ paused: true, pausedReason: 'no paper' });
      await page.getByRole('button', { name: 'Undo' }).click();
      await other.page.getByText('Paused: no paper').waitFor({ state: 'detached', timeout: 10_000 });
      expect((await manager.queues())[0]).toMatchObject({ paused: false });
      await other.close();
    });

    test('a limit is set and taken back by keys alone, and the page tells what it does', async () => {
      const { manager } = service;
      await manager.enqueue('slow', {}, { queue: 'files' });
      await page.goto(url('/queues/files'));
      const field = page.getByLabel('How many of its jobs may run at once');
      await page.getByText('no limit').waitFor();
      await press(page, 'l', field);
      await field.fill('many');
      expect(await page.getByRole('button', { name: 'Set it' }).getAttribute('aria-disabled')).toBe('true');
      await field.fill('1');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await until(async () => (await manager.queues())[0]!.maxRunning === 1, 'the limit is set');
      await page.getByText('1 of 1', { exact: true }).waitFor();
      await manager.enqueue('slow', {}, { queue: 'files' });
      const why = page.getByRole('region', { name: 'Why its first job does not run' });
      await why
        .getByText(/full|limit|at once/i)
        .first()
        .waitFor();
      await page.getByRole('button', { name: 'Undo' }).click();
      await until(async () => (await manager.queues())[0]!.maxRunning === null, 'the limit is gone');
    });

    test('nothing is offered to who may only look', async () => {
      await service.manager.enqueue('never', 1, { queue: 'letters', delay: '1h' });
      await page.route('**/api/queues', async (route) => {
        const answer = await route.fetch();
        const { queues, at } = (await answer.json()) as { queues: object[]; at: string };
        await route.fulfill({
          response: answer,
          json: { at, queues: queues.map((queue) => ({ ...queue, allowed: [] })) },
        });
      });
      for (const path of ['/queues', '/queues/letters']) {
        await page.goto(url(path));
        await page.getByText('letters').first().waitFor();
        expect(await page.getByRole('button', { name: /Pause|Limit/ }).count()).toBe(0);
      }
    });
  });

  describe('errors', () => {
    const fail = async (n: number) => {
      const { manager } = service;
      const made = await manager.enqueueMany(
        Array.from({ length: n }, (_, i) => ({
          type: 'sendWelcome' as const,
          payload: `user${i}@example.test`,
          options: { maxAttempts: 1, queue: i % 2 ? 'emails' : 'news' },
        })),
      );
      for (const { id } of made) await manager.result(id).catch(() => {});
    };

    test('all jobs of one error are retried, by the number that the preview told, and no other', async () => {
      const { manager } = service;
      await fail(7);
      await manager.result(await manager.enqueue('stuck')).catch(() => {});
      await page.goto(url('/errors'));
      await page.locator('.error-name >> nth=1').waitFor();
      await page.getByRole('link', { name: /Too many connections/ }).click();
      await page.getByText('421 Too many', { exact: false }).first().waitFor();
      await page.getByRole('link', { name: 'news', exact: true }).waitFor();
      await page.getByRole('button', { name: 'Retry 7', exact: true }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByText('7 will be retried').waitFor();
      await dialog.getByRole('button', { name: 'Retry 7' }).click();
      await page.getByRole('link', { name: 'Follow it' }).click();
      await page.locator('.subtitle .s-completed').waitFor();
      await page.getByText('"done": 7').first().waitFor();
      const lives = (await manager.list({ type: 'sendWelcome' })).jobs.map(({ life }) => life);
      expect(lives).toEqual(Array.from({ length: 7 }, () => 2));
      expect((await manager.list({ type: 'stuck' })).jobs[0]!.life).toBe(1);
    });

    test('the list is narrowed by text, ordered, and says what it was made of', async () => {
      await fail(2);
      await service.manager.result(await service.manager.enqueue('stuck')).catch(() => {});
      await page.goto(url('/errors?order=last'));
      await page.getByText('All 3 jobs that failed and are still kept.').waitFor();
      expect(await page.locator('.error-name').first().textContent()).toContain('ATTEMPT_TIMED_OUT');
      await page.getByLabel('Part of the error, its queue or type').fill('many CONN');
      await page.locator('.error-name', { hasText: 'ATTEMPT_TIMED_OUT' }).waitFor({ state: 'detached' });
      expect(page.url()).toContain('text=many');
      expect(await page.locator('.error-name').count()).toBe(1);
    });
  });

  test('workers: who is alive, what each runs, and what nobody can run', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backline-workers-'));
    const database = join(folder, 'jobs.db');
    const own = await startService({ database });
    const jobs = { nobodys: job({ run: () => {} }) };
    const other = new JobManager(database, { jobs, worker: false, logger: false, handleSignals: false });
    try {
      await other.start();
      await other.enqueue('nobodys', undefined);
      const { id } = await own.manager.enqueue('slow', {}, { queue: 'imports' });
      await page.goto(`${own.url}/workers`);
      await page.getByText('1 of 4 slots taken', { exact: true }).waitFor();
      const note = page.locator('.note', { hasText: 'No worker that is alive knows this type' });
      expect(await note.textContent()).toContain('nobodys, 1 job');
      await page.locator('.workers a', { hasText: 'slow' }).click();
      await page.locator('.subtitle').waitFor();
      expect(page.url()).toBe(`${own.url}/jobs/${id}`);
    } finally {
      await other.close();
      await own.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('batches: one that runs is followed, cancelled, and what it lost is retried', async () => {
    const { manager } = service;
    const { id } = await manager.enqueueBatch({
      type: 'month-end',
      failurePolicy: { atLeast: 1 },
      jobs: [
        { type: 'resize', payload: { width: 1 } },
        { type: 'slow', payload: {} },
      ],
      onEnd: { type: 'resize', payload: { width: 2 } },
    });
    await page.goto(url('/batches'));
    await page.locator('.batch-bar').getByText('1 of 2').waitFor();
    await page.getByRole('link', { name: 'month-end' }).click();
    await page.locator('.spans li >> nth=2').waitFor();
    await page.getByText('needs 1 that complete').waitFor();
    await page.getByText('not yet').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.locator('.head .s-cancelled').waitFor();
    await page.getByText('however it ends').waitFor();
    await page.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.locator('.head .s-running').waitFor();
    await until(async () => (await manager.count({ parent: id, status: 'running' })) === 1, 'its lost job runs again');
    await page.getByRole('link', { name: /still to end/ }).click();
    await page.locator('.line .s-running').waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toContain(`parent:${id} `);
  });
});
