/** A real browser, where there is one: Debian's Chromium, or what CHROMIUM names. */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';

const PATHS = [process.env['CHROMIUM'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Nothing of the browser's own goes to the network, and it runs as the superuser, as in a container. */
const ARGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  ...['--disable-component-update', '--disable-sync', '--disable-dev-shm-usage', '--js-flags=--expose-gc'],
];

export const chromiumPath = PATHS.find((path) => {
  try {
    if (path) accessSync(path, constants.X_OK);
    return path !== undefined;
  } catch {
    return false;
  }
});

/** Why the tests of pages do not run here, if they do not. */
export const skipped = chromiumPath
  ? ''
  : ' (skipped: there is no Chromium; apt-get install chromium, or set CHROMIUM to one)';

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: chromiumPath!, args: ARGS });

/** Presses a key until what it opens is there: a page that was just drawn may not listen yet on a busy machine. */
export const press = async (page: Page, key: string, opens: Locator): Promise<void> => {
  for (let i = 0; i < 20; i++) {
    await page.keyboard.press(key);
    try {
      return await opens.waitFor({ timeout: 1500 });
    } catch {}
  }
  await opens.waitFor();
};

/** Where pictures of pages go, for people to look at. */
const ARTIFACTS = join(import.meta.dirname, '../../artifacts/dashboard');

/** Built anew if a source changed; else this costs nothing. */
export const build = (): void => {
  execFileSync(process.execPath, ['scripts/run.mjs', 'build'], {
    cwd: join(import.meta.dirname, '../..'),
    stdio: 'ignore',
  });
};

/** A page of its own, without anything kept from others; and whatever went wrong in it. */
export const openPage = async (browser: Browser, options: BrowserContextOptions = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const wrong: string[] = [];
  const requests: string[] = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  // What a server that is away, or says no, leaves in the console is expected where a test makes it do so.
  page.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|ERR_CONNECTION_REFUSED/.test(message.text()))
      wrong.push(message.text());
  });
  page.on('request', (request) => requests.push(request.url()));
  return { page, wrong, requests, close: () => context.close() };
};

export const picture = async (page: Page, name: string): Promise<void> => {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: join(ARTIFACTS, `${name}.png`), animations: 'disabled' });
};
