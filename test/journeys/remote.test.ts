/** The command line against a service elsewhere: the same words, the same answers, whether a database or a service is named. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG, type Ended, Folder, type Line, linesOf, type Running } from './command-line.ts';

let folder: Folder;
/** A folder without a database: what works here works through the API. */
let elsewhere: Folder;
let service: Running;
let url = '';

beforeAll(async () => {
  folder = new Folder();
  elsewhere = new Folder();
  folder.write('backline.config.ts', CONFIG);
  service = folder.start(['start', '--port', '0', '--json', '--process-id', 'far-away']);
  await service.says(/"kind":"started"/);
  url = String(linesOf(service.stdout).find(({ kind }) => kind === 'started')!['url']);
});

afterAll(async () => {
  await folder.remove();
  await elsewhere.remove();
});

const far = (...args: string[]): Promise<Ended> => elsewhere.run([...args, '--url', url, '--json']);

const ask = async (...args: string[]): Promise<Line[]> => {
  const { code, stdout, stderr } = await far(...args);
  expect(code === 0 ? '' : stderr).toBe('');
  return linesOf(stdout);
};

const errorOf = ({ stderr }: Ended) => linesOf(stderr).find(({ kind }) => kind === 'error');

describe('with --url', () => {
  test('a job is handed in, and its result waited for', async () => {
    const lines = await ask('add', 'sum', '{"a":40,"b":2}', '--wait', '--tag', 'first', '--queue', 'letters');
    expect(lines).toMatchObject([{ kind: 'added', outcome: 'inserted' }, { kind: 'result' }]);
    const id = String(lines[0]!['id']);
    const near = await folder.ask('jobs', 'show', id);
    expect(await ask('jobs', 'show', id)).toEqual(near);
    expect(near[0]).toMatchObject({
      queue: 'letters',
      tags: ['first'],
      status: 'completed',
      result: 42,
    });
  });

  test('why a job does not run is explained the same', async () => {
    const id = String((await ask('add', 'sum', '{"a":1,"b":2}', '--in', '1h'))[0]!['id']);
    const [{ at, ...here }, { at: _, ...there }] = [await folder.ask('explain', id), await ask('explain', id)].map(
      ([line]) => line!,
    ) as [Line, Line];
    expect(at).toMatch(/Z$/);
    expect(there).toEqual(here);
    expect(there).toMatchObject({ reasons: [{ code: 'delayed', runAt: expect.stringMatching(/Z$/) }] });
    expect(errorOf(await far('explain', 'nobody'))).toMatchObject({ code: 'JOB_NOT_FOUND' });
    await ask('jobs', 'cancel', id);
    await ask('jobs', 'rm', id);
  });

  test('many jobs are handed in at once', async () => {
    const { code, stdout } = await elsewhere.run(['add', 'sum', '--many', '--json'], {
      env: { BACKLINE_URL: url },
      input: '{"a":1,"b":1}\n{"a":2,"b":2}\n{"a":3,"b":3}\n',
    });
    expect(code).toBe(0);
    expect(linesOf(stdout)).toHaveLength(3);
  });

  test('lists, figures and filters say what the database says', async () => {
    await ask(
      'add',
      'sum',
      '{"a":1,"b":1,"user":{"id":42,"name":"Ada \\"L\\""}}',
      '--in',
      '1h',
      '--queue',
      'later',
      '--id',
      'later-1',
    );
    for (const args of [
      ['jobs', 'ls', '--where', 'queue:later,letters since:1h'],
      ['jobs', 'ls', '--where', 'payload.user.id:42 payload.user.name:"Ada \\"L\\""'],
      ['jobs', 'ls', '--all', '--order', 'oldest'],
      ['queues', 'ls'],
    ])
      expect(await ask(...args)).toEqual(await folder.ask(...args));
    expect(await ask('workers', 'ls')).toMatchObject([{ name: 'far-away', running: 0 }]);
    expect(await ask('status')).toMatchObject([{ kind: 'status', workers: 1, byType: { sum: {} } }]);
  });

  test('jobs are changed, one by one and by filter', async () => {
    expect(
      await ask('jobs', 'edit', 'later-1', '--priority', '2', '--at', '2100-01-01T00:00:00Z', '--hold'),
    ).toMatchObject([{ outcome: 'changed' }]);
    expect(await ask('jobs', 'show', 'later-1')).toMatchObject([
      { priority: 2, runAt: '2100-01-01T00:00:00.000Z', status: 'created', held: true },
    ]);
    expect(await ask('jobs', 'cancel', 'later-1', '--reason', 'no longer wanted')).toMatchObject([
      { outcome: 'cancelled' },
    ]);
    expect(await ask('jobs', 'retry', '--where', 'status:cancelled', '--dry-run')).toMatchObject([
      { ready: 1, done: 0 },
    ]);
    expect(await ask('jobs', 'retry', '--where', 'status:cancelled', '--yes')).toMatchObject([{ done: 1 }]);
    await ask('status', '--wait-empty');
    const again = await far('jobs', 'retry', 'later-1');
    expect(again.code).toBe(6);
    expect(errorOf(again)).toMatchObject({ code: 'NOT_ALLOWED_NOW' });
    expect(await ask('jobs', 'rm', 'later-1')).toMatchObject([{ outcome: 'removed' }]);
    expect(await far('jobs', 'show', 'later-1')).toMatchObject({ code: 5 });
  });

  test('queues are paused, resumed and limited', async () => {
    await ask('queues', 'pause', 'letters', '--reason', 'too many', '--until', '2100-01-01T00:00:00Z');
    await ask('queues', 'limit', 'letters', '3');
    const [queue] = (await folder.ask('queues', 'ls')).filter(({ name }) => name === 'letters');
    expect(queue).toMatchObject({
      paused: true,
      pausedReason: 'too many',
      pausedUntil: '2100-01-01T00:00:00.000Z',
      maxRunning: 3,
    });
    await ask('queues', 'resume', 'letters');
    await ask('queues', 'limit', 'letters', 'none');
    const [free] = (await ask('queues', 'ls')).filter(({ name }) => name === 'letters');
    expect(free).toMatchObject({ paused: false, maxRunning: null });
  });

  test('schedules are made, shown, changed, paused, run and removed', async () => {
    const made = (
      await ask('schedules', 'add', 'far', '--type', 'sum', '--payload', '{"a":1,"b":2}', '--cron', '30 2 * * *')
    )[0]!;
    expect(made).toMatchObject({ kind: 'added', source: 'api', version: 1, payload: { a: 1, b: 2 } });
    await ask('schedules', 'edit', 'far', '--every', '1h', '--start', '2100-01-01T00:00:00Z', '--tag', 'x');
    await ask('schedules', 'add', 'once', '--type', 'sum', '--at', '2100-01-01T09:00:00+01:00');
    await ask('schedules', 'pause', 'far', '--reason', 'quiet', '--until', '2h');
    const { id } = (await ask('schedules', 'run', 'far'))[0]!;
    for (const args of [
      ['schedules', 'ls'],
      ['schedules', 'ls', '--paused'],
      ['schedules', 'show', 'far'],
      ['schedules', 'next', 'once'],
      ['schedules', 'next', 'far', '--count', '3'],
      ['schedules', 'history', 'far'],
    ]) {
      const [there, here] = await Promise.all([ask(...args), folder.ask(...args)]);
      expect(there).toEqual(here);
    }
    expect(await ask('schedules', 'show', 'far')).toMatchObject([
      {
        trigger: { kind: 'interval', everyMs: 3_600_000 },
        ...{ pause: { reason: 'quiet', actor: 'this machine' }, job: { tags: ['x'] }, counts: { byHand: 1 } },
      },
    ]);
    expect((await ask('jobs', 'show', String(id)))[0]).toMatchObject({ scheduleId: 'far', type: 'sum' });
    expect(await ask('schedules', 'resume', 'far')).toMatchObject([{ pause: null }]);
    expect(await ask('schedules', 'rm', 'far', '--yes')).toEqual([{ v: 1, kind: 'removed', id: 'far' }]);
    await ask('schedules', 'rm', 'once', '--yes');
    expect((await far('schedules', 'ls')).stdout).toBe('');
    // More than twenty programs, one after the other.
  }, 120_000);

  test('what is wrong is refused with the same code and exit code as here', async () => {
    for (const args of [
      ['add', 'nobody-knows-it'],
      ['add', 'sum', '--priority', '99'],
      ['jobs', 'ls', '--where', 'staus:failed'],
      ['jobs', 'cancel', 'no-such-job'],
      ['jobs', 'edit', 'no-such-job', '--priority', '1'],
      ['logs', 'no-such-job'],
      ['schedules', 'show', 'no-such-schedule'],
      ['schedules', 'rm', 'no-such-schedule', '--yes'],
      ['schedules', 'add', 'a', '--type', 'sum', '--cron', '0 0 30 2 *'],
      ['schedules', 'add', 'a', '--type', 'sum', '--every', '1h', '--tz', 'CEST'],
      ['schedules', 'add', 'a', '--type', 'nobody-knows-it', '--every', '1h'],
    ]) {
      const [there, here] = await Promise.all([far(...args), folder.run([...args, '--json'])]);
      expect([args, there.code, errorOf(there)?.['code']]).toEqual([args, here.code, errorOf(here)?.['code']]);
    }
  }, 120_000);
});

