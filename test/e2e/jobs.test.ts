/** What people come for, from the first key to what has become of the job. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startServer } from '../../src/doors/http/server.ts';
import { JobManager } from '../../src/engine/job-manager.ts';
import { until } from '../wait.ts';
import { build, chromiumPath, launch, openPage, press, skipped } from './browser.ts';
import { makeMany } from './many.ts';
import { type RunningProxy, startProxy } from './proxy.ts';
import { fill, type Service, startService } from './service.ts';

/** On a machine that does other things besides. */
vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(!chromiumPath)(`journeys on the pages of jobs${skipped}`, () => {
  let browser: Browser;
  let service: Service;
  let opened: Awaited<ReturnType<typeof openPage>>;
  let page: Page;

  beforeAll(async () => {
    build();
    browser = await launch();
  }, 120_000);

  afterAll(() => browser.close());

  beforeEach(async () => {
    service = await startService();
    opened = await openPage(browser, { permissions: ['clipboard-read', 'clipboard-write'] });
    ({ page } = opened);
  });

  afterEach(async () => {
    await opened.close();
    await service.close();
    expect(opened.wrong).toEqual([]);
  });

  test('a failed job is found by its error among 100,000, and retried by keys alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backline-e2e-'));
    const file = join(folder, 'many.db');
    await makeMany(file, 100_000);
    const manager = new JobManager(file, { jobs: {}, worker: false, logger: false, handleSignals: false });
    await manager.start();
    const server = await startServer(manager, { host: '127.0.0.1', port: 0 });
    try {
      await page.goto(`${server.url}/jobs`);
      await page.getByText('100,000 jobs', { exact: true }).waitFor();
      await press(page, '/', page.getByRole('combobox', { name: 'Search jobs', expanded: true }));
      await page.keyboard.type('error:"for user 77770" ');
      await page.getByText('1 job', { exact: true }).waitFor();
      expect(new URL(page.url()).searchParams.get('q')).toBe('error:"for user 77770"');
      await page.keyboard.press('Escape');
      await page.keyboard.press('Escape');
      await page.keyboard.press('j');
      await page.keyboard.press('r');
      await page.getByText('it runs again').waitFor();
      await page.locator('.line .s-queued').waitFor();
      expect((await manager.get('many-77770'))?.status).toBe('queued');
    } finally {
      await manager.close();
      await server.close();
      await rm(folder, { recursive: true, force: true });
    }
  }, 60_000);

  test('what a preview says is what is done to all jobs of a search', async () => {
    const { manager } = service;
    const made = await manager.enqueueMany(
      Array.from({ length: 130 }, (_, i) => ({
        type: 'never' as const,
        payload: i,
        options: { queue: 'bulk', delay: '1h' },
      })),
    );
    await Promise.all(made.slice(0, 120).map(({ id }) => manager.cancel(id)));
    await page.goto(`${service.url}/jobs?q=queue:bulk`);
    await page.getByText('130 jobs', { exact: true }).waitFor();
    const dialog = page.getByRole('dialog');
    await press(page, 'b', dialog);
    await dialog.getByText('120 will be retried; left alone: 10 queued').waitFor();
    const go = dialog.getByRole('button', { name: 'Retry 120' });
    expect(await go.getAttribute('aria-disabled')).toBe('true');
    await dialog.getByLabel('Type 120 to go on').fill('120');
    await go.click();
    await page.getByRole('link', { name: 'Follow it' }).click();
    await page.locator('.subtitle .s-completed').waitFor();
    await page.getByText('"done": 120').first().waitFor();
    await until(
      async () => (await manager.count({ queue: 'bulk', status: 'cancelled' })) === 0,
      'none is cancelled any more',
    );
  });

  test('two that were chosen are cancelled, and no other', async () => {
    const { manager } = service;
    const ids: string[] = [];
    for (let i = 0; i < 4; i++) ids.push((await manager.enqueue('never', i, { delay: '1h' })).id);
    await page.goto(`${service.url}/jobs`);
    for (const id of [ids[1], ids[3]]) await page.locator(`#job-${id} .tick`).click();
    await page.getByText('2 jobs chosen').waitFor();
    await page.getByRole('button', { name: 'Do to them' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('What').selectOption('Cancel');
    await dialog.getByText('2 will be cancelled').waitFor();
    await dialog.getByRole('button', { name: 'Cancel 2' }).click();
    await until(async () => (await manager.count({ status: 'cancelled' })) === 2, 'both are cancelled');
    const states = await Promise.all(ids.map(async (id) => (await manager.get(id))?.status));
    expect(states).toEqual(['queued', 'cancelled', 'queued', 'cancelled']);
  });

  test('jobs that come in wait beside the list, and what one looks at stays', async () => {
    const { manager } = service;
    for (let i = 0; i < 50; i++) await manager.enqueue('never', i, { queue: 'here', delay: '1h' });
    await page.goto(`${service.url}/jobs`);
    await page.getByText('50 jobs', { exact: true }).waitFor();
    const first = page.locator('.line').first();
    const id = await first.getAttribute('id');
    await manager.enqueueMany([1, 2, 3].map((n) => ({ type: 'never' as const, payload: n, options: { delay: '1h' } })));
    await page.getByRole('button', { name: '3 new' }).waitFor();
    expect(await first.getAttribute('id')).toBe(id);
    await page.getByRole('button', { name: '3 new' }).click();
    await page.getByText('53 jobs', { exact: true }).waitFor();
    expect(await first.getAttribute('id')).not.toBe(id);
  });

  test('the address is the whole view: it can be sent, and one can go back', async () => {
    await fill(service.manager);
    await page.goto(`${service.url}/jobs`);
    await page.locator('.states').getByText('failed').click();
    await page.getByText('2 jobs', { exact: true }).waitFor();
    await page.locator('.line').first().locator('.says').click();
    await page.locator('.peek .json').waitFor();
    const other = await openPage(browser);
    await other.page.goto(page.url());
    await other.page.locator('.peek .json').waitFor();
    expect(await other.page.locator('.chip').textContent()).toContain('failed');
    await other.close();
    await page.keyboard.press('Escape');
    await page.locator('.peek').waitFor({ state: 'detached' });
    await page.goBack();
    await page.getByText(/^1[0-9] jobs$/).waitFor();
  });

  test('a job is run again with another input, and names the old one', async () => {
    const { done } = await fill(service.manager);
    await page.goto(`${service.url}/jobs/${done.id}`);
    await page.locator('.log').waitFor();
    const field = page.getByLabel('Input, as JSON');
    await press(page, 'e', field);
    await field.fill('{ "width": ');
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.getByText('This is no JSON').waitFor();
    await field.fill('{ "width": 99 }');
    await page.getByRole('button', { name: 'Run it' }).click();
    await page.getByText('Runs again').waitFor();
    await page.locator('.subtitle .s-completed').waitFor();
    await page.getByText('"width": 99').first().waitFor();
    expect(await page.locator('.facts').textContent()).toContain(done.id);
  });

  test('a running job shows how far it is and what it logs, and stops when it is cancelled', async () => {
    const { running } = await fill(service.manager);
    await page.goto(`${service.url}/jobs/${running.id}`);
    await page.locator('.log').getByText('part 1').first().waitFor();
    await page.locator('.progress').getByText('to go').waitFor();
    await page.locator('.log').getByText('part 4').first().waitFor({ timeout: 15_000 });
    await page.keyboard.press('c');
    await page.locator('.subtitle .s-cancelled').waitFor();
    expect(await page.getByRole('button', { name: 'Cancel' }).count()).toBe(0);
    expect((await service.manager.get(running.id))?.status).toBe('cancelled');
  });

  test('secrets do not come this far, what looks private is hidden until it is asked for, and ids are copied', async () => {
    const { done } = await fill(service.manager);
    await page.goto(`${service.url}/jobs/${done.id}`);
    const input = page.getByLabel('The input', { exact: true });
    expect(await input.textContent()).toContain('"token": "***"');
    expect(await input.textContent()).not.toContain('4711');
    await page.getByRole('button', { name: 'Show 1 hidden' }).first().click();
    expect(await input.textContent()).toContain('4711');
    expect(await input.textContent()).not.toContain('secret-value');
    await page.getByRole('button', { name: 'Copy the id' }).click();
    await page.getByText('The id was copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(done.id);
  });

  test('nothing that is not allowed is offered', async () => {
    const { failed } = await fill(service.manager);
    await page.route('**/api/jobs/*', async (route) => {
      const answer = await route.fetch();
      const json = (await answer.json()) as object;
      // As a server answers somebody who may only look.
      await route.fulfill({ response: answer, json: 'allowed' in json ? { ...json, allowed: [] } : json });
    });
    await page.goto(`${service.url}/jobs/${failed.id}`);
    await page.locator('.failure').waitFor();
    expect(await page.locator('.head .actions .button').count()).toBe(0);
    await page.keyboard.press('r');
    expect((await service.manager.get(failed.id))?.life).toBe(1);
  });

  test('a server that goes away and comes back is noticed, and nothing that was shown is lost', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backline-e2e-'));
    const database = join(folder, 'jobs.db');
    let own = await startService({ database });
    const port = own.server.port;
    try {
      await own.manager.enqueue('never', 1, { delay: '1h', queue: 'kept' });
      await page.goto(`${own.url}/jobs`);
      await page.getByText('1 job', { exact: true }).waitFor();
      await own.close();
      await page.locator('.live:is(.reconnecting, .stale)').waitFor({ timeout: 15_000 });
      await page.locator('.live.stale').waitFor({ timeout: 30_000 });
      expect(await page.locator('.line').textContent()).toContain('kept');
      await page.getByText('What you see is from').waitFor();
      own = await startService({ port, database });
      await page.locator('.live.live').waitFor({ timeout: 20_000 });
      await page.locator('.trouble').waitFor({ state: 'detached' });
    } finally {
      await own.close();
      await rm(folder, { recursive: true, force: true });
    }
  }, 90_000);

  test('a pause stops what changes, until one goes on', async () => {
    const { manager } = service;
    await manager.enqueue('never', 1, { delay: '1h' });
    await page.goto(`${service.url}/jobs`);
    await page.getByText('1 job', { exact: true }).waitFor();
    await page.keyboard.press('p');
    await page.locator('.live.paused').waitFor();
    // What was asked before the pause may still be answered.
    await page.waitForTimeout(2000);
    await manager.enqueue('never', 2, { delay: '1h' });
    await page.waitForTimeout(6000);
    expect(await page.getByRole('button', { name: '1 new' }).count()).toBe(0);
    await page.keyboard.press('p');
    await page.getByRole('button', { name: '1 new' }).waitFor();
  });

  test('keys can be switched off, and the choice is kept', async () => {
    await page.goto(`${service.url}/jobs`);
    await page.locator('h1').waitFor();
    await press(page, '?', page.getByRole('dialog'));
    await page.getByLabel('Keys without Ctrl do something').uncheck();
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.reload();
    await page.locator('h1').waitFor();
    await page.keyboard.press('?');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await press(page, 'Control+k', page.getByRole('dialog'));
  });

  test('the colours that were chosen are kept', async () => {
    await page.goto(`${service.url}/jobs`);
    await page.locator('h1').waitFor();
    const scheme = () => page.evaluate(() => document.documentElement.dataset['theme']);
    expect(await scheme()).toBeUndefined();
    await page.keyboard.press('t');
    await page.keyboard.press('t');
    expect(await scheme()).toBe('dark');
    await page.reload();
    await page.locator('h1').waitFor();
    expect(await scheme()).toBe('dark');
  });

  test('a drag over the picture of time narrows the search to it', async () => {
    for (let i = 0; i < 20; i++) await service.manager.enqueue('never', i, { delay: '1h' });
    await page.goto(`${service.url}/jobs`);
    const box = (await page.locator('.histogram svg').boundingBox())!;
    await page.mouse.move(box.x + box.width * 0.9, box.y + 10);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 1, box.y + 10, { steps: 4 });
    await page.mouse.up();
    await page.locator('.chip >> nth=1').waitFor();
    expect(new URL(page.url()).searchParams.get('q')).toMatch(/^since:\S+Z until:\S+Z$/);
    await page.locator('.line >> nth=19').waitFor();
  });

  describe('behind a proxy that adds a path', () => {
    let proxy: RunningProxy;

    beforeEach(async () => {
      proxy = await startProxy(service.url, { prefix: '/tools/jobs-ui' });
    });

    afterEach(() => proxy.close());

    test('every page works, also when one comes in deep within, and nothing is asked of anybody else', async () => {
      const { url } = proxy;
      const { failed } = await fill(service.manager);
      await page.goto(`${url}/jobs/${failed.id}`);
      await page.locator('.failure').waitFor();
      await page.getByRole('link', { name: 'Jobs', exact: true }).first().click();
      await page.locator('.line >> nth=5').waitFor();
      expect(page.url()).toBe(`${url}/jobs`);
      await page.reload();
      await page.locator('.line >> nth=5').waitFor();
      expect(opened.requests.filter((one) => !one.startsWith(url))).toEqual([]);
    });
  });
});
