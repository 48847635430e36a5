import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, gzipSync } from 'node:zlib';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPages, readPages } from './pages.ts';

const SCRIPT = 'console.log("hello")';
const INDEX = '<html><script src="./assets/main-1.js"></script><a href="./status">plain</a></html>';

let folder: string;
let server: FastifyInstance;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-pages-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), INDEX);
  await writeFile(join(folder, 'assets/main-1.js'), SCRIPT);
  await writeFile(join(folder, 'assets/main-1.js.gz'), gzipSync(SCRIPT));
  await writeFile(join(folder, 'assets/main-1.js.br'), brotliCompressSync(SCRIPT));
  await writeFile(join(folder, 'assets/small-2.css'), 'p{}');
  server = Fastify({ routerOptions: { ignoreTrailingSlash: true } });
  addPages(server, readPages(folder)!);
  await server.register(async (scope) => addPages(scope, readPages(folder)!), { prefix: '/tools/jobs-ui' });
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

const get = (url: string, encoding?: string) =>
  server.inject({ url, headers: encoding === undefined ? {} : { 'accept-encoding': encoding } });

test('where nothing was built there are no pages', () => {
  expect(readPages(join(folder, 'nowhere'))).toBeNull();
});

describe('a page', () => {
  test.each([
    ['/', './'],
    ['/jobs', './'],
    ['/jobs?q=status:failed/x', './'],
    ['/jobs/', '../'],
    ['/jobs/a%2Fb', '../'],
    ['/errors/3f', '../'],
    ['/tools/jobs-ui/', './'],
    ['/tools/jobs-ui/jobs', './'],
    ['/tools/jobs-ui/jobs/7', '../'],
  ])('%s finds its files at %s, wherever it is mounted', async (url, up) => {
    const { statusCode, body, headers } = await get(url);
    expect(statusCode).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(body).toContain(`src="${up}assets/main-1.js"`);
    expect(body).toContain(`href="${up}status"`);
  });

  test('to sign in is none of them: it is a form, too, where there is no script (sign-in.ts)', async () => {
    expect((await get('/sign-in')).statusCode).toBe(404);
  });

  test('allows our own files and nothing else, no script or style within the page', async () => {
    const policy = String((await get('/jobs')).headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self'; style-src 'self'");
    expect(policy).not.toMatch(/unsafe|http|\*/);
  });

  test('that does not exist is not found', async () => {
    expect((await get('/jobs/7/what')).statusCode).toBe(404);
  });
});

describe('a file', () => {
  test.each([
    ['br, gzip', 'br', brotliDecompressSync],
    ['gzip, deflate', 'gzip', undefined],
    ['br;q=0, gzip;q=0.5', 'gzip', undefined],
    ['', undefined, undefined],
    ['identity', undefined, undefined],
  ])('for a browser that takes %j is sent as %s', async (accepted, sent, unpack) => {
    const { headers, rawPayload } = await get('/assets/main-1.js', accepted);
    expect(headers['content-encoding']).toBe(sent);
    expect(headers['vary']).toBe('accept-encoding');
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    if (unpack) expect(unpack(rawPayload).toString()).toBe(SCRIPT);
  });

  test('is kept by the browser for good, since its name changes with it', async () => {
    expect((await get('/assets/main-1.js')).headers['cache-control']).toBe('public, max-age=31536000, immutable');
  });

  test('too small to have a compressed copy is sent as it is', async () => {
    const { headers, body } = await get('/assets/small-2.css', 'br');
    expect(headers['content-encoding']).toBeUndefined();
    expect(body).toBe('p{}');
  });

  test.each(['/assets/none.js', '/assets/..%2Findex.html', '/assets/main-1.js.gz', '/assets/'])(
    '%s is not found',
    async (url) => {
      expect((await get(url)).statusCode).toBeGreaterThanOrEqual(404);
    },
  );
});
