/** What the pages may weigh: of the build, and of a first visit. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build, chromiumPath, launch, openPage, skipped } from './browser.ts';
import { fill, type Service, startService } from './service.ts';

const FOLDER = join(import.meta.dirname, '../../dist/dashboard');
const KB = 1024;

const gzipped = (name: string): number => gzipSync(readFileSync(join(FOLDER, name)), { level: 9 }).length;
const sum = (names: readonly string[]): number => names.reduce((all, name) => all + gzipped(name), 0);
const kb = (bytes: number): string => `${(bytes / KB).toFixed(1)} KB`;

beforeAll(build, 120_000);

describe('the build', () => {
  const files = (end: string) =>
    readdirSync(join(FOLDER, 'assets'))
      .filter((name) => name.endsWith(end))
      .map((name) => `assets/${name}`);
  const index = () => readFileSync(join(FOLDER, 'index.html'), 'utf8');

  test('has at most 60 KB of script at first, 120 KB in all, and 12 KB of style, gzipped', () => {
    const first = [...index().matchAll(/(?:src|href)="\.\/(assets\/[^"]+\.js)"/g)].map(([, name]) => name!);
    expect(first.length).toBeGreaterThan(0);
    console.log(`first script ${kb(sum(first))}, all ${kb(sum(files('.js')))}, style ${kb(sum(files('.css')))}`);
    expect(sum(first)).toBeLessThanOrEqual(60 * KB);
    expect(sum(files('.js'))).toBeLessThanOrEqual(120 * KB);
    expect(sum(files('.css'))).toBeLessThanOrEqual(12 * KB);
  });

  test('holds no script and no style within the page, and names no other place', () => {
    expect(index()).not.toMatch(/<script(?![^>]*src=)|<style|style="|\son\w+="|https?:/);
  });

  test('has a compressed copy of everything that is worth one', () => {
    const names = new Set(readdirSync(join(FOLDER, 'assets')));
    for (const name of names) {
      if (!/\.(js|css)$/.test(name) || readFileSync(join(FOLDER, 'assets', name)).length < 512) continue;
      expect(names.has(`${name}.br`) && names.has(`${name}.gz`), name).toBe(true);
    }
  });
});

describe.skipIf(!chromiumPath)(`a first visit${skipped}`, () => {
  let browser: Browser;
  let service: Service;

  beforeAll(async () => {
    [browser, service] = await Promise.all([launch(), startService()]);
    await fill(service.manager);
  }, 60_000);

  afterAll(async () => {
    await browser.close();
    await service.close();
  });

  test.each([
    ['/', '.uplot canvas >> nth=2'],
    ['/jobs', '.line >> nth=5'],
  ])('of %s takes at most 150 KB over the wire, and asks nobody else', async (path, ready) => {
    const { page, requests, close } = await openPage(browser);
    const network = await page.context().newCDPSession(page);
    await network.send('Network.enable');
    let bytes = 0;
    network.on('Network.loadingFinished', ({ encodedDataLength }) => {
      bytes += encodedDataLength;
    });
    await page.goto(service.url + path);
    await page.locator(ready).waitFor();
    await page.waitForLoadState('networkidle');
    console.log(`first visit of ${path}: ${kb(bytes)}, ${requests.length} requests`);
    expect(bytes).toBeLessThanOrEqual(150 * KB);
    expect(bytes).toBeGreaterThan(10 * KB);
    expect(requests.filter((url) => !url.startsWith(service.url))).toEqual([]);
    await close();
  });
});
