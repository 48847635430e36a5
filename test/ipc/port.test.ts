/** The API over ports: between threads, between processes, and as Electron's main process serves its windows. */
import { fork } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { JobManager, job } from 'backline';
import { type AskEvent, processPort, serveMain, servePort } from 'backline/ipc';
import { exposePort } from 'backline/ipc/preload';
import { connect, connectPort, type PortClient } from 'backline/ipc/renderer';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Page, PageMessage } from '../../src/doors/ipc/channel.ts';

const jobs = {
  double: job({ run: async (n: number) => 2 * n }),
  steps: job({
    run: async (_: null, ctx) => {
      for (const percent of [25, 50, 75]) ctx.progress(percent);
      return { at: new Date(0) };
    },
  }),
  fail: job({
    maxAttempts: 1,
    run: async () => {
      throw new TypeError('no luck');
    },
  }),
};

const methods = {
  add: (a: number, b: number) => a + b,
  whenOf: async (at: Date) => at.getTime(),
  complain: () => {
    throw new TypeError('the password is hunter2');
  },
};

let manager: JobManager<typeof jobs>;

beforeEach(async () => {
  manager = new JobManager(':memory:', { jobs, logger: false, handleSignals: false, progressUpdateInterval: 0 });
  await manager.start();
});

afterEach(() => manager.close());

describe('between two threads', () => {
  let client: PortClient<typeof methods>;
  let far: MessagePort;
  const unexpected: unknown[] = [];

  beforeEach(() => {
    const { port1, port2 } = new MessageChannel();
    far = port1;
    servePort(manager as JobManager, port1, { methods, onUnexpected: (error) => unexpected.push(error) });
    client = connectPort<typeof methods>(port2);
  });

  afterEach(() => client.close());

  test('a job is handed in, and its result waited for', async () => {
    const { id } = await client.jobs.enqueue({ type: 'double', payload: 21 });
    expect(await client.jobs.result({ id })).toEqual({ id, result: 42 });
    expect(await client.jobs.get({ id })).toMatchObject({
      status: 'completed',
      createdAt: expect.stringMatching(/Z$/),
    });
  });

  test('errors are the errors that the library throws', async () => {
    await expect(client.jobs.get({ id: 'nobody' })).rejects.toMatchObject({
      ...{ name: 'BacklineError', code: 'JOB_NOT_FOUND', field: 'id' },
    });
    await expect(client.jobs.enqueue({ type: 'double', options: { priority: 99 } })).rejects.toMatchObject({
      ...{ code: 'INVALID_OPTION', field: 'options.priority', found: '99' },
    });
  });

  test('a request with a key is carried out once', async () => {
    const send = () => client.jobs.enqueue({ type: 'double', payload: 1 }, { context: { idempotencyKey: 'k' } });
    expect(await send()).toEqual(await send());
    expect(await manager.count()).toBe(1);
    const other = client.jobs.enqueue({ type: 'double', payload: 2 }, { context: { idempotencyKey: 'k' } });
    await expect(other).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('events of jobs are forwarded, in order, none is missed, and their end is heard', async () => {
    const heard: unknown[] = [];
    const endings = await Promise.all([
      client.on('job-status-changed', ({ status }) => heard.push(status)),
      client.on('job-progress', ({ progress }) => heard.push(progress)),
      client.on('job-completed', ({ jobId, result }) => heard.push({ jobId, result })),
    ]);
    const { id } = await client.jobs.enqueue({ type: 'steps', payload: null });
    await vi.waitFor(() => expect(heard).toContainEqual({ jobId: id, result: { at: '1970-01-01T00:00:00.000Z' } }));
    expect(heard.filter((one) => typeof one === 'string')).toEqual(['created', 'queued', 'running', 'completed']);
    const percents = heard.filter((one) => typeof one === 'number');
    expect(percents).toEqual([...percents].sort((a, b) => a - b));
    for (const end of endings) end();
    const before = heard.length;
    const { id: next } = await client.jobs.enqueue({ type: 'double', payload: 1 });
    await client.jobs.result({ id: next });
    expect(heard).toHaveLength(before);
  });

  test('ten thousand events arrive, whoever listens slowly', async () => {
    const ids: string[] = [];
    await client.on('job-removed', ({ jobId }) => ids.push(jobId));
    const many = Array.from({ length: 5000 }, (_, i) => ({
      type: 'double' as const,
      options: { id: `r-${i}`, delay: '1h' },
    }));
    await manager.enqueueMany(many);
    await manager.removeAll({ all: true });
    await vi.waitFor(() => expect(ids).toHaveLength(5000), { timeout: 20_000 });
    expect(new Set(ids).size).toBe(5000);
  });

  test('an event that does not exist is refused', async () => {
    await expect(client.on('job-exploded' as never, () => {})).rejects.toMatchObject({
      ...{ code: 'INVALID_OPTION', field: 'event', found: '"job-exploded"' },
    });
  });

  test('methods of the application are called with what they are given', async () => {
    expect(await client.call('add', 1, 2)).toBe(3);
    expect(await client.call('whenOf', new Date(5))).toBe(5);
  });

  test.each(['nothing', 'toString', 'constructor', '__proto__'])('the method %s is none', async (name) => {
    await expect(client.call(name as 'add', 1, 2)).rejects.toMatchObject({ code: 'UNKNOWN_OPTION', found: name });
  });

  test('what a method throws that is not ours stays inside', async () => {
    unexpected.length = 0;
    const error = await client.call('complain').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'UNEXPECTED' });
    expect(JSON.stringify(error) + String(error)).not.toMatch(/hunter2/);
    expect(unexpected).toMatchObject([{ message: 'the password is hunter2' }]);
  });

  test('a port that closes ends the calls that wait', async () => {
    const { id } = await client.jobs.enqueue({ type: 'double', payload: 1, options: { delay: '1h' } });
    const waiting = client.jobs.result({ id, timeoutMs: 60_000 }).catch((error: unknown) => error);
    await client.jobs.count({});
    far.close();
    expect(await waiting).toMatchObject({ code: 'PORT_CLOSED' });
  });

  test('a call that is given up says so, and the port goes on', async () => {
    const { id } = await client.jobs.enqueue({ type: 'double', payload: 1, options: { delay: '1h' } });
    const controller = new AbortController();
    const waiting = client.jobs
      .result({ id, timeoutMs: 60_000 }, { signal: controller.signal })
      .catch((error: unknown) => error);
    await client.jobs.count({});
    controller.abort();
    expect(await waiting).toBeInstanceOf(Error);
    expect(await client.jobs.count({})).toEqual({ count: 1 });
  });

  const garbage: unknown[] = [
    ...['text', '{"i":1', null, 42, { garbage: true }, new Uint8Array(3), '{}', '{"i":"x1"}'],
    ...['{"i":"x1","p":{"u":"no path"}}', '{"i":"x1","p":{"u":"/x","h":{"content-type":"multipart/form-data"}}}'],
    ...['{"i":"x1","p":{"u":"/jobs/get","b":5}}', '{"i":"x1","p":{"u":"/jobs/get","b":{"json":{},"meta":[[99,"a"]]}}}'],
    ...['{"i":"x9","t":3,"p":{"e":"message"}}', '{"i":"x9","t":4}', '{"i":"x9","t":7,"p":{}}'],
    ...['{"i":"x2","p":{"u":"/nothing"}}', '{"i":"x3","p":{"u":"/jobs/get","m":"GET"}}'],
    ...['{"i":"x4","p":{"u":"/%","b":null}}', `{"i":"x5","p":{"u":"/${'x'.repeat(99_999)}"}}`],
  ];

  test.each(garbage.map((one) => [JSON.stringify(one).slice(0, 70), one] as const))(
    'garbage (%s) does not break the port',
    async (_, garbage) => {
      const { port1, port2 } = new MessageChannel();
      const faults: unknown[] = [];
      const onFault = (error: unknown) => faults.push(error);
      process.on('unhandledRejection', onFault);
      try {
        servePort(manager as JobManager, port1);
        port2.postMessage(garbage);
        const other = connectPort(port2);
        expect(await other.jobs.count({})).toEqual({ count: 0 });
        other.close();
        expect(faults).toEqual([]);
      } finally {
        process.off('unhandledRejection', onFault);
      }
    },
  );
});