describe('what cannot be done elsewhere', () => {
  test('tail tells what happens there, and ends when it is told to', async () => {
    const tail = elsewhere.start(['tail', '--url', url, '--json', '--where', 'type:sum tag:followed']);
    await tail.says(/Listening/);
    await ask('add', 'sum', '{"a":1,"b":1}', '--tag', 'other');
    const [{ id }] = (await ask('add', 'sum', '{"a":1,"b":2}', '--tag', 'followed')) as [Line];
    await tail.says(/"status":"completed"/);
    const { code, stdout } = await tail.end('SIGINT');
    expect(code).toBe(130);
    const events = linesOf(stdout);
    expect(events.every(({ jobId }) => jobId === id)).toBe(true);
    expect(events.at(-1)).toMatchObject({
      kind: 'event',
      event: 'job-status-changed',
      type: 'sum',
      status: 'completed',
    });
    // Three programs, one after the other.
  }, 120_000);

  test.each(['migrate', 'check', 'doctor', 'start', 'work', 'config'])(
    '%s says that it needs the database',
    async (command) => {
      const ended = await elsewhere.run([command, '--url', url, '--json']);
      expect(ended.code).toBe(2);
      expect(errorOf(ended)).toMatchObject({
        code: 'NEEDS_DATABASE',
        message: expect.stringContaining(`backline ${command}`),
      });
    },
  );

  test('a variable does not make a command work on another database than was meant', async () => {
    expect((await elsewhere.run(['check'], { env: { BACKLINE_URL: url } })).code).toBe(2);
    expect(
      (await folder.run(['status', '--database', 'data/backline.db'], { env: { BACKLINE_URL: 'http://127.0.0.1:9' } }))
        .code,
    ).toBe(0);
    expect((await elsewhere.run(['config'], { env: { BACKLINE_URL: url } })).code).toBe(0);
  });

  test('a service and a database exclude each other', async () => {
    const ended = await far('status', '--database', 'x.db');
    expect(ended.code).toBe(2);
    expect(errorOf(ended)).toMatchObject({ code: 'USAGE' });
  });

  test('nothing that listens', async () => {
    const ended = await elsewhere.run(['status', '--json', '--url', 'http://127.0.0.1:9']);
    expect(ended.code).toBe(3);
    expect(errorOf(ended)).toMatchObject({ code: 'API_UNREACHABLE', found: 'http://127.0.0.1:9' });
  });

  test.each(['file:///etc/passwd', 'localhost', ''])('%j is no address', async (address) => {
    const ended = await elsewhere.run(['status', '--json', `--url=${address}`]);
    expect(errorOf(ended)).toMatchObject({ code: 'API_UNREACHABLE' });
  });

  test.each([
    [200, 'text/html', '<h1>Hello</h1>'],
    [404, 'text/html', 'nothing here'],
    [500, 'application/json', '{"error":"no"}'],
    [302, 'text/plain', ''],
  ])('another program that answers %d with %s', async (status, type, body) => {
    const other = createServer((_, response) =>
      response.writeHead(status, { 'content-type': type, location: url }).end(body),
    );
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const ended = await elsewhere.run([
        'status',
        '--json',
        '--url',
        `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
      ]);
      expect(ended.code).toBe(3);
      expect(errorOf(ended)).toMatchObject({ code: 'NOT_OUR_API' });
    } finally {
      other.close();
      other.closeAllConnections();
    }
  });
});
