/** The command line with PostgreSQL: every command ends by itself, says what it did, and shows no password. */
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { embedded18, freshSchema, type Server, startServer } from '../conformance/postgres.ts';
import { CONFIG, Folder } from '../journeys/command-line.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

test('a worker process runs what another command hands in, and ends when it is told to', async () => {
  const folder = new Folder();
  onTestFinished(() => folder.remove());
  folder.write('backline.config.ts', CONFIG);
  const env = { DATABASE_URL: freshSchema(server).replace('postgres@', 'postgres:hunter2@') };
  const run = (...args: string[]) => folder.run(args, { env });
  expect(await run('status')).toMatchObject({ code: 3, stderr: expect.stringContaining('NO_DATABASE') });
  const worker = folder.start(['work', '--process-id', 'w1'], { env });
  await worker.says(/slots for sum/);
  expect(await run('add', 'sum', '{"a":2,"b":3}', '--wait')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('5'),
  });
  for (const command of [
    ['status'],
    ['jobs', 'ls'],
    ['queues', 'ls'],
    ['workers', 'ls'],
    ['check'],
    ['migrate', '--plan'],
    ['doctor'],
  ]) {
    const { code, stdout, stderr } = await run(...command);
    expect([command, code, stderr]).toEqual([command, 0, expect.stringMatching(/^(0 problems, 0 warnings\n)?$/)]);
    expect(stdout).not.toContain('hunter2');
  }
  const backup = await run('backup', 'copy.db');
  expect(backup).toMatchObject({ code: 2, stderr: expect.stringMatching(/FILE_ONLY.*pg_dump/s) });
  expect(backup.stderr).not.toContain('hunter2');
  expect((await worker.end('SIGTERM')).code).toBe(0);
}, 60_000);