test('a caller that is bound hears of its own jobs alone', async () => {
  const { port1, port2 } = new MessageChannel();
  const caller = { id: 'ada', name: 'Ada', scope: 'admin', queues: null, tenants: ['ada'] } as const;
  const served = servePort(manager as JobManager, port1, { methods, caller });
  const client = connectPort<typeof methods>(port2);
  try {
    await expect(client.on('job-completed', () => {})).rejects.toMatchObject({ code: 'BEYOND_REACH' });
    const heard: string[] = [];
    const ends = new AbortController();
    const frames = await client.events.watch({ kind: ['job'] }, { signal: ends.signal });
    const watching = (async () => {
      for await (const frame of frames) if (frame.kind === 'job') heard.push(frame.jobId);
    })().catch(() => {});
    await manager.enqueue('double', 1, { id: 'theirs', tenant: 'bob' });
    await manager.enqueue('double', 1, { id: 'mine', tenant: 'ada' });
    await vi.waitUntil(() => heard.includes('mine'), { timeout: 10_000 });
    expect(new Set(heard)).toEqual(new Set(['mine']));
    ends.abort();
    await watching;
  } finally {
    client.close();
    served.close();
  }
});

test('a caller with less than it takes is refused, by every way', async () => {
  const { port1, port2 } = new MessageChannel();
  const caller = { id: 'viewer', name: 'a viewer', scope: 'read', queues: null, tenants: null } as const;
  servePort(manager as JobManager, port1, { methods, caller });
  const client = connectPort<typeof methods>(port2);
  const { id } = await manager.enqueue('double', 1, { delay: '1h' });
  expect(await client.jobs.get({ id })).toMatchObject({ allowed: [] });
  for (const refused of [client.jobs.cancel({ id }), client.jobs.enqueue({ type: 'double' }), client.call('add', 1, 2)])
    await expect(refused).rejects.toMatchObject({ code: 'NOT_PERMITTED', found: 'read' });
  expect(await manager.get(id)).toMatchObject({ status: 'queued' });
  client.close();
});

