/** A real browser, where there is one: Debian's Chromium, or what CHROMIUM names. */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

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

export const launch = (): Promise<Browser> => chromium.launch({ executablePath: chromiumPath!, args: ARGS });

/** Where pictures of pages go, for people to look at. */
const ARTIFACTS = join(import.meta.dirname, '../../artifacts/dashboard');

export const picture = async (page: Page, name: string): Promise<void> => {
  mkdirSync(ARTIFACTS, { recursive: true });
  await page.screenshot({ path: join(ARTIFACTS, `${name}.png`), animations: 'disabled' });
};
