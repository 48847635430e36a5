/** Who may come in over HTTP, and what they see: tokens, sessions, other origins, limits. */
import { get } from 'node:http';
import { JobManager, job, type RunningServer, startServer } from 'backline';
import { createClient } from 'backline/client';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { allRoutes } from '../../src/doors/api/routes.ts';
import { codeOf, IMPATIENT, startManager } from '../managers.ts';

const jobs = { echo: job({ run: (payload: unknown) => payload }) };
const LOCAL = { host: '127.0.0.1', port: 0 } as const;

let manager: JobManager;

beforeEach(async () => {
  manager = (await startManager({ jobs })) as unknown as JobManager;
});

const serve = async (options: Partial<Parameters<typeof startServer>[1]> = {}): Promise<RunningServer> => {
  const unexpected: unknown[] = [];
  const server = await startServer(manager, { ...LOCAL, ...options, onUnexpected: (error) => unexpected.push(error) });
  onTestFinished(async () => {
    await server.close();
    expect(unexpected).toEqual([]);
  });
  return server;
};

const tokenOf = async (request: object = {}): Promise<string> =>
  (await manager.tokens.create({ name: 'test', scope: 'admin', ...request })).token;

const ask = async (
  url: string,
  { method = 'GET', headers = {}, body }: { method?: string; headers?: object; body?: string } = {},
) => {
  const response = await fetch(url, {
    method,
    headers: headers as Record<string, string>,
    redirect: 'manual',
    ...(body === undefined ? {} : { body }),
  });
  const text = await response.text();
  const json = /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : null;
  return { status: response.status, headers: response.headers, text, json, code: json?.code as string | undefined };
};

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const JSON_TYPE = { 'content-type': 'application/json' };

