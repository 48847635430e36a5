/** Uploads over real sockets: streamed to the disk, announced as a job file, and nothing left of what was not finished. */
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import {
  type JobManager,
  JobScheduler,
  job,
  type RunningServer,
  type ServerOptions,
  startServer,
  Uploads,
  type UploadsOptions,
} from 'backline';
import { createClient } from 'backline/client';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshFolder, startManager } from '../managers.ts';
import { until } from '../wait.ts';

const jobs = {
  catalog: job({
    run: async ({ catalog_path }: { catalog_path: string }) => ({ size: readFileSync(catalog_path).length }),
  }),
};

const open = async (options: UploadsOptions = {}, served: Partial<ServerOptions> = {}) => {
  const root = freshFolder();
  const [folder, jobsDir] = [join(root, 'uploads/catalogs'), join(root, 'jobs')];
  const manager = (await startManager({ jobs })) as unknown as JobManager;
  const uploads = new Uploads({ folder, jobsDir, ...options });
  await uploads.start();
  const unexpected: unknown[] = [];
  const server = await startServer(manager, {
    host: '127.0.0.1',
    port: 0,
    uploads,
    onUnexpected: (error) => unexpected.push(error),
    ...served,
  });
  onTestFinished(async () => {
    await server.close();
    expect(unexpected).toEqual([]);
  });
  const files = () => readdirSync(folder);
  const jobFiles = () => (existsSync(jobsDir) ? readdirSync(jobsDir) : []);
  return { manager, server, uploads, folder, jobsDir, files, jobFiles };
};

const form = (
  fields: Record<string, string>,
  ...files: [name: string, content: string | Uint8Array<ArrayBuffer>][]
): FormData => {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  for (const [name, content] of files) data.append('file', new Blob([content]), name);
  return data;
};

const post = async (
  server: RunningServer,
  body: FormData | string,
  query = '',
  headers: Record<string, string> = {},
) => {
  const response = await fetch(`${server.url}/api/uploads${query}`, { method: 'POST', body, headers });
  // biome-ignore lint/suspicious/noExplicitAny: an answer or a problem
  return { status: response.status, ...((await response.json()) as any) };
};

/** A form that is written byte for byte. */
const raw = (server: RunningServer, query: string, body: string, length: number, headers = ''): Socket => {
  const socket = connect(server.port, '127.0.0.1').on('error', () => {});
  socket.write(
    `POST /api/uploads${query} HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=XX\r\ncontent-length: ${length}\r\n${headers}\r\n${body}`,
  );
  onTestFinished(() => void socket.destroy());
  return socket;
};

const START = '--XX\r\ncontent-disposition: form-data; name="file"; filename="half.csv"\r\n\r\n';

const heardOf = (socket: Socket): (() => string) => {
  let heard = '';
  socket.on('data', (data) => {
    heard += String(data);
  });
  return () => heard;
};

