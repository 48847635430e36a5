/** What is particular to HTTP: bodies, headers, slow and broken connections, origins, documents, and the end of the server. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { JobManager, job, type RunningServer, startServer } from 'backline';
import { createClient } from 'backline/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freshFolder, IMPATIENT } from '../managers.ts';
import { ROOT } from '../source-scan.ts';
import { until } from '../wait.ts';

const jobs = {
  welcome: job({
    run: async (payload: unknown, ctx) => {
      ctx.log.info('welcome');
      return payload;
    },
  }),
};

let manager: JobManager<typeof jobs>;
let server: RunningServer;
const unexpected: unknown[] = [];

beforeEach(async () => {
  manager = new JobManager(':memory:', { ...IMPATIENT, jobs });
  await manager.start();
  const limits = { maxBodyBytes: 100_000, bodyTimeoutMs: 300 };
  server = await startServer(manager as JobManager, {
    ...{ host: '127.0.0.1', port: 0, ...limits },
    onUnexpected: (error) => unexpected.push(error),
  });
});

afterEach(async () => {
  await server.close();
  await manager.close({ timeout: 0 });
  expect(unexpected.splice(0)).toEqual([]);
});

const JSON_TYPE = { 'content-type': 'application/json' };

const ask = async (
  method: string,
  path: string,
  body?: string | Uint8Array,
  headers: Record<string, string> = JSON_TYPE,
) => {
  const init = {
    method,
    headers: body === undefined && headers === JSON_TYPE ? {} : headers,
    redirect: 'manual',
  } as const;
  const response = await fetch(server.url + path, { ...init, ...(body === undefined ? {} : { body: body as string }) });
  const text = await response.text();
  const problem = /problem\+json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text || '{}') : {};
  return { response, status: response.status, text, code: problem.code as string, field: problem.field as string };
};

/** Writes raw bytes, and reads until the connection ends. */
const raw = async (text: string, after?: (socket: Socket) => void): Promise<string> => {
  const socket = connect(server.port, '127.0.0.1');
  let heard = '';
  socket.on('data', (data) => {
    heard += String(data);
  });
  socket.on('error', () => {});
  socket.write(text);
  after?.(socket);
  await once(socket, 'close');
  return heard;
};

describe('a body', () => {
  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset="UTF-8"'])(
    'of the type %s is read',
    async (type) => {
      expect((await ask('POST', '/api/jobs', '{"type":"welcome"}', { 'content-type': type })).status).toBe(201);
    },
  );

  test('in pieces, and without a length, is read', async () => {
    const pieces = ['12\r\n{"type":"welcome",\r\n', 'd\r\n"payload":42}\r\n', '0\r\n\r\n'];
    const head = `POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n`;
    expect(await raw(head + pieces.join(''))).toMatch(/^HTTP\/1\.1 201 /);
    await until(async () => (await manager.count({ status: 'completed' })) === 1);
    expect((await manager.list()).jobs[0]!.payload).toBe(42);
  });

  test('that never ends is given up, with an answer, and the connection is closed', async () => {
    const head =
      'POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"type"';
    const answer = await raw(head);
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*connection: close.*"code":"BODY_TOO_SLOW"/is);
  });

  test('that says it is too long is not waited for', async () => {
    const head =
      'POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99999999\r\n\r\n';
    expect(await raw(head)).toMatch(/^HTTP\/1\.1 413 .*"code":"BODY_TOO_LARGE"/is);
  });

  test('whose sender goes away in the middle makes nothing, and the server goes on', async () => {
    const head =
      'POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"type"';
    await raw(head, (socket) => setTimeout(() => socket.destroy(), 20));
    await raw(head, (socket) => socket.end());
    expect((await ask('GET', '/api/count')).text).toBe('{"count":0}');
  });
});