describe('where a token is needed', () => {
  test('whoever is on this machine is its owner; with requireToken, with a public address or through a proxy they are not', async () => {
    const open = await serve();
    expect((await ask(`${open.url}/api/me`)).json).toMatchObject({ id: 'local', scope: 'admin' });
    for (const header of ['x-forwarded-for', 'forwarded', 'x-real-ip', 'via', 'x-forwarded-proto'])
      expect((await ask(`${open.url}/api/me`, { headers: { [header]: '127.0.0.1' } })).status, header).toBe(401);
    const strict = await serve({ requireToken: true });
    expect((await ask(`${strict.url}/api/me`)).status).toBe(401);
    const public_ = await serve({ publicUrl: 'https://jobs.example.test' });
    expect((await ask(`${public_.url}/api/me`)).status).toBe(401);
  });

  test('a refusal is a problem, says what to do, and not what was wrong', async () => {
    const { url } = await serve({ requireToken: true });
    const expired = await tokenOf({ expiresIn: 0 });
    const revoked = await manager.tokens.create({ name: 'x' });
    await manager.tokens.revoke(revoked.id);
    const wrong = [expired, revoked.token, `${revoked.token.slice(0, -1)}x`, 'bl_x', 'x'.repeat(200)];
    const answers = await Promise.all(wrong.map((token) => ask(`${url}/api/me`, { headers: bearer(token) })));
    for (const { status, headers, text } of answers) {
      expect(status).toBe(401);
      expect(headers.get('www-authenticate')).toBe('Bearer realm="backline"');
      expect(text).toBe(answers[0]!.text);
    }
    expect(answers[0]!.json).toMatchObject({
      code: 'NOT_AUTHENTICATED',
      next: expect.stringContaining('backline tokens create'),
    });
    expect((await ask(`${url}/api/me`, { headers: { authorization: 'Basic YTpi' } })).status).toBe(401);
  });

  test('a token that is not valid is refused, also where none is needed', async () => {
    const { url } = await serve();
    expect((await ask(`${url}/api/me`, { headers: bearer('bl_nothing') })).status).toBe(401);
    const token = await tokenOf({ scope: 'read' });
    expect((await ask(`${url}/api/me`, { headers: bearer(token) })).json).toMatchObject({ scope: 'read' });
  });

  test('every route needs one, but for those that say whether it lives and how to sign in', async () => {
    const { url } = await serve({ requireToken: true });
    for (const path of ['/healthz', '/readyz', '/sign-in', '/style.css', '/favicon.ico'])
      expect((await ask(url + path)).status, path).toBeLessThan(300);
    for (const path of [
      '/status',
      '/status.json',
      '/api',
      '/api/jobs',
      '/api/docs',
      '/api/openapi.json',
      '/nothing',
      '/sign-out',
    ])
      expect((await ask(url + path)).status, path).toBe(401);
    expect((await ask(`${url}/sign-in?plain`)).text).toContain('<form method="post" action="sign-in">');
    const page = await ask(`${url}/status`, { headers: { accept: 'text/html' } });
    expect([page.status, page.headers.get('location')]).toEqual([303, '/sign-in?plain']);
  });

  test('on other addresses it does not listen before there is a token that is valid', async () => {
    const elsewhere = { host: '0.0.0.0', port: 0 };
    expect(await codeOf(() => startServer(manager, elsewhere))).toBe('HOST_REFUSED');
    const { id, token } = await manager.tokens.create({ name: 'x', scope: 'admin' });
    const server = await serve(elsewhere);
    const url = `http://127.0.0.1:${server.port}`;
    expect((await ask(`${url}/api/me`)).status).toBe(401);
    expect((await ask(`${url}/api/me`, { headers: bearer(token) })).status).toBe(200);
    await manager.tokens.revoke(id);
    expect((await ask(`${url}/api/me`, { headers: bearer(token) })).status).toBe(401);
    expect(await codeOf(() => startServer(manager, elsewhere))).toBe('HOST_REFUSED');
  });

  test('a name that the service is not known by is refused', async () => {
    const token = await tokenOf();
    const server = await serve({ host: '0.0.0.0', publicUrl: 'https://jobs.example.test' });
    const statusOf = (host: string) =>
      new Promise<number>((resolve) => {
        const headers = { host, ...bearer(token) };
        get({ host: '127.0.0.1', port: server.port, path: '/api/me', headers }, (response) => {
          response.resume();
          resolve(response.statusCode!);
        });
      });
    expect(await statusOf('jobs.example.test')).toBe(200);
    expect(await statusOf('JOBS.example.test:8443')).toBe(200);
    expect(await statusOf('192.168.1.5:4700')).toBe(200);
    expect(await statusOf('evil.example.test')).toBe(421);
    expect(await statusOf('jobs.example.test.evil.test')).toBe(421);
  });

  test('further names may be allowed; by these nobody is the owner of this machine', async () => {
    const server = await serve({ allowedHosts: ['Backline'] });
    const ask = async (host: string, headers: object = {}) => {
      const request = get({ port: server.port, path: '/api/me', headers: { host, ...headers }, agent: false });
      return new Promise<number>((resolve) => request.once('response', ({ statusCode }) => resolve(statusCode!)));
    };
    expect(await ask('backline:4700')).toBe(401);
    expect(await ask('backline:4700', bearer(await tokenOf()))).toBe(200);
    expect(await ask('localhost')).toBe(200);
    expect(await ask('other')).toBe(421);
  });

  test.each(['ftp://x', 'nothing', 'https://ada:pw@host', 'https://host/path', 'https://host/?a=1'])(
    'publicUrl %j is refused',
    async (publicUrl) => {
      expect(await codeOf(() => startServer(manager, { ...LOCAL, publicUrl }))).toBe('INVALID_OPTION');
    },
  );
});

