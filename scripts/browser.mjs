/**
 * Gets Debian's Chromium for the tests of the pages where it is missing and can be had: on a Debian-like Linux, as the superuser, as
 * in a container. Never an error: without it those tests are skipped and say why. Plain JavaScript for Node 16 and newer.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { locked } from './lock.mjs';
import { ROOT, say } from './setup.mjs';

const TOOLS = join(ROOT, '.tools');
/** Says when it was last tried in vain. */
const TRIED = join(TOOLS, 'no-browser');
const AGAIN_MS = 86_400_000;
const PATIENCE_MS = 180_000;
const KNOWN = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
/** Without a font there is no text to measure. */
const PACKAGES = ['chromium', 'fonts-dejavu-core'];

export async function installBrowser() {
  if (hasBrowser() || !canInstall() || triedLately()) return;
  mkdirSync(TOOLS, { recursive: true });
  await locked(TOOLS, async () => {
    if (hasBrowser()) return;
    say('Installing Chromium for the tests of the pages …');
    if (install() || (apt(['update', '-qq']) && install())) return;
    writeFileSync(TRIED, '');
    say('It could not be installed: those tests are skipped.');
  });
}

const hasBrowser = () => [process.env.CHROMIUM, ...KNOWN].some((path) => path && existsSync(path));

const canInstall = () =>
  process.platform === 'linux' &&
  process.getuid() === 0 &&
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'apt-get')));

const triedLately = () => existsSync(TRIED) && Date.now() - statSync(TRIED).mtimeMs < AGAIN_MS;

const install = () => apt(['install', '-y', '-qq', '--no-install-recommends', ...PACKAGES]) && hasBrowser();

function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  return spawnSync('apt-get', args, { env, stdio: 'ignore', timeout: PATIENCE_MS }).status === 0;
}