describe('between two processes', () => {
  test.each(['json', 'advanced'] as const)('the manager may live in a child (%s)', async (serialization) => {
    const child = fork(fileURLToPath(new URL('./fork-child.ts', import.meta.url)), {
      serialization,
      execArgv: ['--conditions=backline-source'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    try {
      await once(child, 'message');
      const client = connectPort<{ whoAreYou: () => number }>(processPort(child));
      const completed = new Promise(
        (resolve) =>
          void client.on('job-completed', resolve).then(async () => {
            await client.jobs.enqueue({ type: 'double', payload: 4, options: { id: 'four' } });
          }),
      );
      expect(await completed).toMatchObject({ jobId: 'four', result: 8 });
      expect(await client.call('whoAreYou')).toBe(child.pid);
      const waiting = client.jobs.result({ id: 'no-such', timeoutMs: 1 }).catch((error: unknown) => error);
      expect(await waiting).toMatchObject({ code: 'JOB_NOT_FOUND' });
      const held = await client.jobs.enqueue({ type: 'double', payload: 1, options: { held: true } });
      const lost = client.jobs.result({ id: held.id, timeoutMs: 60_000 }).catch((error: unknown) => error);
      await client.jobs.count({});
      child.kill('SIGKILL');
      expect(await lost).toMatchObject({ code: 'PORT_CLOSED' });
    } finally {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  });
});

/** What Electron has in a window's page and between its processes, as far as we use it. */
class Wires implements Page {
  readonly ipcMain = new EventEmitter();
  readonly #listeners = new Set<(event: PageMessage) => void>();
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  readonly ipcRenderer = {
    postMessage: (channel: string, _: unknown, ports: unknown[]) => {
      const event = { ports, senderFrame: { url: this.#url } } as AskEvent;
      setImmediate(() => this.ipcMain.emit(channel, event));
    },
  };

  addEventListener(_: 'message', listener: (event: PageMessage) => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_: 'message', listener: (event: PageMessage) => void): void {
    this.#listeners.delete(listener);
  }

  postMessage(data: unknown, _: string, ports: PageMessage['ports'] = []): void {
    this.say({ source: this, data, ports });
  }

  say(event: PageMessage): void {
    setImmediate(() => {
      for (const listener of [...this.#listeners]) listener(event);
    });
  }
}

describe('a window', () => {
  const allow = (url: string) => url.startsWith('app://dj/');

  test('that is allowed gets a port, and several may', async () => {
    const wires = new Wires('app://dj/index.html');
    const server = serveMain(manager as JobManager, wires.ipcMain, { allow, methods });
    exposePort(wires.ipcRenderer, wires);
    const clients = await Promise.all([connect<typeof methods>({ page: wires }), connect({ page: wires })]);
    for (const client of clients) expect(await client.jobs.count({})).toEqual({ count: 0 });
    expect(await clients[0].call('add', 1, 1)).toBe(2);
    server.close();
    await expect(
      connect({ page: wires, timeoutMs: 50 }).then((late) => late.jobs.count({}, { signal: AbortSignal.timeout(200) })),
    ).rejects.toThrow();
    for (const client of clients) client.close();
  });

  test('that shows a page from elsewhere gets a port that is closed', async () => {
    const wires = new Wires('https://elsewhere.example.test/');
    const server = serveMain(manager as JobManager, wires.ipcMain, { allow });
    exposePort(wires.ipcRenderer, wires);
    const client = await connect({ page: wires });
    await expect(client.jobs.enqueue({ type: 'double' })).rejects.toMatchObject({ code: 'PORT_CLOSED' });
    expect(await manager.count()).toBe(0);
    server.close();
  });

  test('whose frames ask does not answer them', async () => {
    const wires = new Wires('app://dj/index.html');
    const asked = vi.fn();
    wires.ipcMain.on('backline:connect', asked);
    exposePort(wires.ipcRenderer, wires);
    wires.say({ source: 'a frame', data: { kind: 'backline:connect', id: '1' }, ports: [] });
    await expect(connect({ page: { ...frameOf(wires) }, timeoutMs: 50 })).rejects.toMatchObject({ code: 'NO_PORT' });
    expect(asked).not.toHaveBeenCalled();
  });
});

/** A page whose messages come from a frame, as the preload script sees them. */
const frameOf = (wires: Wires): Page => ({
  addEventListener: (type, listener) => wires.addEventListener(type, listener),
  removeEventListener: (type, listener) => wires.removeEventListener(type, listener),
  postMessage: (data) => wires.say({ source: 'a frame', data, ports: [] }),
});