describe('what a token may do', () => {
  test('its scope is enforced, and those before it are included', async () => {
    const { url } = await serve({ requireToken: true });
    const clients = await Promise.all(
      (['read', 'operate', 'admin'] as const).map(async (scope) =>
        createClient({ url, token: await tokenOf({ scope }) }),
      ),
    );
    const may = [
      (client: (typeof clients)[number]) => client.jobs.list(),
      (client: (typeof clients)[number]) => client.jobs.enqueue({ type: 'echo' }),
      (client: (typeof clients)[number]) => client.tokens.list(),
    ];
    for (const [i, client] of clients.entries())
      for (const [j, call] of may.entries()) {
        const outcome = await call(client).then(
          () => 'done',
          (error: { code: string }) => error.code,
        );
        expect([i, j, outcome]).toEqual([i, j, j <= i ? 'done' : 'NOT_PERMITTED']);
      }
  });

  test('for one that is bound, jobs of others do not exist: the answers are those to an unknown id', async () => {
    const { url } = await serve({ requireToken: true });
    const token = await tokenOf({ tenants: ['ada'] });
    await manager.pauseQueue('default');
    await manager.enqueue('echo', { of: 'bob' }, { id: 'theirs', tenant: 'bob' });
    await manager.enqueue('echo', { of: 'ada' }, { id: 'mine', tenant: 'ada' });
    await manager.schedules.add({ id: 'theirs', type: 'echo', cron: '0 2 * * *', options: { tenant: 'bob' } });
    const calls: [string, string, object?][] = [
      ['GET', '/jobs/ID'],
      ['GET', '/jobs/ID/attempts'],
      ['GET', '/jobs/ID/logs'],
      ['GET', '/jobs/ID/result?timeoutMs=0'],
      ['POST', '/jobs/ID/cancel'],
      ['POST', '/jobs/ID/retry'],
      ['POST', '/jobs/ID/replay'],
      ['POST', '/jobs/ID/run-now'],
      ['POST', '/jobs/ID/pause'],
      ['POST', '/jobs/ID/resume'],
      ['POST', '/jobs/ID/reprioritise', { priority: 1 }],
      ['POST', '/jobs/ID/reschedule', { runAt: '2100-01-01T00:00:00Z' }],
      ['POST', '/batches/ID/seal'],
      ['DELETE', '/jobs/ID'],
      ['GET', '/jobs?id=ID'],
      ['GET', '/count?id=ID'],
      ['GET', '/jobs?parent=ID'],
      ['GET', '/jobs?q=tenant:bob+id:ID'],
      ['POST', '/bulk/cancel', { which: { id: ['ID'] } }],
      ['POST', '/bulk/remove', { which: { id: ['ID'] } }],
      ['POST', '/jobs', { type: 'echo', options: { parent: 'ID' } }],
      ['POST', '/jobs', { type: 'echo', options: { id: 'ID' } }],
      ['GET', '/jobs/ID/explanation'],
      ['POST', '/bulk/preview', { which: { id: ['ID'] }, action: { kind: 'cancel' } }],
      ['POST', '/bulk', { which: { id: ['ID'] }, action: { kind: 'cancel' }, expected: 7 }],
      ['POST', '/bulk/retry', { which: { id: ['ID'] } }],
      ['GET', '/schedules/ID'],
      ['GET', '/schedules/ID/next'],
      ['GET', '/schedules/ID/history'],
      ['PATCH', '/schedules/ID', { missed: 'skip' }],
      ['POST', '/schedules/ID/pause'],
      ['POST', '/schedules/ID/resume'],
      ['POST', '/schedules/ID/run'],
      ['POST', '/schedules', { id: 'ID', type: 'echo', cron: '0 2 * * *' }],
      ['POST', '/schedules', { id: 'ada:ID', type: 'echo', cron: '0 2 * * *', options: { tenant: 'bob' } }],
      ['POST', '/schedule-runs', { ids: ['ID'] }],
      ['DELETE', '/schedules/ID'],
      ['GET', '/uploads/ID'],
      ['POST', '/tokens/ID/revoke'],
      ['POST', '/tokens/ID/rotate'],
    ];
    const asked = new Set(calls.map(([method, path]) => `${method} ${path.split('?')[0]}`));
    const byId = allRoutes().map(([, { method, path }]) => `${method} ${path.replace('{id}', 'ID')}`);
    expect(byId.filter((route) => route.includes('ID') && !asked.has(route))).toEqual([]);
    for (const [method, path, input] of calls) {
      const about = async (id: string) => {
        const headers = { ...bearer(token), ...(input ? JSON_TYPE : {}) };
        const body = input ? { body: JSON.stringify(input).replace('ID', id) } : {};
        const { status, text } = await ask(`${url}/api${path.replace('ID', id)}`, { method, headers, ...body });
        // When it was asked.
        return `${status} ${text.replaceAll(id, 'ID').replace(/"snapshotAt":"[^"]+"/, '')}`;
      };
      expect(await about('theirs'), `${method} ${path}`).toBe(await about('nobody'));
    }
    expect(await manager.get('theirs')).toMatchObject({ status: 'queued', priority: 5 });
    expect(await manager.schedules.get('theirs')).toMatchObject({ version: 1, pause: null, counts: { byHand: 0 } });
    const client = createClient({ url, token });
    expect((await client.jobs.list()).jobs.map(({ id }) => id)).toEqual(['mine']);
    expect(await client.stats.get()).toMatchObject({ total: 1, sizeBytes: 0 });
    expect((await client.queues.list()).queues).toMatchObject([
      { name: 'default', counts: { queued: 1 }, pausedBy: null },
    ]);
    for (const refused of [
      () => client.workers.list(),
      () => client.health.get(),
      () => client.tokens.list(),
      () => client.audit.list(),
      () => client.limits.set({ key: 'k', maxRunning: 1 }),
      () => client.queues.pause({ name: 'default' }),
    ])
      expect(await codeOf(refused)).toBe('BEYOND_REACH');
    for (const path of ['/status', '/status.json'])
      expect((await ask(url + path, { headers: bearer(token) })).code).toBe('BEYOND_REACH');
  });

  test('the same Idempotency-Key of two tokens is two requests', async () => {
    const { url } = await serve({ requireToken: true });
    const call = (token: string) =>
      createClient({ url, token }).jobs.enqueue({ type: 'echo' }, { context: { idempotencyKey: 'k' } });
    const [one, two] = [await tokenOf(), await tokenOf()];
    const [first, again, other] = [await call(one), await call(one), await call(two)];
    expect(again.id).toBe(first.id);
    expect(other.id).not.toBe(first.id);
  });

  test('every change is written down, with who and what; looking is not', async () => {
    const { url } = await serve({ requireToken: true });
    const made = await manager.tokens.create({ name: 'Ada', scope: 'admin' });
    const client = createClient({ url, token: made.token });
    const { id } = await client.jobs.enqueue({
      type: 'echo',
      payload: { token: 'open sesame' },
      options: { delay: '1h' },
    });
    await client.jobs.list();
    await client.jobs.cancel({ id, reason: 'enough' });
    await client.bulk.retry({ which: { status: ['cancelled'], payload: {} } as never }).catch(() => {});
    await client.bulk.retry({ which: { status: ['cancelled'] } });
    await client.queues.pause({ name: 'night', reason: 'maintenance' });
    await client.jobs.cancel({ id: 'unknown' }).catch(() => {});
    const { lines } = await client.audit.list();
    const actor = `Ada (${made.id})`;
    expect(lines.map(({ n: _, at: __, ...line }) => line)).toEqual([
      {
        actor,
        door: 'http',
        action: 'queues.pause',
        target: 'night',
        filter: null,
        count: 1,
        detail: { name: 'night', reason: 'maintenance' },
      },
      {
        actor,
        door: 'http',
        action: 'bulk.retry',
        target: null,
        filter: { status: ['cancelled'] },
        count: 1,
        detail: null,
      },
      { actor, door: 'http', action: 'jobs.cancel', target: id, filter: null, count: 1, detail: { reason: 'enough' } },
      {
        actor,
        door: 'http',
        action: 'jobs.enqueue',
        target: id,
        filter: null,
        count: 1,
        detail: { delay: '1h', type: 'echo' },
      },
    ]);
  });
});