describe('a request', () => {
  test('of HEAD is told which methods there are', async () => {
    expect((await ask('HEAD', '/api/jobs')).status).toBe(405);
  });

  test.each([
    ['no HTTP', 'hello\r\n\r\n', 'is no HTTP'],
    [
      'headers that are too long',
      `GET /api/jobs HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`,
      'too long',
    ],
    [
      'two lengths',
      'POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}',
      'is no HTTP',
    ],
    [
      'a length and pieces',
      'POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      'is no HTTP',
    ],
    ['half of a first line, and the end', 'GET /api', 'is no HTTP', (socket: Socket) => socket.end()],
  ])('with %s is refused, and the connection is closed', async (_, text, says, after?: (socket: Socket) => void) => {
    const answer = await raw(text, after);
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
    expect(answer).toContain(says);
    expect(answer).toMatch(/"code":"BAD_REQUEST"/);
  });

  test('whose sender closes its half still gets its answer', async () => {
    const answer = await raw('GET /api/count HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', (socket) =>
      socket.end(),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*\{"count":0\}/s);
  });

  test.each<Record<string, string>>([
    { origin: 'http://evil.example.test' },
    { origin: 'null' },
    { origin: 'http://127.0.0.1:1' },
    { origin: 'http://localhost' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ])('for a change from a page elsewhere (%j) is refused', async (headers) => {
    const { id } = await manager.enqueue('welcome', 1, { delay: '1h' });
    for (const path of [`/api/jobs/${id}/cancel`, `/api/jobs/${id}/run-now`])
      expect(await ask('POST', path, undefined, headers)).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' });
    expect(await ask('DELETE', `/api/jobs/${id}`, undefined, headers)).toMatchObject({ status: 403 });
    expect((await manager.get(id))!.status).toBe('queued');
  });

  test('from a page of the service itself is answered', async () => {
    const { id } = await manager.enqueue('welcome', 1, { delay: '1h' });
    const headers = { origin: server.url, 'sec-fetch-site': 'same-origin' };
    expect(await ask('POST', `/api/jobs/${id}/cancel`, undefined, headers)).toMatchObject({ status: 200 });
  });

  test('is answered with strict headers, good or bad, and never for other origins', async () => {
    for (const path of ['/api/jobs', '/api/nothing', '/api/docs', '/api/openapi.json', '/']) {
      const { response } = await ask('GET', path, undefined, { origin: 'http://evil.example.test' });
      const header = (name: string) => response.headers.get(name);
      expect(header('access-control-allow-origin')).toBeNull();
      expect(header('content-security-policy')).toMatch(/default-src 'none'/);
      expect(header('x-content-type-options')).toBe('nosniff');
      expect(header('x-frame-options')).toBe('SAMEORIGIN');
      expect(header('referrer-policy')).toBe('no-referrer');
      expect(header('cache-control')).toBe('no-store');
      expect(header('x-powered-by')).toBeNull();
    }
  });
});

test('what happens inside and should not is told only inside', async () => {
  const broken = Object.assign(Object.create(manager) as JobManager, {
    stats: () => Promise.reject(new TypeError('the password is hunter2')),
    now: () => manager.now(),
  });
  const told: unknown[] = [];
  const other = await startServer(broken, { host: '127.0.0.1', port: 0, onUnexpected: (error) => told.push(error) });
  const response = await fetch(`${other.url}/api/stats`);
  const text = await response.text();
  await other.close();
  expect([response.status, JSON.parse(text).code]).toEqual([500, 'UNEXPECTED']);
  expect(text).not.toMatch(/hunter2|TypeError/);
  expect(told).toMatchObject([{ message: 'the password is hunter2' }]);
});

describe('the end of the server', () => {
  test('ends waits with an answer, closes idle connections, and does not hang', async () => {
    const { id } = await manager.enqueue('welcome', 1, { delay: '1h' });
    const client = createClient({ url: server.url });
    const waits = Array.from({ length: 20 }, () =>
      client.jobs.result({ id, timeoutMs: 60_000 }).catch((error: unknown) => error),
    );
    await client.jobs.count();
    const idle = connect(server.port, '127.0.0.1');
    await once(idle, 'connect');
    const ended = once(idle, 'close');
    idle.on('error', () => {});
    await until(() => manager.get(id));
    const since = performance.now();
    await server.close();
    expect(performance.now() - since).toBeLessThan(4000);
    for (const answer of await Promise.all(waits)) expect(answer).toMatchObject({ code: 'DOOR_CLOSING' });
    await ended;
    expect((await manager.get(id))!.status).toBe('queued');
    await expect(client.jobs.count()).rejects.toMatchObject({ code: 'API_UNREACHABLE' });
  });

  test('waits for a request that is on its way', async () => {
    const head =
      'POST /api/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 18\r\n\r\n{"type":';
    const answer = await raw(head, (socket) => {
      setTimeout(() => void server.close(), 30);
      setTimeout(() => socket.write('"welcome"}'), 90);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 201 /);
  });

  test('a caller who goes away ends its wait', async () => {
    const { id } = await manager.enqueue('welcome', 1, { delay: '1h' });
    const controller = new AbortController();
    const client = createClient({ url: server.url });
    const waiting = client.jobs
      .result({ id, timeoutMs: 60_000 }, { signal: controller.signal })
      .catch((error: unknown) => error);
    await client.jobs.count();
    controller.abort();
    expect(await waiting).toMatchObject({ name: 'AbortError' });
  });
});

describe('the documents', () => {
  test('redocly finds nothing to complain about', async () => {
    const file = join(freshFolder(), 'openapi.json');
    writeFileSync(file, (await ask('GET', '/api/openapi.json')).text);
    const bin = join(ROOT, 'node_modules/@redocly/cli/bin/cli.js');
    const env = { ...process.env, REDOCLY_TELEMETRY: 'off', CI: '1', NO_COLOR: '1' };
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [bin, 'lint', file, '--format=json'], {
      env,
    });
    const { totals, problems } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as {
      totals: object;
      problems: object[];
    };
    expect({ problems, totals, stderr: /error/i.test(stderr) }).toMatchObject({
      problems: [],
      totals: { errors: 0, warnings: 0 },
      stderr: false,
    });
  }, 60_000);

  test('the reference is a page without script, and with nothing from elsewhere', async () => {
    const { text, response } = await ask('GET', '/api/docs');
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text).not.toMatch(/<script|\son\w+=|javascript:|style=|https?:/i);
    expect(text).toMatch(/<html lang="en">/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    const ids = [...text.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, target] of text.matchAll(/href="#([^"]+)"/g)) expect(ids).toContain(target);
    for (const name of ['jobs.enqueue', 'bulk.remove', 'shape-Job', 'JOB_NOT_FOUND']) expect(ids).toContain(name);
  });

  test('the commands of docs/api.md do what they say', async () => {
    const page = readFileSync(join(ROOT, 'docs/api.md'), 'utf8');
    const script = /```sh\n([\s\S]*?)```/.exec(page)![1]!;
    const { stdout } = await promisify(execFile)(
      'sh',
      [
        '-ec',
        script.replaceAll(/^curl (.*)/gm, 'curl --fail-with-body $1').replaceAll(/(\s)curl -s/g, '$1echo; curl -s'),
      ],
      {
        env: { PATH: process.env['PATH']!, URL: server.url },
      },
    );
    expect(stdout).toContain('"id":"welcome-ada"');
    expect(stdout).toContain('"result":{"email":"ada@example.test"}');
    expect(stdout).toContain('"message":"welcome"');
    expect(stdout).toContain('"error":"he is back"');
    expect(stdout).toContain('"done":');
    expect(stdout).toContain('"pausedReason":"maintenance"');
    expect(stdout).toContain('"words":"At 02:30 every day, Europe/Berlin time"');
    expect(stdout).toContain('"id":"nightly","removed":true');
    expect(stdout).not.toContain('"code":');
  });
});
