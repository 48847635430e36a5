/** What a browser keeps of its own, and what the service says of itself. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { build, chromiumPath, launch, openPage, skipped } from './browser.ts';
import { type Service, startService } from './service.ts';

/** On a machine that does other things besides. */
vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(!chromiumPath)(`journeys on the page of settings${skipped}`, () => {
  let browser: Browser;
  let service: Service;
  let opened: Awaited<ReturnType<typeof openPage>>;
  let page: Page;

  beforeAll(async () => {
    build();
    [browser, service] = await Promise.all([launch(), startService()]);
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  beforeEach(async () => {
    opened = await openPage(browser, { timezoneId: 'America/New_York' });
    ({ page } = opened);
    await page.goto(`${service.url}/settings`);
    await page.locator('.given').waitFor();
  });

  afterEach(async () => {
    await opened.close();
    expect(opened.wrong).toEqual([]);
  });

  const dataset = () => page.evaluate(() => ({ ...document.documentElement.dataset }));
  const choose = (group: string, text: string) =>
    page.getByRole('group', { name: group }).getByLabel(text, { exact: true }).check();

  test('what is chosen holds at once, and after the page was loaded anew', async () => {
    await choose('Colours', 'Dark');
    await choose('Lines', 'Comfortable');
    await choose('Motion', 'None');
    expect(await dataset()).toMatchObject({ theme: 'dark', density: 'comfortable', motion: 'reduced' });
    await page.reload();
    await page.locator('.given').waitFor();
    expect(await dataset()).toMatchObject({ theme: 'dark', density: 'comfortable', motion: 'reduced' });
    expect(await page.getByRole('group', { name: 'Colours' }).getByLabel('Dark', { exact: true }).isChecked()).toBe(
      true,
    );
  });

  test('times follow the zone and the clock that were chosen', async () => {
    const { id } = await service.manager.schedules.add({
      ...{ id: 'noon', type: 'report', payload: {}, cron: '0 12 * * *', timeZone: 'Asia/Tokyo' },
    });
    const here = async () => {
      await page.goto(`${service.url}/schedules/${id}`);
      const row = page.locator('.next-runs tbody tr').first();
      await row.waitFor();
      return (await row.locator('td').nth(1).textContent()) ?? '';
    };
    // New York is 13 or 14 hours behind.
    expect(await here()).toMatch(/2[23]:00$/);
    await page.goto(`${service.url}/settings`);
    const zone = page.getByRole('combobox', { name: 'Time zone' });
    await zone.fill('Europe/Nowhere');
    await page.getByText('knows no time zone "Europe/Nowhere"').waitFor();
    await zone.fill('Asia/Kathmandu');
    await page.getByText('Times are shown as in Asia/Kathmandu').waitFor();
    await choose('Clock', '3:00 pm');
    expect(await here()).toMatch(/0?8:45 am$/i);
  });

  test('keys can be switched off here, too', async () => {
    await choose('Keys without Ctrl or Cmd', 'Off');
    await page.locator('h1').click();
    await page.keyboard.press('?');
    expect(await page.getByRole('dialog').count()).toBe(0);
    await page.getByRole('button', { name: 'Show all keys' }).click();
    await page.getByRole('dialog').waitFor();
  });

  test('the service says what it is, whether it is well, and shows no secret', async () => {
    const facts = page.locator('.facts');
    await facts.getByText(/^SQLite/).waitFor();
    await facts.getByText(':memory:').waitFor();
    await facts.getByText('7 d', { exact: true }).first().waitFor();
    await page.getByText('1 worker alive, with 4 slots').waitFor();
    const table = page.getByRole('region', { name: 'Settings of the service, as a table' });
    await table
      .getByRole('row', { name: /^database postgres:\/\/\*\*\*@db\.example\.test\/jobs --database/ })
      .waitFor();
    await table.getByRole('row', { name: /^port 0 PORT/ }).waitFor();
    expect(await page.content()).not.toContain('analytical');
  });
});
