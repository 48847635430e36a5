/** A service in a process of its own: what a large upload costs it, and what is left when it is killed in the middle of one. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { Uploads } from 'backline';
import { expect, onTestFinished, test } from 'vitest';
import { freshFolder } from '../managers.ts';
import { ROOT } from '../source-scan.ts';
import { until } from '../wait.ts';

/** `BACKLINE_TEST_UPLOAD_MB=1024` sends a gigabyte. */
const SIZE_MB = Number(process.env['BACKLINE_TEST_UPLOAD_MB'] ?? 256);
const MB = 2 ** 20;

const start = async (folder: string, jobsDir: string): Promise<{ child: ChildProcess; port: number }> => {
  const child = fork(join(ROOT, 'test/programs/upload-service.ts'), [folder, jobsDir], { stdio: 'inherit' });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { child, port };
};

const folders = () => {
  const root = freshFolder();
  return { folder: join(root, 'uploads'), jobsDir: join(root, 'jobs') };
};

const peakOf = async (child: ChildProcess): Promise<number> => {
  const answer = once(child, 'message');
  child.send('peak');
  const [{ peakBytes }] = (await answer) as [{ peakBytes: number }];
  return peakBytes;
};

/** Sends a form with so much of a file, a megabyte at a time; `end` completes it. */
const send = (port: number, id: string) => {
  const posting = request({
    ...{ host: '127.0.0.1', port, path: `/api/uploads?id=${id}`, method: 'POST' },
    headers: { 'content-type': 'multipart/form-data; boundary=XX' },
  });
  posting.on('error', () => {});
  posting.write('--XX\r\ncontent-disposition: form-data; name="file"; filename="big.csv"\r\n\r\n');
  const chunk = Buffer.alloc(MB, 'some text of a catalog\n');
  return {
    posting,
    more: async (megabytes: number): Promise<void> => {
      for (let i = 0; i < megabytes; i++) if (!posting.write(chunk)) await once(posting, 'drain');
    },
    end: async (): Promise<number> => {
      posting.end('\r\n--XX--\r\n');
      const [response] = await once(posting, 'response');
      response.resume();
      return response.statusCode;
    },
  };
};

test(`an upload of ${SIZE_MB} MiB raises the memory of the service by less than 100 MiB`, async () => {
  const { folder, jobsDir } = folders();
  const { child, port } = await start(folder, jobsDir);
  // What the first upload loads is not counted.
  await send(port, 'small').end();
  await peakOf(child);
  const before = await peakOf(child);
  const { more, end } = send(port, 'big');
  await more(SIZE_MB);
  expect(await end()).toBe(201);
  expect(statSync(join(folder, 'big_big.csv')).size).toBe(SIZE_MB * MB);
  expect(existsSync(join(jobsDir, 'big.job'))).toBe(true);
  expect((await peakOf(child)) - before).toBeLessThan(100 * MB);
}, 600_000);

test('a service that is killed in the middle leaves no half job, and the next one nothing of the file', async () => {
  const { folder, jobsDir } = folders();
  mkdirSync(jobsDir, { recursive: true });
  const { child, port } = await start(folder, jobsDir);
  const { posting, more } = send(port, 'half');
  await more(3);
  const received = async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/uploads/half`);
    return answer.ok && ((await answer.json()) as { bytesReceived: number }).bytesReceived > MB;
  };
  await until(received);
  child.kill('SIGKILL');
  await once(child, 'exit');
  posting.destroy();
  expect(readdirSync(jobsDir)).toEqual([]);
  expect(readdirSync(folder).filter((name) => !name.startsWith('.'))).toEqual([]);
  const next = new Uploads({ folder, jobsDir });
  await next.start();
  expect(readdirSync(folder)).toEqual([]);
  expect(await next.list(10)).toEqual([]);
});
