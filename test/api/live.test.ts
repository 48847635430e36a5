/** The live feed over real sockets: event streams and WebSockets, what they carry, and what they bear. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { type JobManager, job, type LiveOptions, type RunningServer, startServer } from 'backline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { feedOf } from '../../src/doors/api/feed.ts';
import type { Frame, JobFrame } from '../../src/doors/api/frames.ts';
import { freshFile, startManager } from '../managers.ts';
import { until } from '../wait.ts';

const jobs = { double: job({ run: async (n: number) => 2 * n }) };

const open = async (live: LiveOptions = {}, database = ':memory:') => {
  const manager = (await startManager({ jobs }, database)) as unknown as JobManager;
  const unexpected: unknown[] = [];
  const server = await startServer(manager, {
    ...{ host: '127.0.0.1', port: 0, live },
    onUnexpected: (error) => unexpected.push(error),
  });
  onTestFinished(async () => {
    await server.close();
    expect(unexpected).toEqual([]);
  });
  return { manager, server, feed: feedOf(manager) };
};

/** An event stream as a browser reads it. */
const stream = async (server: RunningServer, query = '', headers: Record<string, string> = {}) => {
  const request = get(`${server.url}/api/events${query}`, { headers, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  response.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  response.on('error', () => {});
  onTestFinished(() => void request.destroy());
  const events = () =>
    text
      .split('\n\n')
      .slice(0, -1)
      .filter((event) => /^data: /m.test(event));
  const frames = (): Frame[] => events().map((event) => JSON.parse(/^data: (.*)$/m.exec(event)![1]!) as Frame);
  const ids = (): string[] => events().map((event) => /^id: (.*)$/m.exec(event)![1]!);
  const ended = new Promise<void>((resolve) => response.once('close', resolve));
  return { request, response, text: () => text, frames, ids, ended };
};

const refused = async (server: RunningServer, query = '', headers: Record<string, string> = {}) => {
  const response = await fetch(`${server.url}/api/events${query}`, { headers });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    ...((await response.json()) as { code: string }),
  };
};

const add = (manager: JobManager, id: string, more: object = {}) =>
  manager.enqueue('double', 1, { id, delay: '1h', ...more });
const jobIds = (frames: readonly Frame[]): string[] =>
  frames.filter((frame): frame is JobFrame => frame.kind === 'job').map(({ jobId }) => jobId);

const BATCH_BYTES = 50_000;
/** The buffer of a socket, and the batch that made it full with what surrounds each frame. */
const HELD_AT_MOST = 65_536 + 1.25 * BATCH_BYTES;

/** What the sockets of servers that are opened from now on have still to send: the most that one of them holds, in bytes. */
const bytesHeld = (): (() => number) => {
  const served = new Set<Socket>();
  const note = (message: unknown) => served.add((message as { socket: Socket }).socket);
  subscribe('net.server.socket', note);
  onTestFinished(() => void unsubscribe('net.server.socket', note));
  return () => Math.max(...[...served].map(({ writableLength }) => writableLength));
};

/** So many changes that no buffer of the system holds them, and on until something is so. */
const flood = async (manager: JobManager, enough: () => boolean): Promise<void> => {
  await manager.pauseQueue('default');
  if ((await manager.count()) === 0)
    await manager.enqueueMany(
      Array.from({ length: 400 }, (_, i) => ({ type: 'double', payload: 1, options: { id: `job-${i}`, delay: '1h' } })),
    );
  const from = performance.now();
  do {
    await manager.cancelAll({ status: 'queued' }, { reason: 'x'.repeat(450) });
    await manager.retryAll({ status: 'cancelled' });
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (performance.now() - from < 60_000 && !(enough() && performance.now() - from > 500));
};

describe('an event stream', () => {
  test('carries frames with their ids, and what a browser needs to come back', async () => {
    const { manager, server } = await open();
    const { response, text, frames, ids } = await stream(server);
    expect(response.statusCode).toBe(200);
    expect(response.headers).toMatchObject({
      ...{ 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' },
      ...{ 'x-content-type-options': 'nosniff', 'x-accel-buffering': 'no' },
    });
    await add(manager, 'a');
    await until(() => frames().length > 0);
    expect(text()).toMatch(/^retry: 3000\n\nevent: message\nid: \S+\ndata: \{/);
    expect(ids()).toEqual(frames().map(({ id }) => id));
  });

  test.each<[place: string, again: (id: string) => readonly [query: string, headers: Record<string, string>]]>([
    ['header', (id: string) => ['', { 'last-event-id': id }]],
    ['query', (id: string) => [`?lastEventId=${id}`, {}]],
  ])('goes on behind the id in the %s', async (_, again) => {
    const { manager, server } = await open();
    const first = await stream(server);
    await add(manager, 'a');
    await until(() => first.ids().length === 1);
    first.request.destroy();
    for (const id of ['b', 'c']) await add(manager, id);
    const second = await stream(server, ...again(first.ids()[0]!));
    await until(() => second.frames().length === 2);
    expect(jobIds(second.frames())).toEqual(['b', 'c']);
  });

  test.each(['nonsense', '0'.repeat(190), '000000000000-5', '-1', '%00', '__proto__'])(
    'with the id %s of nowhere says once that something may be missing, and goes on',
    async (id) => {
      const { manager, server } = await open();
      const { frames } = await stream(server, '', { 'last-event-id': id });
      await until(() => frames().length === 1);
      expect(frames()).toMatchObject([{ kind: 'gap', reason: 'other-process', action: 'refetch' }]);
      await add(manager, 'a');
      await until(() => jobIds(frames()).includes('a'));
    },
  );

  test('carries only what was asked for', async () => {
    const { manager, server } = await open();
    const wanted = await stream(server, '?queue=letters,x&type=double&status=queued');
    const all = await stream(server);
    await add(manager, 'a', { queue: 'letters' });
    await add(manager, 'b', { queue: 'money' });
    await add(manager, 'c', { queue: 'x' });
    await until(() => all.frames().length === 3 && wanted.frames().length === 2);
    expect(jobIds(wanted.frames())).toEqual(['a', 'c']);
  });

  test('tells of changes by another process', async () => {
    const file = freshFile();
    const { server } = await open({}, file);
    const other = (await startManager({ jobs, worker: false }, file)) as unknown as JobManager;
    const { frames } = await stream(server);
    await add(other, 'a');
    await until(() => jobIds(frames()).includes('a'));
  });

  test('shows that it lives while nothing happens', async () => {
    const { server } = await open({ heartbeatMs: 10 });
    const { text } = await stream(server);
    await until(() => text().includes('\n\n:\n\n:\n\n'));
  });

  test.each<Record<string, string>>([{ origin: 'http://evil.example.test' }, { 'sec-fetch-site': 'cross-site' }])(
    'for a page elsewhere (%j) is refused',
    async (headers) => {
      const { server } = await open();
      expect(await refused(server, '', headers)).toMatchObject({
        status: 403,
        code: 'ORIGIN_REFUSED',
      });
    },
  );

  test('is one of so many, for one address and for all, and makes room when it ends', async () => {
    const { server } = await open({ maxListenersPerAddress: 2 });
    const [first] = [await stream(server), await stream(server)];
    expect(await refused(server)).toMatchObject({ status: 429, code: 'TOO_MANY_LISTENERS', retryAfter: '3' });
    first!.request.destroy();
    await until(async () =>
      (await fetch(`${server.url}/api/events`)).body!.cancel().then(
        () => true,
        () => false,
      ),
    );
    const { server: other } = await open({ maxListeners: 1 });
    await stream(other);
    expect(await refused(other)).toMatchObject({ status: 503, code: 'LISTENERS_FULL', retryAfter: '3' });
  });

  test('of which five hundred are open costs little more than one, and each hears all', async () => {
    const { manager, server, feed } = await open();
    const streams = await Promise.all(Array.from({ length: 500 }, () => stream(server)));
    await until(() => feed.readers === 500);
    for (let i = 0; i < 10; i++) await add(manager, `job-${i}`);
    await until(() => streams.every(({ frames }) => jobIds(frames()).includes('job-9')), 'all heard', 60_000);
    for (const { frames } of streams) expect(new Set(jobIds(frames())).size).toBe(10);
    for (const { request } of streams) request.destroy();
    await until(() => feed.readers === 0, 'all gone', 60_000);
  }, 120_000);

  test('whose reader does not read is held back, and after a while let go', async () => {
    const { manager, server, feed } = await open({ stallMs: 200, tickMs: 5, maxBytesPerSecond: 1e9 });
    const socket = connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    socket.pause();
    await until(() => feed.readers === 1);
    await manager.pauseQueue('default');
    const error = 'x'.repeat(450);
    const many = Array.from({ length: 400 }, (_, i) => ({
      type: 'double',
      payload: 1,
      options: { id: `job-${i}`, delay: '1h' },
    }));
    await manager.enqueueMany(many);
    const deadline = performance.now() + 60_000;
    // So many bytes that no buffer of the system holds them.
    while (feed.readers > 0 && performance.now() < deadline) {
      await manager.cancelAll({ status: 'queued' }, { reason: error });
      await manager.retryAll({ status: 'cancelled' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(feed.readers).toBe(0);
    socket.destroy();
  }, 90_000);

  test('whose sender closes its half is ended, and leaves nothing behind', async () => {
    const { server, feed } = await open();
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.write('GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await until(() => feed.readers === 1);
    socket.resume().end();
    await once(socket, 'end');
    await until(() => feed.readers === 0);
  });

  test('that is opened and broken off again and again leaves nothing behind', async () => {
    const { server, feed } = await open({ maxListenersPerAddress: 20 });
    for (let round = 0; round < 20; round++) {
      const sockets: Socket[] = Array.from({ length: 10 }, () =>
        connect(server.port, '127.0.0.1').on('error', () => {}),
      );
      for (const socket of sockets)
        socket.write('GET /api/events HTTP/1.1\r\nhost: localhost\r\nlast-event-id: x-y\r\n\r\n');
      if (round % 2) await Promise.all(sockets.map((socket) => once(socket, 'data')));
      for (const socket of sockets) socket.destroy();
      await until(() => feed.readers === 0);
    }
    const { frames } = await stream(server, '', { 'last-event-id': 'x' });
    await until(() => frames().length === 1);
  });

  test.each([
    ['reads nothing', false],
    ['reads nothing, and has closed its half', true],
  ])('whose reader %s holds little, and does not hold up the end of the service', async (_, halfOpen) => {
    const held = bytesHeld();
    const { manager, server, feed } = await open({ tickMs: 5, maxBytesPerSecond: 200 * BATCH_BYTES });
    const socket = connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
    onTestFinished(() => void socket.destroy());
    socket.write('GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    socket.pause();
    await until(() => feed.readers === 1);
    await flood(manager, () => held() > 0);
    await flood(manager, () => true);
    expect(held()).toBeLessThanOrEqual(HELD_AT_MOST);
    if (halfOpen) socket.end();
    const from = performance.now();
    await server.close();
    expect(performance.now() - from).toBeLessThan(4000);
    expect(feed.readers).toBe(0);
  });

  test('of HTTP/1.0, which knows no pieces, is the bare events', async () => {
    const { manager, server, feed } = await open();
    const socket = connect(server.port, '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    let heard = '';
    socket.on('data', (data) => {
      heard += String(data);
    });
    socket.write('GET /api/events HTTP/1.0\r\nhost: localhost\r\n\r\n');
    await until(() => feed.readers === 1);
    await add(manager, 'a');
    await until(() => heard.includes('"jobId":"a"'));
    expect(heard).not.toMatch(/transfer-encoding/i);
    expect(heard.slice(heard.indexOf('\r\n\r\n') + 4)).toMatch(
      /^retry: 3000\n\nevent: message\nid: \S+\ndata: \{.*\}\n\n$/,
    );
  });

  test('that is asked for behind another request on its connection is whole, each event once', async () => {
    const { manager, server, feed } = await open({ heartbeatMs: 20 });
    const socket = connect(server.port, '127.0.0.1').on('error', () => {});
    onTestFinished(() => void socket.destroy());
    let heard = '';
    socket.on('data', (data) => {
      heard += String(data);
    });
    const first = `GET /api/jobs/waits/result?timeoutMs=300 HTTP/1.1\r\nhost: localhost\r\n\r\n`;
    await add(manager, 'waits');
    socket.write(`${first}GET /api/events HTTP/1.1\r\nhost: localhost\r\n\r\n`);
    await until(() => feed.readers === 1);
    for (const id of ['a', 'b']) await add(manager, id);
    await until(() => heard.includes('"jobId":"b"'));
    await add(manager, 'c');
    await until(() => heard.includes('"jobId":"c"'));
    const [, answer, stream] = heard.split('HTTP/1.1 ');
    expect(answer).toMatch(/^409 /);
    expect(stream).toMatch(/^200 /);
    for (const id of ['a', 'b', 'c']) expect(stream!.match(new RegExp(`"jobId":"${id}"`, 'g'))).toHaveLength(1);
    // Every piece has the length that it says.
    let rest = stream!.slice(stream!.indexOf('\r\n\r\n') + 4);
    while (rest !== '') {
      const [size] = rest.split('\r\n', 1);
      const behind = size!.length + 2 + Number.parseInt(size!, 16);
      expect(rest.slice(behind, behind + 2)).toBe('\r\n');
      rest = rest.slice(behind + 2);
    }
  });

  test('ends with the service, which does not wait for it', async () => {
    const { server } = await open();
    const streams = [await stream(server), await stream(server)];
    const from = performance.now();
    await server.close();
    await Promise.all(streams.map(({ ended }) => ended));
    expect(performance.now() - from).toBeLessThan(3000);
  });
});

/** A WebSocket that was opened. */
const socketTo = async (server: RunningServer, query = '') => {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/api/events/ws${query}`);
  const frames: Frame[] = [];
  socket.addEventListener('message', ({ data }) => frames.push(JSON.parse(String(data)) as Frame));
  const closed = new Promise<number>((resolve) => socket.addEventListener('close', ({ code }) => resolve(code)));
  onTestFinished(() => socket.close());
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', reject);
  });
  return { socket, frames, closed };
};

/** The handshake byte for byte, and then whatever is sent. */
const rawSocket = async (server: RunningServer, headers = '', path = '/api/events/ws') => {
  const socket = connect(server.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (data: Buffer) => chunks.push(data)).on('error', () => {});
  const key = Buffer.alloc(16, 7).toString('base64');
  const start = `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket`;
  socket.write(`${start}\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n${headers}\r\n`);
  onTestFinished(() => void socket.destroy());
  const closed = once(socket, 'close');
  await until(() => Buffer.concat(chunks).includes('\r\n\r\n'));
  const head = Buffer.concat(chunks).toString('latin1');
  const frames = () => Buffer.concat(chunks).subarray(head.indexOf('\r\n\r\n') + 4);
  return { socket, head, frames, closed };
};

describe('a WebSocket', () => {
  test('whose other end says nothing does not hold up the end of the service', async () => {
    const { server } = await open();
    const mute = await rawSocket(server);
    const { closed } = await socketTo(server);
    const from = performance.now();
    await server.close();
    expect(performance.now() - from).toBeLessThan(4000);
    expect(await closed).toBe(1001);
    await mute.closed;
  });

  test('whose other end reads nothing is cut off with the service', async () => {
    const held = bytesHeld();
    const { manager, server, feed } = await open({ tickMs: 5, maxBytesPerSecond: 200 * BATCH_BYTES });
    const mute = await rawSocket(server);
    mute.socket.pause();
    await flood(manager, () => held() > 0);
    await flood(manager, () => true);
    expect(held()).toBeLessThanOrEqual(HELD_AT_MOST);
    const from = performance.now();
    await server.close();
    expect(performance.now() - from).toBeLessThan(4000);
    expect(feed.readers).toBe(0);
  });

  test('carries the same frames, filtered, from where one was', async () => {
    const { manager, server } = await open();
    const events = await stream(server);
    const first = await socketTo(server, '?queue=letters');
    await add(manager, 'a', { queue: 'letters' });
    await add(manager, 'b');
    await until(() => first.frames.length === 1 && events.frames().length === 2);
    expect(first.frames).toEqual([events.frames()[0]]);
    first.socket.close();
    const second = await socketTo(server, `?lastEventId=${first.frames[0]!.id}`);
    await until(() => second.frames.length === 1);
    expect(second.frames).toEqual([events.frames()[1]]);
    const third = await socketTo(server, '?lastEventId=nonsense');
    await until(() => third.frames.length === 1);
    expect(third.frames).toMatchObject([{ kind: 'gap', action: 'refetch' }]);
  });

  test('whose other end no longer answers is cut off; one that answers is not', async () => {
    const { server, feed } = await open({ heartbeatMs: 50 });
    const live = await socketTo(server);
    const dead = await rawSocket(server);
    expect(feed.readers).toBe(2);
    await dead.closed;
    await until(() => feed.readers === 1);
    expect(live.socket.readyState).toBe(WebSocket.OPEN);
  });

  test.each([
    ['from a page elsewhere', 'origin: http://evil.example.test\r\n', '/api/events/ws', 403, 'ORIGIN_REFUSED'],
    ['with a filter that is none', '', '/api/events/ws?status=done', 400, 'INVALID_OPTION'],
  ])('%s is refused before it is one', async (_, headers, path, status, code) => {
    const { server, feed } = await open();
    const { head, closed } = await rawSocket(server, headers, path);
    expect(head).toContain(`HTTP/1.1 ${status} `);
    expect(head).toContain(`"code":"${code}"`);
    await closed;
    expect(feed.readers).toBe(0);
  });

  test('counts among the listeners, and makes room when it ends', async () => {
    const { server } = await open({ maxListeners: 1 });
    const { socket, closed } = await socketTo(server);
    const { head } = await rawSocket(server);
    expect(head).toMatch(/^HTTP\/1\.1 503 .*retry-after: 3.*LISTENERS_FULL/s);
    socket.close();
    await closed;
    await until(async () => {
      const { head } = await rawSocket(server);
      return head.startsWith('HTTP/1.1 101');
    });
  });

  test('of a page of the service itself is one', async () => {
    const { server } = await open();
    const { head } = await rawSocket(server, `origin: http://localhost\r\n`);
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
  });

  test('is no way around the other routes', async () => {
    const { server } = await open();
    expect((await rawSocket(server, 'connection: close\r\n', '/api/count')).head).toMatch(
      /^HTTP\/1\.1 200 .*"count":0/s,
    );
    const asked = await fetch(`${server.url}/api/events/ws`);
    expect([asked.status, ((await asked.json()) as { code: string }).code]).toEqual([400, 'BAD_REQUEST']);
  });

  test('ends with the service, which does not wait for it', async () => {
    const { server } = await open();
    const { closed } = await socketTo(server);
    const from = performance.now();
    await server.close();
    expect(await closed).toBe(1001);
    expect(performance.now() - from).toBeLessThan(3000);
  });
});