describe('a browser', () => {
  const signIn = async (url: string, token: string, headers: object = {}) =>
    ask(`${url}/sign-in`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: url, ...headers },
      body: `token=${encodeURIComponent(token)}`,
    });
  const cookieOf = (headers: Headers): string => headers.get('set-cookie')!.split(';')[0]!;

  test('signs in with a token, is somebody from then on, and signs out', async () => {
    const { url } = await serve({ requireToken: true });
    const token = await tokenOf({ name: 'Ada' });
    const signedIn = await signIn(url, token);
    expect([signedIn.status, signedIn.headers.get('location')]).toEqual([303, '/status']);
    expect(signedIn.headers.get('set-cookie')).toMatch(
      /^backline=bs_[\w-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=4[23]\d\d\d$/,
    );
    const cookie = cookieOf(signedIn.headers);
    expect((await ask(`${url}/status`, { headers: { cookie } })).status).toBe(200);
    expect((await ask(`${url}/api/me`, { headers: { cookie } })).json).toMatchObject({ name: 'Ada' });
    const out = await ask(`${url}/sign-out`, { method: 'POST', headers: { cookie, origin: url } });
    expect([out.status, out.headers.get('location')]).toEqual([303, '/sign-in?plain']);
    expect(out.headers.get('set-cookie')).toMatch(/^backline=; .*Max-Age=0/);
    expect((await ask(`${url}/api/me`, { headers: { cookie } })).status).toBe(401);
    expect((await ask(`${url}/api/me`, { headers: bearer(token) })).status).toBe(200);
  });

  test('may do the same in JSON', async () => {
    const { url } = await serve({ requireToken: true });
    const given = { method: 'POST', headers: { ...JSON_TYPE, origin: url } };
    const signedIn = await ask(`${url}/sign-in`, { ...given, body: JSON.stringify({ token: await tokenOf() }) });
    expect(signedIn).toMatchObject({ status: 200, json: { signedIn: true, scope: 'admin' } });
    const cookie = cookieOf(signedIn.headers);
    const out = await ask(`${url}/sign-out`, {
      method: 'POST',
      headers: { ...JSON_TYPE, cookie, origin: url },
      body: '{}',
    });
    expect(out.json).toEqual({ signedIn: false });
    for (const body of ['{"token":', '{"token":5}', '{"token":"x"}', 'null', '[]'])
      expect([400, 401]).toContain((await ask(`${url}/sign-in`, { ...given, body })).status);
  });

  test('is told on the page that a token is not valid, and not more', async () => {
    const { url } = await serve({ requireToken: true });
    const refused = await signIn(url, '<script>alert(1)</script>');
    expect(refused.status).toBe(401);
    expect(refused.text).toContain('The token is not valid');
    expect(refused.text).not.toMatch(/<script|alert\(1\)/);
    expect(refused.headers.get('set-cookie')).toBeNull();
    expect(refused.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('over HTTPS has a cookie that is bound to the host and never sent in clear', async () => {
    const { url } = await serve({ publicUrl: 'https://jobs.example.test' });
    const signedIn = await signIn(url, await tokenOf(), { origin: 'https://jobs.example.test' });
    expect(signedIn.headers.get('set-cookie')).toMatch(
      /^__Host-backline=bs_.*; Path=\/; HttpOnly; SameSite=Strict; .*Secure$/,
    );
    expect((await ask(`${url}/api/me`, { headers: { cookie: cookieOf(signedIn.headers) } })).status).toBe(200);
    expect((await signIn(url, await tokenOf())).code).toBe('ORIGIN_REFUSED');
  });

  test('cannot be made to change anything, or to sign in or out, by a page elsewhere', async () => {
    const { url } = await serve({ requireToken: true });
    const token = await tokenOf();
    const cookie = cookieOf((await signIn(url, token)).headers);
    const page = { 'x-backline-page': '1' };
    const enqueue = (headers: object) =>
      ask(`${url}/api/jobs`, {
        method: 'POST',
        headers: { ...JSON_TYPE, cookie, ...headers },
        body: '{"type":"echo"}',
      });
    for (const headers of [
      {},
      page,
      { origin: url },
      { origin: 'null', ...page },
      { origin: 'https://evil.example.test', ...page },
      { origin: `${url}.evil.test`, ...page },
      { 'sec-fetch-site': 'cross-site', ...page },
      { 'sec-fetch-site': 'same-site', ...page },
      { origin: url, 'sec-fetch-site': 'cross-site', ...page },
    ])
      expect([(await enqueue(headers)).status, headers]).toEqual([403, headers]);
    expect(await manager.count()).toBe(0);
    expect((await enqueue({ origin: url, ...page })).status).toBe(201);
    expect((await enqueue({ 'sec-fetch-site': 'same-origin', ...page })).status).toBe(201);
    for (const origin of ['https://evil.example.test', 'null']) {
      expect((await signIn(url, token, { origin })).code).toBe('ORIGIN_REFUSED');
      expect((await ask(`${url}/sign-out`, { method: 'POST', headers: { cookie, origin } })).code).toBe(
        'ORIGIN_REFUSED',
      );
    }
    expect((await ask(`${url}/api/me`, { headers: { cookie } })).status).toBe(200);
  });

  test('cannot use a cookie as a token, nor a token as a cookie', async () => {
    const { url } = await serve({ requireToken: true });
    const token = await tokenOf();
    const cookie = cookieOf((await signIn(url, token)).headers);
    expect((await ask(`${url}/api/me`, { headers: bearer(cookie.split('=')[1]!) })).status).toBe(401);
    expect((await ask(`${url}/api/me`, { headers: { cookie: `backline=${token}` } })).status).toBe(401);
    expect((await signIn(url, cookie.split('=')[1]!)).status).toBe(401);
  });

  test('loses its session with its token', async () => {
    const { url } = await serve({ requireToken: true });
    const { id, token } = await manager.tokens.create({ name: 'x' });
    const cookie = cookieOf((await signIn(url, token)).headers);
    await manager.tokens.revoke(id);
    const refused = await ask(`${url}/api/me`, { headers: { cookie } });
    expect(refused.status).toBe(401);
    expect(refused.headers.get('set-cookie')).toMatch(/Max-Age=0/);
  });
});

describe('limits', () => {
  test('after ten failed tries an address waits, even with the right token; others do not', async () => {
    const { url } = await serve({ requireToken: true, trustProxy: true });
    const token = await tokenOf();
    const from = (address: string, presented: string) =>
      ask(`${url}/api/me`, { headers: { ...bearer(presented), 'x-forwarded-for': address } });
    for (let i = 0; i < 10; i++) expect((await from('203.0.113.7', `bl_${i}`)).status).toBe(401);
    const refused = await from('203.0.113.7', token);
    expect(refused).toMatchObject({ status: 429, code: 'TOO_MANY_REQUESTS' });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(200);
    expect((await from('203.0.113.8', token)).status).toBe(200);
    const form = { 'content-type': 'application/x-www-form-urlencoded', origin: url, 'x-forwarded-for': '203.0.113.7' };
    expect((await ask(`${url}/sign-in`, { method: 'POST', headers: form, body: `token=${token}` })).status).toBe(429);
  });

  test('a token has so many requests in a minute, whatever others do', async () => {
    const { url } = await serve({ requireToken: true, maxRequestsPerMinute: 5 });
    const [one, two] = [await tokenOf(), await tokenOf()];
    const statuses = [];
    for (let i = 0; i < 7; i++) statuses.push((await ask(`${url}/api/me`, { headers: bearer(one) })).status);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429, 429]);
    const refused = await ask(`${url}/api/me`, { headers: bearer(one) });
    expect(refused.code).toBe('TOO_MANY_REQUESTS');
    expect(refused.headers.get('content-type')).toContain('problem+json');
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await ask(`${url}/api/me`, { headers: bearer(two) })).status).toBe(200);
  });

  test('who is on this machine has no limit', async () => {
    const { url } = await serve({ maxRequestsPerMinute: 1 });
    for (let i = 0; i < 5; i++) expect((await ask(`${url}/api/me`)).status).toBe(200);
  });
});

test('two services on one database know the same tokens', async () => {
  const { freshFile } = await import('../managers.ts');
  const database = freshFile();
  const [one, two] = [1, 2].map(() => new JobManager(database, { ...IMPATIENT, worker: false }));
  await one!.start();
  await two!.start();
  onTestFinished(async () => {
    await one!.close();
    await two!.close();
  });
  const server = await startServer(two!, { ...LOCAL, requireToken: true });
  onTestFinished(() => server.close());
  const { id, token } = await one!.tokens.create({ name: 'x' });
  expect((await ask(`${server.url}/api/me`, { headers: bearer(token) })).status).toBe(200);
  await one!.tokens.revoke(id);
  expect((await ask(`${server.url}/api/me`, { headers: bearer(token) })).status).toBe(401);
});

afterEach(() => manager.close({ timeout: 0 }));
