import { once } from 'node:events';
import { createServer, get, request, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { JobManager } from '../../engine/job-manager.ts';
import { job } from '../../job/define.ts';
import { type RunningServer, startServer } from './server.ts';

const jobs = {
  hello: job({ run: async () => 'hi' }),
  bad: job({
    maxAttempts: 1,
    run: async () => {
      throw new Error('<script>alert("x")</script> & \'more\'');
    },
  }),
};

let manager: JobManager<typeof jobs>;
let server: RunningServer;

beforeEach(async () => {
  manager = new JobManager(':memory:', { jobs, logger: false, handleSignals: false, processId: 'reader-1' });
  await manager.start();
  server = await startServer(manager as JobManager, { host: '127.0.0.1', port: 0 });
});

afterEach(async () => {
  await server.close();
  await manager.close();
});

const ask = async (path: string, init: RequestInit = {}) => {
  const response = await fetch(server.url + path, init);
  return { response, status: response.status, text: await response.text() };
};

describe('the page', () => {
  test('of an empty store says how to hand in a job', async () => {
    const { response, status, text } = await ask('/status');
    expect(status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text).toMatch(/No jobs yet.*backline add JOB/s);
    expect(text).toContain('reader-1');
  });

  test('shows jobs, counts, queues and errors, and escapes every text', async () => {
    await manager.result(await manager.enqueue('hello', undefined, { queue: 'greetings' }));
    await manager.result(await manager.enqueue('bad')).catch(() => {});
    await manager.enqueue('hello', undefined, { delay: '1h' });
    await manager.pauseQueue('greetings', { reason: '"><img src=x>', until: '2100-01-01T00:00:00Z' });
    const { text } = await ask('/status');
    expect(text).toMatch(/3 jobs/);
    expect(text).toMatch(/greetings.*paused.*2100-01-01 00:00:00 UTC/s);
    expect(text).toMatch(/scheduled/);
    expect(text).toContain('&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;more&#39;');
    expect(text).not.toMatch(/<script|<img/);
  });

  test('holds no script, nothing from elsewhere, and may load neither', async () => {
    const { response, text } = await ask('/status');
    const policy = response.headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(text).not.toMatch(/<script|\son\w+=|javascript:|style=|https?:/i);
  });

  test('has a language, one main heading, and headings for every column', async () => {
    await manager.enqueue('hello');
    const { text } = await ask('/status');
    expect(text).toMatch(/<html lang="en">/);
    expect(text.match(/<h1>/g)).toHaveLength(1);
    expect(text.match(/<table>/g)!.length).toBe(text.match(/<caption>/g)!.length);
    expect(text).not.toMatch(/<th>/);
  });

  test('loads itself anew until it is told not to', async () => {
    expect((await ask('/status')).text).toMatch(/<meta http-equiv="refresh" content="5">/);
    const still = await ask('/status?refresh=off');
    expect(still.text).not.toMatch(/http-equiv="refresh"/);
    expect(still.text).toMatch(/<a href="\?">Keep it up to date<\/a>/);
  });

  test('shows colours for light and dark', async () => {
    const { response, text } = await ask('/style.css');
    expect(response.headers.get('content-type')).toMatch(/^text\/css/);
    expect(text).toMatch(/@media \(prefers-color-scheme: dark\)/);
  });

  test('says that the database does not answer, without a stack', async () => {
    await manager.close();
    const { status, text } = await ask('/status');
    expect(status).toBe(503);
    expect(text).toMatch(/role="alert".*The database does not answer/s);
    expect(text).not.toMatch(/\bat .*\.ts/);
  });
});

describe('for programs', () => {
  test('/status.json tells what the page shows, without payloads and results', async () => {
    await manager.result(await manager.enqueue('hello', { token: 's3cret' } as never));
    const { status, text } = await ask('/status.json');
    expect(status).toBe(200);
    expect(text).not.toContain('s3cret');
    expect(JSON.parse(text)).toMatchObject({
      ok: true,
      total: 1,
      counts: { completed: 1 },
      queues: [{ name: 'default', paused: false }],
      workers: [{ name: 'reader-1', alive: true }],
      newest: [{ type: 'hello', shown: 'completed', progress: 100 }],
    });
  });

  test('/healthz says alive, /readyz says ready', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200, text: '{"status":"ok"}' });
    const ready = await ask('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toMatchObject({ ready: true, database: { ok: true }, loop: { ticking: true } });
  });

  test('a service whose database is gone is alive and not ready', async () => {
    await manager.close();
    expect((await ask('/healthz')).status).toBe(200);
    const ready = await ask('/readyz');
    expect(ready.status).toBe(503);
    expect(JSON.parse(ready.text)).toMatchObject({ ready: false, database: { ok: false } });
    const status = await ask('/status.json');
    expect(status.status).toBe(503);
    expect(JSON.parse(status.text)).toMatchObject({ code: 'MANAGER_CLOSED' });
  });

  test.each([
    ['GET', '/nope', 404],
    ['GET', '/%00', 404],
    ['GET', '/../../etc/passwd', 404],
    ['GET', '/%E0%A4%A', 400],
    ['POST', '/', 404],
    ['DELETE', '/status.json', 404],
  ])('%s %s is answered with a code and no stack', async (method, path, status) => {
    const asked = await ask(path, { method });
    expect(asked.status).toBe(status);
    expect(JSON.parse(asked.text)).toHaveProperty('code');
    expect(asked.text).not.toMatch(/node_modules|\.ts:\d/);
  });

  test('answers are never kept by a cache', async () => {
    for (const path of ['/', '/status', '/status.json', '/readyz', '/nope'])
      expect((await ask(path)).response.headers.get('cache-control')).toBe('no-store');
  });
});

