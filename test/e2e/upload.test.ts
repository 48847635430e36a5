/** A catalog is handed in, and followed to its result. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { build, chromiumPath, launch, openPage, skipped } from './browser.ts';
import { file, rows, startCatalogService } from './catalogs.ts';
import { type Service, startService } from './service.ts';

/** On a machine that does other things besides. */
vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(!chromiumPath)(`journeys on the page of uploads${skipped}`, () => {
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
    service = await startCatalogService();
    opened = await openPage(browser);
    ({ page } = opened);
  });

  afterEach(async () => {
    await opened.close();
    await service.close();
    expect(opened.wrong).toEqual([]);
  });

  const choose = (...files: ReturnType<typeof file>[]) => page.getByLabel('Files to hand in').setInputFiles(files);
  const result = () => page.locator('.upload-result');
  /** A line that is as slow as a real one. */
  const slowLine = async () => {
    const session = await page.context().newCDPSession(page);
    await session.send('Network.enable');
    await session.send('Network.emulateNetworkConditions', {
      ...{ offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 100_000 },
    });
    return session;
  };

  test('a catalog is handed in, and followed to its result and its job', async () => {
    await page.goto(`${service.url}/upload`);
    await page.getByText('At most 1.0 MB').waitFor();
    await page.getByText('None yet').waitFor();
    await choose(file('spring.csv', rows(6)));
    await result().getByText('spring.csv').waitFor();
    await result()
      .getByText(/row \d of 6/)
      .waitFor();
    await result().getByText('"rows": 6').waitFor();
    await page.locator('.uploads').getByText('completed').waitFor();
    // The address is enough to come back to it.
    await page.reload();
    await result().getByText('"rows": 6').waitFor();
    await result().getByRole('link', { name: 'Open its job' }).click();
    await page.locator('.subtitle .s-completed').waitFor();
    expect((await service.manager.list({ type: 'catalog' })).jobs).toHaveLength(1);
  });

  test('a file that is dropped is taken, with what was said of it', async () => {
    await page.goto(`${service.url}/upload`);
    await page.getByText('More', { exact: true }).click();
    await page.getByLabel('Folder of its audio files').fill('/music');
    const transfer = await page.evaluateHandle((text) => {
      const data = new DataTransfer();
      data.items.add(new File([text], 'autumn.csv', { type: 'text/csv' }));
      return data;
    }, rows(1));
    await page.dispatchEvent('.drop', 'dragover', { dataTransfer: transfer });
    await page.locator('.drop.over').waitFor();
    await page.dispatchEvent('.drop', 'drop', { dataTransfer: transfer });
    await result().getByText('"rows": 1').waitFor();
    const { jobs } = await service.manager.list({ type: 'catalog' });
    expect(jobs[0]?.payload).toMatchObject({ audio_base_path: '/music' });
  });

  test('a catalog whose job fails says why', async () => {
    await page.goto(`${service.url}/upload`);
    await choose(file('bad.csv', `${rows(1)}broken\n`));
    await result().getByText('Row 2 has no title.').waitFor();
    await page.locator('.uploads .s-failed').waitFor();
  });

  test('what cannot be taken is said plainly, and nothing is kept of it', async () => {
    await page.goto(`${service.url}/upload`);
    await choose(file('large.csv', 'x'.repeat(2 ** 20 + 1)), file('empty.csv', ''), file('con.csv', rows(1)));
    const complaint = (name: string) => page.locator('.sendings li', { hasText: name }).locator('.complaint');
    await complaint('large.csv').getByText('longer than the 1,048,576 bytes').waitFor();
    await complaint('empty.csv').getByText('The file is empty').waitFor();
    await complaint('con.csv').getByText('is the name of a device').waitFor();
    await page.getByRole('button', { name: 'Leave it out: large.csv' }).click();
    expect(await complaint('large.csv').count()).toBe(0);
    expect((await service.manager.list({ type: 'catalog' })).jobs).toEqual([]);
  });

  test('an upload goes on while one looks elsewhere, is cancelled, and is sent again', async () => {
    await page.goto(`${service.url}/upload`);
    await page.getByText('None yet').waitFor();
    const line = await slowLine();
    await choose(file('slow.csv', `${'#'.repeat(900_000)}\n`));
    await page
      .locator('.sendings')
      .getByText(/a second, .* to go/)
      .waitFor();
    await page.getByRole('link', { name: 'Jobs' }).click();
    await page.getByText('No jobs yet').waitFor();
    await page.getByRole('link', { name: 'Upload' }).click();
    await page.getByRole('button', { name: 'Cancel: slow.csv' }).click();
    await page.getByText('It was cancelled').waitFor();
    await page.locator('.uploads .s-cancelled').waitFor();
    await line.detach();
    await page.getByRole('button', { name: 'Send again: slow.csv' }).click();
    await result().getByText('"rows": 1').waitFor();
    expect((await service.manager.list({ type: 'catalog' })).jobs).toHaveLength(1);
  });

  test('an answer that is lost does not hand the file in twice', async () => {
    await page.goto(`${service.url}/upload`);
    await page.route('**/api/uploads?id=*', async (route) => {
      await route.fetch();
      await route.abort('connectionreset');
    });
    await choose(file('once.csv', rows(1)));
    await result().getByText('"rows": 1').waitFor();
    expect(await page.locator('.sendings').count()).toBe(0);
    expect((await service.manager.list({ type: 'catalog' })).jobs).toHaveLength(1);
  });

  test('a service that takes no files says so, and how it would', async () => {
    const plain = await startService();
    try {
      await page.goto(`${plain.url}/upload`);
      await page.getByText('This service takes no files').waitFor();
      await page.getByText('backline start --drop-type').waitFor();
    } finally {
      await plain.close();
    }
  });
});
