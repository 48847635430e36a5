/** Pages where one has to say who one is: signing in and out, what a token does not allow, and who did what. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { build, chromiumPath, launch, openPage, skipped } from './browser.ts';
import { fill, fillSchedules, type Service, startService } from './service.ts';

/** On a machine that does other things besides. */
vi.setConfig({ testTimeout: 90_000 });

describe.skipIf(!chromiumPath)(`pages that need a token${skipped}`, () => {
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
    service = await startService({ requireToken: true });
    opened = await openPage(browser);
    ({ page } = opened);
  });

  afterEach(async () => {
    await opened.close();
    await service.close();
    expect(opened.wrong).toEqual([]);
  });

  const tokenOf = async (name: string, scope: 'read' | 'operate' | 'admin', more = {}): Promise<string> =>
    (await service.manager.tokens.create({ name, scope, ...more })).token;
  const signIn = async (token: string): Promise<void> => {
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
  };

  test('one signs in where one wanted to be, does something, and signs out', async () => {
    const { waiting } = await fill(service.manager);
    await page.goto(`${service.url}/jobs/${waiting.id}`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await signIn('bl_nonsense');
    await page.locator('.complaint').getByText('The token is not valid').waitFor();
    await signIn(await tokenOf('Grace', 'admin'));
    await page.locator('.subtitle').waitFor();
    expect(new URL(page.url()).pathname).toBe(`/jobs/${waiting.id}`);
    await page.locator('.who').getByText('Grace').waitFor();
    await page.getByRole('button', { name: 'Cancel', exact: true }).click();
    await page.locator('.subtitle .s-cancelled').waitFor();

    await page.goto(`${service.url}/audit`);
    const line = page.locator('.audit li', { hasText: 'jobs.cancel' });
    await line.getByText('Grace').waitFor();
    await line.getByRole('link', { name: waiting.id }).click();
    await page.locator('.subtitle .s-cancelled').waitFor();

    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.locator('main').textContent()).not.toContain(waiting.id);
  });

  test('a token that may only read shows everything, and offers nothing', async () => {
    const ids = await fill(service.manager);
    await fillSchedules(service.manager);
    await page.goto(`${service.url}/jobs`);
    await signIn(await tokenOf('Onlooker', 'read'));
    await page.locator('.line >> nth=5').waitFor();
    await page.locator('.who').getByText('may only look').waitFor();
    const offered = () => page.locator('main').getByRole('button').allTextContents();
    const changes = /\b(retry|cancel|run|pause|resume|edit|delete|remove|hold|seal|priority|reschedule|new|do to)\b/i;
    const none = async () => expect((await offered()).filter((text) => changes.test(text))).toEqual([]);
    await none();
    await page.keyboard.press('b');
    expect(await page.getByRole('dialog').count()).toBe(0);
    for (const id of [ids.failed.id, ids.waiting.id, ids.running.id, ids.batch.id]) {
      await page.goto(`${service.url}/jobs/${id}`);
      await page.locator('.subtitle').waitFor();
      await none();
    }
    for (const path of [
      '/schedules',
      '/schedules?new=yes',
      '/schedules/nightly-report?edit=yes',
      '/schedules/invoices',
    ]) {
      await page.goto(service.url + path);
      await page.locator('.schedule, .subtitle').first().waitFor();
      await page.locator('.who').waitFor();
      await none();
      expect(await page.getByRole('dialog').count()).toBe(0);
    }
    await page.goto(`${service.url}/audit`);
    await page.getByText('not for you to see').waitFor();
    await page.goto(`${service.url}/settings`);
    await page
      .locator('.facts')
      .getByText(/^SQLite/)
      .waitFor();
    expect(await page.locator('.given').count()).toBe(0);
  });

  test('who is bound to a queue sees that queue alone, and is told so', async () => {
    await fill(service.manager);
    await page.goto(`${service.url}/jobs`);
    await signIn(await tokenOf('Mailer', 'operate', { queues: ['emails'] }));
    await page.getByText('1 job', { exact: true }).waitFor();
    await page.locator('.who').getByText('sees the queue emails').waitFor();
    await page.getByRole('button', { name: 'Do to all of them' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('will be retried').waitFor();
    expect(await dialog.getByLabel('What').locator('option').allTextContents()).not.toContain('Delete');
  });

  test('who guesses too often is told to wait', async () => {
    await page.goto(`${service.url}/sign-in`);
    for (let i = 0; i < 30; i++) {
      await signIn(`bl_guess${i}`);
      await page.locator('.complaint').waitFor();
      if (/too many/i.test((await page.locator('.complaint').textContent()) ?? '')) return;
    }
    throw new Error('nobody was told to wait');
  });

  test('a session that ends asks to sign in again at the same place', async () => {
    await fill(service.manager);
    await page.goto(`${service.url}/jobs`);
    const token = await tokenOf('Grace', 'admin');
    await signIn(token);
    await page.locator('.line >> nth=5').waitFor();
    await page.context().clearCookies();
    await page.getByRole('link', { name: 'Schedules' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await signIn(token);
    await page.getByText('No schedules yet').waitFor();
  });

  test('the audit is found by who, what, where and when, and goes on page by page', async () => {
    const { audit } = service.manager;
    for (let i = 0; i < 130; i++)
      await audit.record({ actor: i % 2 ? 'ada' : 'grace', door: 'cli', action: 'jobs.retry', target: `job-${i}` });
    await audit.record({
      actor: 'ada',
      door: 'http',
      action: 'queues.pause',
      target: 'billing',
      detail: { reason: 'x' },
    });
    await page.goto(`${service.url}/audit`);
    await signIn(await tokenOf('Auditor', 'admin'));
    const lines = page.locator('.audit li');
    await lines.nth(99).waitFor();
    expect(await lines.count()).toBe(100);
    await page.getByRole('button', { name: 'Show earlier ones' }).click();
    await lines.nth(131).waitFor();
    await page.getByLabel('What', { exact: true }).fill('queues.pause');
    await page.keyboard.press('Enter');
    await page.waitForURL(/action=queues\.pause/);
    await page.getByText('What was said').click();
    await page.getByText('"reason": "x"').waitFor();
    expect(await lines.count()).toBe(1);
    await page.getByRole('link', { name: 'billing' }).waitFor();
    await page.getByLabel('What', { exact: true }).fill('nothing.such');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('Nothing fits').waitFor();
    await page.getByRole('button', { name: 'Show all' }).click();
    await lines.nth(99).waitFor();
  });
});