describe('who may look', () => {
  test.each(['0.0.0.0', '::', '192.168.1.5', 'example.test', ''])('it does not listen on %j', async (host) => {
    await expect(startServer(manager as JobManager, { host, port: 0 })).rejects.toMatchObject({
      code: 'HOST_REFUSED',
      allowed: '127.0.0.1, ::1, localhost',
    });
  });

  test.each([
    ['rebound.example.test', 421],
    ['127.0.0.1.example.test', 421],
    ['localhost', 200],
    ['LOCALHOST:1', 200],
    ['[::1]', 200],
  ])('a page of the name %s is answered with %d', async (host, status) => {
    const asked = request(`${server.url}/status.json`, { headers: { host } });
    asked.end();
    const [response] = await once(asked, 'response');
    response.resume();
    expect(response.statusCode).toBe(status);
  });
});

describe('the port', () => {
  const blockers: Server[] = [];

  afterEach(async () => {
    for (const blocker of blockers.splice(0)) {
      blocker.close();
      await once(blocker, 'close');
    }
  });

  const block = async (port: number): Promise<number> => {
    const blocker = createServer().listen(port, '127.0.0.1');
    // Taken by somebody else is just as good.
    await Promise.race([once(blocker, 'listening'), once(blocker, 'error')]);
    if (!blocker.listening) return port;
    blockers.push(blocker);
    return (blocker.address() as { port: number }).port;
  };

  test('is the next free one if it is taken', async () => {
    const taken = await block(0);
    const next = await startServer(manager as JobManager, { host: '127.0.0.1', port: taken });
    expect(next.port).toBeGreaterThan(taken);
    expect(next.port).toBeLessThan(taken + 20);
    expect((await fetch(`${next.url}/healthz`)).status).toBe(200);
    await next.close();
  });

  test('is refused if twenty in a row are taken', async () => {
    // Below those that the system gives to connections: one of these might be free again by then.
    const first = 21_000 + (process.pid % 11_000);
    for (let port = first; port < first + 20; port++) await block(port);
    await expect(startServer(manager as JobManager, { host: '127.0.0.1', port: first })).rejects.toMatchObject({
      code: 'PORT_TAKEN',
      message: new RegExp(`^Port ${first} and the 19 after it are taken`),
    });
  });
});

test('it closes at once although a browser keeps its connection', async () => {
  const asked = get(`${server.url}/healthz`, { agent: undefined, headers: { connection: 'keep-alive' } });
  const [response] = await once(asked, 'response');
  response.resume();
  await once(response, 'end');
  await server.close();
  await expect(fetch(`${server.url}/healthz`)).rejects.toThrow();
});