describe('an upload', () => {
  test('is stored as it came, and its job file says where; then its status follows the job', async () => {
    const { manager, server, folder, jobsDir, files, jobFiles } = await open();
    const content = Buffer.from(Array.from({ length: 100_000 }, (_, i) => i % 256));
    const answer = await post(server, form({ audio_base_path: '/music' }, ['Katalog.csv', content]), '?id=one');
    expect(answer).toMatchObject({
      status: null,
      id: 'one',
      name: 'Katalog.csv',
      state: 'received',
      bytesReceived: 100_000,
      problem: null,
    });
    expect(files()).toEqual(['one_Katalog.csv']);
    expect(readFileSync(join(folder, 'one_Katalog.csv')).equals(content)).toBe(true);
    expect(jobFiles()).toEqual(['one.job']);
    expect(JSON.parse(readFileSync(join(jobsDir, 'one.job'), 'utf8'))).toEqual({
      ...{ catalog_path: join(folder, 'one_Katalog.csv'), audio_base_path: '/music', submitted_at: expect.any(Number) },
    });
    // Nothing was done with it here.
    expect(await manager.count()).toBe(0);
    const scheduler = new JobScheduler(manager, { jobsDir, jobType: 'catalog', pollInterval: 20, settle: 0 });
    await scheduler.start();
    onTestFinished(() => scheduler.close());
    const client = createClient({ url: server.url });
    await until(async () => (await client.uploads.get({ id: 'one' })).state === 'completed');
    expect(await client.uploads.get({ id: 'one' })).toMatchObject({
      status: { result: { size: 100_000 }, progress: 100 },
    });
    expect((await client.uploads.list()).uploads).toMatchObject([{ id: 'one', state: 'completed' }]);
  });

  test('gets an id if it has none, and files of one name do not meet', async () => {
    const { server, files, jobFiles } = await open();
    const answers = await Promise.all([1, 2, 3].map((n) => post(server, form({}, ['same.csv', `x${n}`]))));
    expect(new Set(answers.map(({ id }) => id)).size).toBe(3);
    expect(files()).toHaveLength(3);
    expect(jobFiles().sort()).toEqual(answers.map(({ id }) => `${id}.job`).sort());
  });

  test('is still known after a restart, from what lies there', async () => {
    const { server, folder, jobsDir } = await open();
    await post(server, form({}, ['a.csv', 'abc']), '?id=one');
    const later = new Uploads({ folder, jobsDir });
    await later.start();
    expect(await later.get('one')).toMatchObject({ name: 'a.csv', state: 'received', bytesReceived: 3 });
    expect(await later.list(10)).toHaveLength(1);
    await expect(later.begin({ id: 'one', name: 'b.csv', bytesExpected: null })).rejects.toMatchObject({
      code: 'UPLOAD_EXISTS',
    });
  });

  test('shows what its status file says, whoever writes it, and stays a job file while nobody takes it', async () => {
    const { server, jobsDir, jobFiles } = await open();
    const ask = async (id: string) => (await fetch(`${server.url}/api/uploads/${id}`)).json();
    await post(server, form({}, ['a.csv', 'abc']), '?id=one');
    for (const id of ['one', 'by-hand'])
      for (const status of [
        { status: 'running', start_time: 1_769_817_600.5, progress: 7 },
        {
          status: 'completed',
          start_time: 1_769_817_600.5,
          end_time: 1_769_817_700,
          progress: 100,
          result: { rows: 3 },
        },
      ]) {
        writeFileSync(join(jobsDir, `${id}.status`), JSON.stringify(status));
        expect(await ask(id)).toMatchObject({ id, state: status.status, status });
      }
    expect(await ask('by-hand')).toMatchObject({ name: 'by-hand.job', startedAt: '2026-01-31T00:00:00.500Z' });
    for (const garbage of ['[]', '{', '{"status":"odd"}', '{"status":"failed","start_time":"x"}']) {
      writeFileSync(join(jobsDir, 'one.status'), garbage);
      expect(await ask('one')).toMatchObject({ state: 'received', status: null });
    }
    expect(jobFiles()).toContain('one.job');
  });

  test('for which there is no room is refused before it begins', async () => {
    const { server, files } = await open({ keepFreeBytes: 2 ** 60 });
    expect(await post(server, form({}, ['a.csv', 'x']))).toMatchObject({ status: 507, code: 'UPLOAD_NO_SPACE' });
    expect(files()).toEqual([]);
  });

  test('of a page elsewhere is refused', async () => {
    const { server } = await open();
    const answer = await post(server, form({}, ['a.csv', 'x']), '', { origin: 'http://evil.example.test' });
    expect(answer).toMatchObject({ status: 403, code: 'ORIGIN_REFUSED' });
  });

  test('is refused where none are taken', async () => {
    const { server } = await open({}, { uploads: undefined as never });
    expect((await fetch(`${server.url}/api/uploads`)).status).toBe(409);
    expect((await post(server, form({}, ['a.csv', 'x']))).status).toBeGreaterThanOrEqual(400);
  });

  test('shows how far it is, and that it was cut when its sender goes; then the id is free again', async () => {
    const { server, uploads, files, jobFiles } = await open();
    const socket = raw(server, '?id=half', `${START}${'x'.repeat(5000)}`, 1_000_000);
    await until(async () => (await uploads.get('half').catch(() => null))?.bytesReceived);
    expect(await uploads.get('half')).toMatchObject({ state: 'receiving', name: 'half.csv', bytesExpected: 1_000_000 });
    expect(await post(server, form({}, ['a.csv', 'x']), '?id=half')).toMatchObject({ code: 'UPLOAD_EXISTS' });
    socket.destroy();
    await until(async () => (await uploads.get('half')).state === 'cut');
    expect((await uploads.get('half')).problem).toMatchObject({ code: 'BAD_REQUEST' });
    await until(() => files().length === 0);
    expect(jobFiles()).toEqual([]);
    expect(await post(server, form({}, ['a.csv', 'x']), '?id=half')).toMatchObject({ state: 'received' });
  });

  test.each([
    ['nothing', ''],
    ['next to nothing', 'x'],
  ])('of which %s comes any more is cut, and its sender is told', async (_, drip) => {
    const { server, uploads, files } = await open({}, { uploadIdleMs: 200 });
    const socket = raw(server, '?id=slow', START, 1_000_000);
    const heard = heardOf(socket);
    const timer = setInterval(() => drip && socket.write(drip), 20);
    await once(socket, 'close');
    clearInterval(timer);
    expect(heard()).toMatch(/^HTTP\/1\.1 408 .*UPLOAD_TOO_SLOW/s);
    expect(await uploads.get('slow').catch(() => ({ state: 'none' }))).toMatchObject({
      state: expect.stringMatching(/cut|none/),
    });
    expect(files()).toEqual([]);
  });

  test('is one of so many at once', async () => {
    const { server, uploads } = await open({ maxAtOnce: 2 });
    const sockets = ['a', 'b'].map((id) => raw(server, `?id=${id}`, `${START}xyz`, 1_000_000));
    await until(async () => (await uploads.list(10)).length === 2);
    expect(await post(server, form({}, ['a.csv', 'x']))).toMatchObject({ status: 429, code: 'TOO_MANY_UPLOADS' });
    for (const socket of sockets) socket.destroy();
    await until(async () => (await post(server, form({}, ['a.csv', 'x']))).state === 'received');
  });

  test('is cut when the service stops, which does not wait for it', async () => {
    const { server, uploads, files } = await open();
    const socket = raw(server, '?id=half', `${START}xyz`, 1_000_000);
    await until(async () => (await uploads.list(10)).length === 1);
    const from = performance.now();
    await server.close();
    expect(performance.now() - from).toBeLessThan(3000);
    await until(async () => (await uploads.get('half')).state === 'cut');
    expect((await uploads.get('half')).problem).toMatchObject({ code: 'DOOR_CLOSING' });
    await until(() => files().length === 0);
    socket.destroy();
  });
});
