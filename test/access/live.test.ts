/** The live feed for callers with tokens: what they hear, and when their streams end. */
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { type JobManager, job, type LiveOptions, type RunningServer, startServer } from 'backline';
import { createClient } from 'backline/client';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { everyone } from '../../src/doors/api/access.ts';
import { feedOf } from '../../src/doors/api/feed.ts';
import { localClient } from '../../src/doors/api/router.ts';
import { startManager } from '../managers.ts';
import { until } from '../wait.ts';

let manager: JobManager;
let server: RunningServer;

const serve = async (live: LiveOptions = {}): Promise<RunningServer> => {
  const started = await startServer(manager, {
    ...{ host: '127.0.0.1', port: 0, requireToken: true },
    live: { recheckMs: 20, tickMs: 10, ...live },
  });
  onTestFinished(() => started.close());
  return started;
};

beforeEach(async () => {
  manager = (await startManager({ jobs: { echo: job({ run: () => 1 }) } })) as unknown as JobManager;
  await manager.pauseQueue('default');
  server = await serve();
});

const tokenOf = (more: object = {}) => manager.tokens.create({ name: 'page', scope: 'admin', ...more });
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

const stream = async (headers: Record<string, string>, at = server) => {
  const request = get(`${at.url}/api/events`, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  response.on('error', () => {});
  onTestFinished(() => void request.destroy());
  let ended = false;
  response.once('close', () => {
    ended = true;
  });
  return { request, status: response.statusCode, text: () => text, hasEnded: () => ended };
};

/** A handshake: whether it was answered with a WebSocket, and with which code that was closed. */
const socket = async (headers: Record<string, string>, at = server) => {
  const handshake = {
    ...{ connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': '13' },
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  };
  const request = get(`${at.url}/api/events/ws`, { headers: { ...handshake, ...headers }, agent: false });
  onTestFinished(() => void request.destroy());
  const refused = once(request, 'response').then(([response]) => (response as IncomingMessage).statusCode!);
  const opened = once(request, 'upgrade').then(([, wire]) => wire as Socket);
  const answer = await Promise.race([refused, opened]);
  if (typeof answer === 'number') return { answer, closed: Promise.resolve(0) };
  const chunks: Buffer[] = [];
  // The connection stays until the close is answered, which this does not.
  const closed = new Promise<number>((resolve) =>
    answer.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      const code = closeCodeOf(Buffer.concat(chunks));
      if (code !== 0) resolve(code);
    }),
  );
  onTestFinished(() => void answer.destroy());
  return { answer: 'open' as const, closed };
};

/** The code of the last frame of what a server sent; 0 if that is no close. */
const closeCodeOf = (bytes: Buffer): number => {
  let code = 0;
  for (let at = 0; at < bytes.length; ) {
    const isClose = (bytes[at]! & 15) === 8;
    const short = bytes[at + 1]! & 127;
    const [length, head] = short === 126 ? [bytes.readUInt16BE(at + 2), 4] : [short, 2];
    code = isClose ? bytes.readUInt16BE(at + head) : 0;
    at += head + length;
  }
  return code;
};

test('who is bound hears of its own jobs alone, over HTTP and through the typed client', async () => {
  const { token } = await tokenOf({ tenants: ['ada'] });
  const { text } = await stream(bearer(token));
  const heard: string[] = [];
  const api = localClient({ client: manager as never, caller: { ...everyone, id: 'x', tenants: ['ada'] } });
  const ends = new AbortController();
  const watch = async () => {
    const frames = await api.events.watch({}, { signal: ends.signal });
    for await (const frame of frames) if (frame.kind === 'job') heard.push(frame.jobId);
  };
  const watching = watch().catch(() => {});
  await until(() => feedOf(manager as never).readers === 2);
  await manager.enqueue('echo', 1, { id: 'theirs', tenant: 'bob' });
  await manager.enqueue('echo', 1, { id: 'nobodys' });
  await manager.pauseQueue('mails');
  await manager.enqueue('echo', 1, { id: 'mine', tenant: 'ada' });
  await until(() => text().includes('"mine"') && heard.includes('mine'));
  for (const hidden of ['theirs', 'nobodys', 'mails']) expect(text()).not.toContain(hidden);
  expect(new Set(heard)).toEqual(new Set(['mine']));
  ends.abort();
  await watching;
});

test('a stream ends when its token is revoked, and others go on', async () => {
  const [one, two] = [await tokenOf(), await tokenOf()];
  const streams = [await stream(bearer(one.token)), await stream(bearer(one.token)), await stream(bearer(two.token))];
  const ws = [await socket(bearer(one.token)), await socket(bearer(two.token))];
  expect(ws.map(({ answer }) => answer)).toEqual(['open', 'open']);
  await manager.tokens.revoke(one.id);
  await until(() => streams[0]!.hasEnded() && streams[1]!.hasEnded());
  expect(await ws[0]!.closed).toBe(1008);
  await manager.enqueue('echo', 1, { id: 'later' });
  await until(() => streams[2]!.text().includes('later'));
  expect(streams[2]!.hasEnded()).toBe(false);
});

test('a stream ends when its token has expired, and when its secret is another', async () => {
  const brief = await tokenOf({ expiresIn: 300 });
  const rotated = await tokenOf();
  const streams = [await stream(bearer(brief.token)), await stream(bearer(rotated.token))];
  await manager.tokens.rotate(rotated.id);
  await until(() => streams.every(({ hasEnded }) => hasEnded()));
});

test('a stream of a browser ends when its person signs out', async () => {
  const { token } = await tokenOf();
  const signedIn = await fetch(`${server.url}/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: server.url },
    body: JSON.stringify({ token }),
  });
  const cookie = signedIn.headers.getSetCookie()[0]!.split(';')[0]!;
  const [events, ws] = [await stream({ cookie }), await socket({ cookie, origin: server.url })];
  expect([events.status, ws.answer]).toEqual([200, 'open']);
  expect((await socket({ cookie, origin: 'http://elsewhere.test' })).answer).toBe(403);
  const out = await fetch(`${server.url}/sign-out`, { method: 'POST', headers: { cookie, origin: server.url } });
  expect(out.status).toBeLessThan(400);
  await until(() => events.hasEnded());
  expect(await ws.closed).toBe(1008);
});

test('without a token, or with a wrong one, there is no stream', async () => {
  for (const headers of [{}, bearer('bl_0000000000000000_wrong')]) {
    expect((await stream(headers)).status).toBe(401);
    expect((await socket(headers)).answer).toBe(401);
  }
});

test('a token has so many streams, from whatever address', async () => {
  const few = await serve({ maxListenersPerAddress: 2 });
  const { token } = await tokenOf();
  await stream(bearer(token), few);
  expect((await socket(bearer(token), few)).answer).toBe('open');
  expect((await stream(bearer(token), few)).status).toBe(429);
  expect((await socket(bearer(token), few)).answer).toBe(429);
});

test('who calls can ask who it is, and whether it has signed in', async () => {
  const { token, id } = await tokenOf({ name: 'ada', scope: 'read', tenants: ['ada'] });
  const client = createClient({ url: server.url, token });
  expect(await client.me.get()).toEqual({
    id,
    name: 'ada',
    scope: 'read',
    queues: null,
    tenants: ['ada'],
    signedIn: true,
  });
});
