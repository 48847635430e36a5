/** What people come to the pages of schedules for. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { until } from '../wait.ts';
import { build, chromiumPath, launch, openPage, press, skipped } from './browser.ts';
import { fillSchedules, type Service, startService } from './service.ts';

/** On a machine that does other things besides. */
vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(!chromiumPath)(`journeys on the pages of schedules${skipped}`, () => {
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
    opened = await openPage(browser, { timezoneId: 'America/New_York' });
    ({ page } = opened);
  });

  afterEach(async () => {
    await opened.close();
    await service.close();
    expect(opened.wrong).toEqual([]);
  });

  const schedule = (id: string) => service.manager.schedules.get(id);

  test('one is made, paused and run', async () => {
    await page.goto(`${service.url}/schedules`);
    await page.getByText('No schedules yet').waitFor();
    const dialog = page.getByRole('dialog');
    await press(page, 'a', dialog);
    await page.keyboard.type('weekly');
    await dialog.getByLabel('Type of its jobs').fill('report');
    await dialog.getByLabel('Input of its jobs').fill('{ "ms": 1 }');
    await dialog.getByLabel('Cron', { exact: true }).fill('0 5 * * sun');
    await dialog.getByLabel('Time zone').fill('Europe/Berlin');
    await dialog.getByText('At 05:00 on Sundays, Europe/Berlin time').waitFor();
    await page.keyboard.press('Enter');
    await page.waitForURL(/\/schedules\/weekly$/);
    await page.locator('.subtitle').getByText('At 05:00 on Sundays, Europe/Berlin time').waitFor();
    expect(await schedule('weekly')).toMatchObject({ type: 'report', payload: { ms: 1 }, source: 'api' });

    await press(page, 'n', page.getByRole('link', { name: 'Follow it' }));
    await page.locator('.runs-strip .s-completed').waitFor();
    await page.locator('.history').getByText('ran by hand').waitFor();

    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await dialog.getByLabel('Why').fill('holidays');
    await dialog.getByRole('button', { name: 'Pause it' }).click();
    await page.locator('.note').getByText('holidays').waitFor();
    expect((await schedule('weekly'))?.pause).toMatchObject({ reason: 'holidays', until: null });

    await page.keyboard.press('n');
    await until(async () => (await schedule('weekly'))?.counts.byHand === 2, 'it runs by hand while it is paused');
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.locator('.subtitle').getByText('active').waitFor();
    expect((await schedule('weekly'))?.pause).toBeNull();
  });

  test('what one tab does is seen in another, and by whoever looks at a job of it', async () => {
    await fillSchedules(service.manager);
    await page.goto(`${service.url}/schedules`);
    const other = await page.context().newPage();
    await other.goto(`${service.url}/schedules/nightly-report`);
    await other.locator('.live.live').waitFor();
    await page.getByRole('button', { name: 'Pause: nightly-report' }).click();
    await page.getByRole('dialog').getByLabel('Why').fill('month-end');
    await page.getByRole('dialog').getByRole('button', { name: 'Pause it' }).click();
    await other.locator('.note').getByText('month-end').waitFor();
    await page.getByRole('button', { name: 'Resume: nightly-report' }).click();
    await other.locator('.note').waitFor({ state: 'detached' });
    await service.manager.schedules.run('nightly-report');
    await other.getByRole('img', { name: /^The last 25 runs/ }).waitFor();
    await other.close();
  });

  test('what is wrong is said at its field, and nothing is made', async () => {
    await page.goto(`${service.url}/schedules?new=yes`);
    const dialog = page.getByRole('dialog');
    const complaint = (label: string) => dialog.locator('.field', { hasText: label }).locator('.complaint');
    const save = dialog.getByRole('button', { name: 'Make it' });
    await dialog.locator('.next-runs').waitFor();

    await dialog.getByLabel('Cron', { exact: true }).fill('61 * * * *');
    await complaint('Cron').getByText('61').waitFor();
    expect(await dialog.locator('.next-runs').count()).toBe(0);
    await dialog.getByRole('button', { name: 'every hour' }).click();
    await dialog.locator('.next-runs').waitFor();
    await dialog.getByLabel('Time zone').fill('Europe/Nowhere');
    await complaint('Time zone').getByText('Europe/Nowhere').waitFor();
    await dialog.getByLabel('Time zone').fill('');
    await dialog.locator('.next-runs').waitFor();

    await save.click();
    await complaint('Name').waitFor();
    await dialog.getByLabel('Name').fill('hourly');
    await save.click();
    await complaint('Type').waitFor();
    await dialog.getByLabel('Type of its jobs').fill('raport');
    await save.click();
    await complaint('Type').getByText('No job type "raport" is registered. Did you mean').waitFor();
    await dialog.getByLabel('Type of its jobs').fill('report');
    await dialog.getByLabel('Input').fill('{ "ms": ');
    await save.click();
    await complaint('Input').getByText('This is no JSON').waitFor();
    await dialog.getByLabel('Input').fill('');
    await dialog.getByText('More: downtimes').click();
    await dialog.getByLabel('Priority').fill('11');
    await save.click();
    await complaint('Priority').getByText('1 to 10').waitFor();
    await dialog.getByLabel('Priority').fill('2');
    expect((await service.manager.schedules.list()).schedules).toEqual([]);

    await dialog.getByLabel('At a fixed rate').check();
    await dialog.getByLabel('Every', { exact: true }).fill('90m');
    await dialog.getByText('Every 1 hour 30 minutes').waitFor();
    await save.click();
    await page.waitForURL(/\/schedules\/hourly$/);
    expect(await schedule('hourly')).toMatchObject({ trigger: { kind: 'interval', everyMs: 5_400_000 } });
  });

  test('one is changed: what is not touched stays, and who saw an older one is told', async () => {
    await fillSchedules(service.manager);
    const before = (await schedule('office-hours'))!;
    await page.goto(`${service.url}/schedules/office-hours`);
    const dialog = page.getByRole('dialog');
    await press(page, 'e', dialog);
    await dialog.getByLabel('Cron', { exact: true }).fill('30 9-17 * * mon-fri');
    await dialog.getByText('More: downtimes').click();
    await dialog.getByLabel('Tags').fill('office');
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await page.locator('.history ins').getByText('30 9-17').waitFor();
    const after = (await schedule('office-hours'))!;
    expect(after).toMatchObject({
      trigger: { ...before.trigger, cron: '30 9-17 * * mon-fri' },
      job: { ...before.job, tags: ['office'] },
      ...{ payload: before.payload, missed: before.missed, overlap: before.overlap, maxInstances: 2 },
    });

    await press(page, 'e', dialog);
    await service.manager.schedules.update('office-hours', { maxInstances: 3 });
    await dialog.getByLabel('Cron', { exact: true }).fill('0 9-17 * * mon-fri');
    await dialog.getByText('Every hour from 09:00 to 17:00').waitFor();
    await dialog.getByRole('button', { name: 'Change it' }).click();
    await dialog.locator('.complaint').getByText('version').waitFor();
    expect((await schedule('office-hours'))?.maxInstances).toBe(3);
  });

  test('one is removed after it was asked, and its history is still there', async () => {
    await fillSchedules(service.manager);
    await page.goto(`${service.url}/schedules/pulse`);
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    expect(await schedule('pulse')).not.toBeNull();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('button', { name: 'Remove it' }).click();
    await page.getByText('5 schedules').waitFor();
    expect(await schedule('pulse')).toBeNull();
    await page.goto(`${service.url}/schedules/pulse`);
    await page.getByText('There is no such schedule').waitFor();
    await page.locator('.history').getByText('removed').waitFor();
  });

  test('next runs are shown by the clocks of the schedule and of whoever looks', async () => {
    await service.manager.schedules.add({
      ...{ id: 'nightly', type: 'report', payload: {}, cron: '30 2 * * *', timeZone: 'Asia/Tokyo' },
    });
    await page.goto(`${service.url}/schedules/nightly`);
    const rows = page.locator('.next-runs tbody tr');
    await rows.first().waitFor();
    const [tokyo, here] = await rows.first().locator('td').allTextContents();
    expect(tokyo).toMatch(/02:30$/);
    // New York is 13 or 14 hours behind.
    expect(here).toMatch(/1[23]:30$/);
    expect(await rows.count()).toBe(5);
  });

  test('the strip tells in words what it draws, and its bars open their jobs', async () => {
    await fillSchedules(service.manager);
    await page.goto(`${service.url}/schedules`);
    const strip = page.getByRole('img', { name: /^The last 24 runs: 21 completed, 3 failed\. The newest: completed/ });
    await strip.waitFor();
    await page.getByRole('link', { name: 'nightly-report' }).click();
    await page.locator('.runs-strip.large g').first().click();
    await page.waitForURL(/\/jobs\//);
    await page.locator('.subtitle .s-completed').waitFor();
    await page.goBack();
    await page.getByRole('button', { name: 'As a table' }).click();
    expect(await page.getByRole('region', { name: 'The last runs, as a table' }).locator('tbody tr').count()).toBe(24);
  });

  test('a server that goes away takes nothing with it: what was shown stays, and so does what was typed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'backline-e2e-'));
    const database = join(folder, 'jobs.db');
    let own = await startService({ database });
    const { port } = own.server;
    try {
      await own.manager.schedules.add({ id: 'kept', type: 'report', payload: {}, interval: '1h' });
      await page.goto(`${own.url}/schedules`);
      await page.getByRole('link', { name: 'kept' }).waitFor();
      const dialog = page.getByRole('dialog');
      await press(page, 'a', dialog);
      await dialog.getByLabel('Name').fill('typed');
      await dialog.getByLabel('Type of its jobs').fill('report');
      await dialog.getByLabel('Input').fill('{}');
      await dialog.locator('.next-runs').waitFor();
      await own.close();
      await dialog.getByRole('button', { name: 'Make it' }).click();
      await dialog.getByText('The server does not answer.').waitFor();
      await page.locator('.live:is(.reconnecting, .stale)').waitFor({ timeout: 15_000 });
      await page.getByText('What you see is from').waitFor();
      expect(await page.locator('.schedule').count()).toBe(1);
      own = await startService({ port, database });
      await page.locator('.live.live').waitFor({ timeout: 20_000 });
      await page.locator('.trouble').waitFor({ state: 'detached' });
      expect(await dialog.getByLabel('Name').inputValue()).toBe('typed');
      await dialog.getByRole('button', { name: 'Make it' }).click();
      await page.waitForURL(/\/schedules\/typed$/);
    } finally {
      await own.close();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('many schedules come page by page, and the filter is in the address', async () => {
    const { schedules } = service.manager;
    for (let i = 0; i < 130; i++)
      await schedules.add({ id: `s-${String(i).padStart(3, '0')}`, type: 'report', payload: {}, interval: '1h' });
    await schedules.pause('s-007');
    await page.goto(`${service.url}/schedules`);
    await page.getByText('the first 100').waitFor();
    await page.getByRole('button', { name: 'Show 100 more' }).click();
    await page.getByText('130 schedules').waitFor();
    expect(await page.locator('.schedule').count()).toBe(130);
    await page.getByRole('button', { name: 'Paused', exact: true }).click();
    await page.getByText('1 schedule', { exact: true }).waitFor();
    expect(new URL(page.url()).searchParams.get('paused')).toBe('yes');
    await page.goBack();
    await page.getByText('s-129').waitFor();
  });
});
