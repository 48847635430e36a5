/** Every page, light and dark, with nothing, with much and with errors: as axe and a ruler see it. Pictures go to artifacts/dashboard. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FailureGroup } from 'backline';
import type { Browser, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { build, chromiumPath, launch, openPage, picture, skipped } from './browser.ts';
import { file, rows, startCatalogService } from './catalogs.ts';
import { makePast } from './figures.ts';
import { misplaced, violations } from './look.ts';
import { fill, fillSchedules, type Service, startService } from './service.ts';

/** Each test shows a page several times, on a machine that does other things besides. */
vi.setConfig({ testTimeout: 90_000 });

const WIDTHS = [320, 768, 1280, 1920];
const sizeOf = (width: number) => ({ width, height: width < 500 ? 640 : 900 });

describe.skipIf(!chromiumPath)(`pages${skipped}`, () => {
  let browser: Browser;
  let empty: Service;
  let full: Service;
  let catalogs: Service;
  let strict: Service;
  let readToken = '';
  let ids: Awaited<ReturnType<typeof fill>>;
  let folder: string;
  let group: FailureGroup;

  beforeAll(async () => {
    build();
    folder = await mkdtemp(join(tmpdir(), 'backline-looks-'));
    const database = join(folder, 'past.db');
    const past = { minutes: 1500, queues: ['emails', 'imports', 'billing'], types: ['sendWelcome', 'resize'] };
    await makePast(database, past);
    [browser, empty, full, catalogs, strict] = await Promise.all([
      launch(),
      startService(),
      startService({ database }),
      startCatalogService(),
      startService({ requireToken: true }),
    ]);
    ids = await fill(full.manager);
    await fillSchedules(full.manager);
    readToken = (await strict.manager.tokens.create({ name: 'Onlooker of the night', scope: 'read' })).token;
    const { audit } = full.manager;
    await audit.record({ actor: 'ada (7)', door: 'cli', action: 'tokens.create', target: 'onlooker' });
    await audit.record({ actor: 'grace (9)', door: 'http', action: 'jobs.cancel', target: ids.gone.id, count: 1 });
    await audit.record({
      ...{ actor: 'ada (7)', door: 'http', action: 'bulk.start', count: 412, filter: { q: 'status:failed' } },
      detail: { action: { kind: 'retry' } },
    });
    [group] = (await full.manager.failures()).groups as [FailureGroup];
  }, 120_000);

  afterAll(async () => {
    await browser.close();
    await Promise.all([empty.close(), full.close(), catalogs.close(), strict.close()]);
    await rm(folder, { recursive: true, force: true });
  });

  interface View {
    readonly name: string;
    readonly url: () => string;
    /** What shows that it is there. */
    readonly ready: string;
    readonly before?: (page: Page) => Promise<void>;
    readonly covered?: string;
    readonly after?: (page: Page) => Promise<void>;
  }

  const problem = (status: number, code: string, detail: string) => async (page: Page) => {
    const body = JSON.stringify({ type: `/api/docs#${code}`, title: code, status, code, detail });
    const answer = (route: Route) => route.fulfill({ status, contentType: 'application/problem+json', body });
    await page.route('**/api/**', answer);
  };
  const away = problem(503, 'STORE_UNAVAILABLE', 'The database does not answer.');
  const refused = problem(403, 'NOT_PERMITTED', 'jobs.list needs the scope read.');

  /** A page with nothing, with much, with a server that says it cannot, and for somebody who may not see it. */
  const views = (name: string, path: string, ready: { readonly empty: string; readonly full: string }): View[] => [
    { name: `${name}-empty`, url: () => empty.url + path, ready: ready.empty },
    { name: `${name}-full`, url: () => full.url + path, ready: ready.full },
    { name: `${name}-error`, url: () => full.url + path, ready: 'text=could not be loaded', before: away },
    { name: `${name}-refused`, url: () => full.url + path, ready: 'text=for you to see', before: refused },
  ];

  const VIEWS: View[] = [
    ...views('overview', '/', { empty: 'text=No jobs yet', full: '.uplot canvas >> nth=2' }),
    {
      name: 'overview-tables',
      url: () => `${full.url}/?range=24h&times=run&table=throughput`,
      ready: '.scrolls tr >> nth=20',
    },
    ...views('queues', '/queues', { empty: 'text=No jobs yet', full: '.lines tr >> nth=5' }),
    { name: 'queue', url: () => `${full.url}/queues/billing`, ready: '.uplot canvas >> nth=2' },
    { name: 'queue-none', url: () => `${full.url}/queues/nobody`, ready: 'text=There is no such queue' },
    {
      name: 'queue-pause',
      url: () => `${full.url}/queues/imports`,
      ready: '.uplot canvas >> nth=2',
      after: (page) => page.getByRole('button', { name: 'Pause …' }).click(),
    },
    {
      name: 'queue-limit',
      url: () => `${full.url}/queues/imports`,
      ready: '.uplot canvas >> nth=2',
      after: (page) => page.getByRole('button', { name: 'Limit …' }).click(),
    },
    ...views('errors', '/errors', { empty: 'text=No job that is kept has failed', full: '.error-name >> nth=1' }),
    { name: 'error', url: () => `${full.url}/errors/${group.fingerprint}`, ready: '.failure' },
    { name: 'error-none', url: () => `${full.url}/errors/0123456789abcdef`, ready: 'text=No job has this error' },
    {
      name: 'error-retry',
      url: () => `${full.url}/errors/${group.fingerprint}`,
      ready: '.failure',
      after: async (page) => {
        await page.getByRole('button', { name: /^Retry \d/ }).click();
        await page.getByText('will be retried').waitFor();
      },
    },
    ...views('workers', '/workers', { empty: '.workers li', full: '.workers .due a' }),
    ...views('batches', '/batches', { empty: 'text=No batches yet', full: '.batch-bar' }),
    { name: 'batch', url: () => `${full.url}/batches/${ids.batch.id}`, ready: '.spans' },
    { name: 'batch-none', url: () => `${full.url}/batches/${ids.done.id}`, ready: 'text=There is no such batch' },
    { name: 'jobs-empty', url: () => `${empty.url}/jobs`, ready: 'text=No jobs yet' },
    { name: 'jobs-full', url: () => `${full.url}/jobs`, ready: '.line >> nth=5' },
    { name: 'jobs-error', url: () => `${full.url}/jobs`, ready: 'text=could not be loaded', before: away },
    { name: 'jobs-refused', url: () => `${full.url}/jobs`, ready: 'text=not for you', before: refused },
    { name: 'jobs-none-fits', url: () => `${full.url}/jobs?q=status:failed+queue:none`, ready: 'text=Take it out' },
    { name: 'jobs-not-understood', url: () => `${full.url}/jobs?q=stauts:failed`, ready: '.complaint' },
    { name: 'jobs-peek', url: () => `${full.url}/jobs?peek=${ids.failed.id}`, ready: '.peek .json' },
    {
      name: 'jobs-chosen',
      url: () => `${full.url}/jobs`,
      ready: '.line >> nth=5',
      after: (page) => page.locator('.tick >> nth=3').click(),
    },
    {
      name: 'jobs-suggestions',
      covered: '.states',
      url: () => `${full.url}/jobs`,
      ready: '.line >> nth=5',
      after: (page) => page.getByRole('combobox', { name: 'Search jobs' }).pressSequentially('status:'),
    },
    {
      name: 'jobs-bulk',
      url: () => `${full.url}/jobs`,
      ready: '.line >> nth=5',
      after: async (page) => {
        await page.getByRole('button', { name: 'Do to all of them' }).click();
        await page.getByText('will be retried').waitFor();
      },
    },
    { name: 'job-failed', url: () => `${full.url}/jobs/${ids.failed.id}`, ready: '.failure' },
    { name: 'job-done', url: () => `${full.url}/jobs/${ids.done.id}`, ready: '.log' },
    { name: 'job-running', url: () => `${full.url}/jobs/${ids.running.id}`, ready: '.reasons' },
    { name: 'job-waiting', url: () => `${full.url}/jobs/${ids.waiting.id}`, ready: '.reasons' },
    { name: 'job-batch', url: () => `${full.url}/jobs/${ids.batch.id}`, ready: '.spans' },
    { name: 'job-unknown', url: () => `${full.url}/jobs/nobody`, ready: 'text=There is no such job' },
    {
      name: 'job-error',
      url: () => `${full.url}/jobs/${ids.failed.id}`,
      ready: 'text=could not be loaded',
      before: away,
    },
    {
      name: 'job-edit',
      url: () => `${full.url}/jobs/${ids.done.id}`,
      ready: '.log',
      after: (page) => page.getByRole('button', { name: 'Edit and run again' }).click(),
    },
    { name: 'schedules-empty', url: () => `${empty.url}/schedules`, ready: 'text=No schedules yet' },
    { name: 'schedules-full', url: () => `${full.url}/schedules`, ready: '.runs-strip' },
    { name: 'schedules-error', url: () => `${full.url}/schedules`, ready: 'text=could not be loaded', before: away },
    { name: 'schedules-refused', url: () => `${full.url}/schedules`, ready: 'text=not for you', before: refused },
    { name: 'schedules-none-fits', url: () => `${empty.url}/schedules?paused=yes`, ready: 'text=No schedule fits' },
    {
      name: 'schedules-new',
      url: () => `${full.url}/schedules?new=yes`,
      ready: 'dialog .next-runs',
      after: async (page) => {
        await page.getByText('More: downtimes').click();
        await page.getByLabel('Cron', { exact: true }).fill('0 8 * * moonday');
        await page.locator('dialog .complaint').waitFor();
      },
    },
    { name: 'schedule', url: () => `${full.url}/schedules/nightly-report`, ready: '.runs-strip.large' },
    {
      name: 'schedule-table',
      url: () => `${full.url}/schedules/nightly-report`,
      ready: '.runs-strip.large',
      after: async (page) => {
        await page.getByRole('button', { name: 'As a table' }).click();
        await page.getByText('When the clocks change').click();
      },
    },
    { name: 'schedule-paused', url: () => `${full.url}/schedules/invoices`, ready: '.note' },
    { name: 'schedule-unknown', url: () => `${full.url}/schedules/nobody`, ready: 'text=There is no such schedule' },
    {
      name: 'schedule-error',
      url: () => `${full.url}/schedules/nightly-report`,
      ready: 'text=could not be loaded',
      before: away,
    },
    { name: 'schedule-edit', url: () => `${full.url}/schedules/office-hours?edit=yes`, ready: 'dialog .next-runs' },
    { name: 'upload-off', url: () => `${empty.url}/upload`, ready: 'text=This service takes no files' },
    { name: 'upload-empty', url: () => `${catalogs.url}/upload`, ready: 'text=Drop a catalog here' },
    { name: 'upload-error', url: () => `${catalogs.url}/upload`, ready: 'text=could not be loaded', before: away },
    { name: 'upload-refused', url: () => `${catalogs.url}/upload`, ready: 'text=not for you', before: refused },
    {
      name: 'upload-full',
      url: () => `${catalogs.url}/upload`,
      ready: 'text=Drop a catalog here',
      after: async (page) => {
        const choose = (...files: ReturnType<typeof file>[]) =>
          page.getByLabel('Files to hand in').setInputFiles(files);
        await choose(file('a-catalog-with-a-rather-long-name-of-the-northern-warehouses.csv', rows(1)));
        await page.locator('.upload-result .json').waitFor();
        await choose(file('bad.csv', 'broken\n'), file('con.csv', rows(1)), file('large.csv', '#'.repeat(2_000_000)));
        await page.locator('.sendings .complaint >> nth=1').waitFor();
        await page.locator('.upload-result .complaint').waitFor();
      },
    },
    { name: 'settings', url: () => `${full.url}/settings`, ready: '.given' },
    { name: 'settings-error', url: () => `${full.url}/settings`, ready: 'text=could not be loaded', before: away },
    { name: 'settings-refused', url: () => `${full.url}/settings`, ready: 'text=not for you', before: refused },
    { name: 'sign-in', url: () => `${strict.url}/jobs/7`, ready: 'text=Sign in' },
    {
      name: 'sign-in-refused',
      url: () => `${strict.url}/sign-in`,
      ready: 'text=Sign in',
      after: async (page) => {
        await page.getByLabel('Token').fill('bl_nonsense');
        await page.keyboard.press('Enter');
        await page.locator('.complaint').waitFor();
      },
    },
    {
      name: 'signed-in',
      url: () => `${strict.url}/jobs`,
      ready: 'text=Sign in',
      after: async (page) => {
        await page.getByLabel('Token').fill(readToken);
        await page.keyboard.press('Enter');
        await page.getByText('No jobs yet').waitFor();
      },
    },
    { name: 'audit', url: () => `${full.url}/audit`, ready: '.audit li' },
    { name: 'audit-empty', url: () => `${empty.url}/audit`, ready: 'text=Nothing was changed yet' },
    { name: 'audit-none-fits', url: () => `${empty.url}/audit?actor=nobody`, ready: 'text=Nothing fits' },
    { name: 'audit-error', url: () => `${full.url}/audit`, ready: 'text=could not be loaded', before: away },
    { name: 'audit-refused', url: () => `${full.url}/audit`, ready: 'text=not for you', before: refused },
    {
      name: 'nowhere',
      url: () => `${full.url}/jobs`,
      ready: '.line >> nth=5',
      after: async (page) => {
        await page.evaluate(() => {
          history.pushState(null, '', 'nowhere');
          dispatchEvent(new PopStateEvent('popstate'));
        });
        await page.getByText('There is no such page').waitFor();
      },
    },
    {
      name: 'palette',
      url: () => `${full.url}/jobs`,
      ready: '.line >> nth=5',
      after: async (page) => {
        await page.keyboard.press('Control+k');
        await page.getByRole('dialog').getByRole('combobox').waitFor();
        await page.keyboard.type('status:failed');
        await page.getByText('Jobs with status:failed').waitFor();
      },
    },
    {
      name: 'keys',
      url: () => `${full.url}/jobs`,
      ready: '.line >> nth=5',
      after: (page) => page.keyboard.press('?'),
    },
  ];

  const show = async (page: Page, { url, ready, before, after }: View) => {
    await before?.(page);
    await page.goto(url());
    await page.locator(ready).first().waitFor();
    await after?.(page);
    await settled(page);
  };

  /** What fades in has done so, and what follows the size of the window has followed. */
  const settled = (page: Page): Promise<void> =>
    page.evaluate(async () => {
      for (let i = 0; i < 3; i++) await new Promise((done) => requestAnimationFrame(done));
      await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})));
    });

  const named = VIEWS.map((view) => [view.name, view] as const);

  test.each(named)(
    '%s has no fault that axe knows, light and dark, and fits from 320 to 1920 pixels',
    async (name, view) => {
      const { page, wrong, close } = await openPage(browser, { colorScheme: 'light', reducedMotion: 'reduce' });
      try {
        await show(page, view);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          await settled(page);
          await picture(page, `${name}-${colorScheme}`);
          expect(await violations(page, view.covered), colorScheme).toEqual([]);
        }
        await page.emulateMedia({ colorScheme: 'light' });
        for (const width of WIDTHS) {
          await page.setViewportSize(sizeOf(width));
          await settled(page);
          await picture(page, `${name}-${width}`);
          expect(await misplaced(page), `${width} pixels`).toEqual([]);
        }
        expect(wrong).toEqual([]);
      } finally {
        await close();
      }
    },
  );

  test('text of twice the size, more room and forced colours still fit', async () => {
    const { page, close } = await openPage(browser, { forcedColors: 'active', reducedMotion: 'reduce' });
    try {
      await page.addInitScript(() => {
        localStorage.setItem('backline.density', 'comfortable');
      });
      await show(page, VIEWS.find(({ name }) => name === 'job-failed')!);
      await picture(page, 'job-failed-forced-colours');
      expect(await misplaced(page)).toEqual([]);
      await page.evaluate(() => document.documentElement.style.setProperty('font-size', '30px'));
      await picture(page, 'job-failed-twice');
      expect(await misplaced(page)).toEqual([]);
    } finally {
      await close();
    }
  });
});
