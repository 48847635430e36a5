/**
 * `node bench/pages.ts [--jobs 1000000] [--rounds 5] [--dir path]`: how soon the pages are there with a million jobs in SQLite and a week
 * of figures, what they hold, and how busy they are while a thousand things happen a second. Needs Chromium and a build. See
 * docs/performance.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { JobManager, startServer } from '../src/index.ts';
import { build, launch, openPage } from '../test/e2e/browser.ts';
import { addPast } from '../test/e2e/figures.ts';
import { makeMany } from '../test/e2e/many.ts';
import { startProxy } from '../test/e2e/proxy.ts';

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const [jobs, rounds] = [Number(values.jobs), Number(values.rounds)];
const MB = 2 ** 20;

/** @param meant where there is a target. */
const say = (what: string, figure: number, unit: string, meant = Number.POSITIVE_INFINITY): void => {
  const mark = figure <= meant ? '✓' : '✗';
  const target = Number.isFinite(meant) ? `meant: ${meant}` : '';
  const shown = figure.toFixed(figure < 100 ? 1 : 0).padStart(8);
  process.stdout.write(`${mark} ${what.padEnd(52)} ${shown} ${unit.padEnd(8)} ${target}\n`);
};

const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

/** The median of some rounds, after one that does not count. */
const repeated = async (work: (round: number) => Promise<unknown>): Promise<number> => {
  const all: number[] = [];
  for (let round = 0; round <= rounds; round++) all.push(await timed(() => work(round)));
  return median(all.slice(1));
};

/** From the navigation until the last thing that is asked for stands there, by the page's own clock. */
const opened = async (page: Page, url: string, selectors: readonly string[]): Promise<void> => {
  await page.goto(url, { waitUntil: 'commit' });
  await Promise.all(selectors.map((one) => page.locator(one).first().waitFor()));
};

const LIST = '.list';

const jumpTo = async (page: Page, part: number): Promise<void> => {
  await page.evaluate(
    ([list, at]) => {
      const element = document.querySelector(list)!;
      element.scrollTop = at * (element.scrollHeight - element.clientHeight);
    },
    [LIST, part] as const,
  );
  await page.waitForFunction(
    (place) => {
      const lines = [...document.querySelectorAll('.line')];
      const near = lines.some((line) => Math.abs(Number(line.getAttribute('aria-rowindex')) - place) < 60);
      return near && lines.every((line) => !line.classList.contains('missing'));
    },
    Math.round(part * jobs),
  );
};

const heapOf = async (page: Page): Promise<number> => {
  const session = await page.context().newCDPSession(page);
  await session.send('HeapProfiler.collectGarbage');
  return ((await session.send('Runtime.getHeapUsage')).usedSize ?? 0) / MB;
};

/** The first by an index, the second by a counter and an index, the third looks at every job. */
const SEARCHES = [
  [`payload.user.id:${Math.round(jobs / 3)}`, 300],
  ['status:failed', 300],
  ['error:"user 7770"', 2000],
] as const;

const OVERVIEW = ['.health', '.uplot canvas >> nth=2', '.error-name', '.tile'];

const pages = async (page: Page, url: string): Promise<void> => {
  say('overview ready', await repeated(() => opened(page, `${url}/`, OVERVIEW)), 'ms', 500);
  say('overview of a week ready', await repeated(() => opened(page, `${url}/?range=7d`, OVERVIEW)), 'ms');
  say('errors ready', await repeated(() => opened(page, `${url}/errors`, ['.error-name'])), 'ms', 500);
  say('queues ready', await repeated(() => opened(page, `${url}/queues`, ['.lines .spark'])), 'ms', 500);
  say('first rows', await repeated(() => opened(page, `${url}/jobs`, ['.line'])), 'ms', 300);
  const parts = [0.5, 0.1, 0.9, 0.333, 0.77, 0.02, 0.61];
  say('jump anywhere in the list', await repeated((round) => jumpTo(page, parts[round % parts.length]!)), 'ms', 200);
  for (const [q, meant] of SEARCHES)
    say(
      `search ${q}`,
      await repeated(() => opened(page, `${url}/jobs?q=${encodeURIComponent(q)}`, ['.line'])),
      'ms',
      meant,
    );
  await opened(page, `${url}/jobs`, ['.line']);
  for (let i = 0; i < 30; i++) await jumpTo(page, (i * 0.37) % 1);
  const inList = await page.evaluate((list) => document.querySelectorAll(`${list} *`).length, LIST);
  say('elements of the list', inList, '', 400);
  say('memory after going through it', await heapOf(page), 'MB', 40);
};

/** Part of the time in which the page's thread was at work, while so much is told. */
const busy = async (browser: Browser, url: string, path: string, ready: string): Promise<void> => {
  const proxy = await startProxy(url, { stream: true });
  const { page, close } = await openPage(browser);
  await page.goto(proxy.url + path);
  await page.locator(ready).first().waitFor();
  await page.locator('.live.live').waitFor();
  const session = await page.context().newCDPSession(page);
  await session.send('Performance.enable');
  const spent = async (): Promise<number> => {
    const { metrics } = await session.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration')!.value;
  };
  const [before, from] = [await spent(), performance.now()];
  let told = 0;
  for (let tick = 0; tick < 60; tick++) {
    for (let n = 0; n < 100; n++, told++) {
      const seq = jobs - (told % 300);
      proxy.tell({
        ...{ id: 'x', kind: 'job', at: new Date().toISOString(), jobId: `many-${seq}`, seq },
        ...{ type: 'mail1', queue: 'emails', status: 'completed' },
      });
    }
    await sleep(Math.max(0, from + (tick + 1) * 100 - performance.now()));
  }
  const seconds = (performance.now() - from) / 1000;
  say(
    `thread of ${path} at ${Math.round(told / seconds)} events/s`,
    (100 * ((await spent()) - before)) / seconds,
    '%',
    20,
  );
  await close();
  proxy.close();
};

const folder = mkdtempSync(join(values.dir, 'backline-pages-'));
const file = join(folder, 'many.db');
build();
await makeMany(file, jobs);
addPast(file, {
  minutes: 7 * 1440,
  queues: ['emails', 'imports', 'billing'],
  types: ['mail0', 'mail1', 'mail2', 'mail3'],
});
const manager = new JobManager(file, { jobs: {}, worker: false, logger: false, handleSignals: false });
await manager.start();
const server = await startServer(manager, { host: '127.0.0.1', port: 0 });
const browser = await launch();
const { page, close } = await openPage(browser);
try {
  await pages(page, server.url);
  await close();
  await busy(browser, server.url, '/jobs', '.line >> nth=10');
  await busy(browser, server.url, '/', '.uplot canvas >> nth=2');
} finally {
  await browser.close();
  await server.close();
  await manager.close();
  rmSync(folder, { recursive: true, force: true });
}
