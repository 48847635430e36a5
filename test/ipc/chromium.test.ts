/** The page's and the preload script's part in a real browser: another process, as a window of Electron is. It has not run inside Electron. */
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { JobManager, job } from 'backline';
import { type Port, servePort } from 'backline/ipc';
import { chromium } from 'playwright-core';
import { build, type Rollup } from 'vite';
import { expect, test } from 'vitest';

const CHROMIUM = '/usr/bin/chromium';
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking'];

const bundle = async (): Promise<string> => {
  const entry = fileURLToPath(new URL('./page.ts', import.meta.url));
  const lib = { entry, formats: ['iife' as const], name: 'page', fileName: 'page' };
  const built = await build({ configFile: false, logLevel: 'error', build: { write: false, lib } });
  const [{ output }] = [built].flat() as Rollup.RollupOutput[] as [Rollup.RollupOutput];
  return output[0].code;
};

test.skipIf(!existsSync(CHROMIUM))(
  `a page calls operations and hears events over a port (needs ${CHROMIUM})`,
  async () => {
    const jobs = { double: job({ run: async (n: number) => 2 * n }) };
    const manager = new JobManager(':memory:', { jobs, logger: false, handleSignals: false });
    await manager.start();
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    try {
      const code = await bundle();
      expect(code).not.toMatch(/node:|require\(/);
      const page = await browser.newPage();
      const wire = new EventEmitter();
      const port: Port = {
        on: (event, listener) => wire.on(event, (data: unknown) => listener({ data })),
        postMessage: (message) =>
          void page.evaluate(
            (text) => (globalThis as unknown as { fromMain(text: string): void }).fromMain(text),
            String(message),
          ),
      };
      // The first message says that a port was asked for.
      await page.exposeBinding('toMain', (_, message: unknown) => {
        if (message === null) servePort(manager as JobManager, port);
        else wire.emit('message', message);
      });
      await page.goto('data:text/html,<title>page</title>');
      await page.evaluate(code);
      const told = await page.evaluate(() => (globalThis as unknown as { run(): Promise<unknown> }).run());
      expect(told).toMatchObject({
        end: { result: 42 },
        heard: ['created', 'queued', 'running', 'completed'],
        result: 42,
        refusal: { name: 'BacklineError', code: 'JOB_NOT_FOUND' },
        leaked: false,
      });
    } finally {
      await browser.close();
      await manager.close();
    }
  },
  60_000,
);
