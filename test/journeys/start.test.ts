/** A running service, and the commands that look at it and steer it. */
import { once } from 'node:events';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { CONFIG, Folder, type Line, linesOf, type Running } from './command-line.ts';

let folder: Folder;

beforeEach(() => {
  folder = new Folder();
  folder.write('backline.config.ts', CONFIG);
});

afterEach(() => folder.remove());

const startService = async (
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<{ service: Running; started: Line }> => {
  const service = folder.start(['start', '--json', ...args], { env });
  await service.says(/"kind":"started".*\n/);
  return { service, started: linesOf(service.stdout)[0]! };
};

describe('backline start', () => {
  test('says where it is, runs jobs, shows the page, and ends with 130 after Ctrl-C', async () => {
    const { service, started } = await startService();
    expect(started).toMatchObject({
      v: 1,
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      database: 'sqlite:data/backline.db',
      types: ['sum', 'fail', 'wait', 'catalog'],
      jobsDir: null,
    });
    const sum = await folder.run(['add', 'sum', '{"a":40,"b":2}', '--wait']);
    expect([sum.code, sum.stdout.split('\n')[1]]).toEqual([0, '42']);
    const failed = await folder.run(['add', 'fail', '--wait', '--json']);
    expect(failed.code).toBe(1);
    expect(linesOf(failed.stderr)).toMatchObject([{ kind: 'error', code: 'JOB_FAILED', causes: ['ECONNREFUSED'] }]);
    const get = (path: string) => fetch(`${started['url']}${path}`);
    const [ready, page, plain] = await Promise.all(['/readyz', '/', '/status'].map(get));
    expect(ready!.status).toBe(200);
    expect(await page!.text()).toMatch(/<script type="module"/);
    expect(await plain!.text()).toMatch(/SMTP 421/);
    const ended = await service.end('SIGINT');
    expect(ended.code).toBe(130);
    expect(ended.stderr).not.toMatch(/\n\s+at |UNEXPECTED/);
  });

  test('ends with 0 after SIGTERM, hands back what still runs, and the next start goes on with it', async () => {
    const first = await startService(['--shutdown-timeout', '100ms', '--grace', '100ms']);
    const id = (await folder.run(['add', 'wait'])).stdout.trim();
    const follower = folder.start(['logs', id, '--follow']);
    await follower.says(/info {2}waiting/);
    expect((await first.service.end('SIGTERM')).code).toBe(0);
    expect(await folder.ask('jobs', 'show', id)).toMatchObject([
      { status: 'queued', attempts: 0 },
      { outcome: 'released' },
    ]);
    await startService();
    folder.write('go', '');
    const followed = await follower.end();
    expect([followed.code, followed.stdout.match(/waiting/g)?.length]).toEqual([0, 2]);
    expect(followed.stdout).toMatch(/going on\n$/);
    expect(await folder.ask('jobs', 'show', id)).toMatchObject([
      { status: 'completed', result: 'done' },
      {},
      { outcome: 'completed' },
    ]);
  });

  test('takes the next free port if its own is taken, and says so', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const { service, started } = await startService(['--port', String(port)]);
    const used = Number(new URL(started['url'] as string).port);
    expect(used).toBeGreaterThan(port);
    expect(service.stderr).toMatch(new RegExp(`Port ${port} is taken; using ${used}\\.`));
    expect((await fetch(`${started['url']}/healthz`)).status).toBe(200);
    other.close();
  });

  test('two services share one database', async () => {
    const [one, two] = await Promise.all([
      startService(['--process-id', 'one']),
      startService(['--process-id', 'two']),
    ]);
    expect(one.started['url']).not.toBe(two.started['url']);
    expect((await folder.ask('workers', 'ls')).map(({ name }) => name).sort()).toEqual(['one', 'two']);
  });

  test('without job types it shows the page and lets jobs wait', async () => {
    folder.write('backline.config.ts', 'export default { port: 0 };');
    const { service, started } = await startService();
    expect(service.stderr).toMatch(/No job types/);
    await folder.run(['add', 'anything']);
    expect(await (await fetch(`${started['url']}/status`)).text()).toMatch(/No worker is alive, and 1 job waits/);
    expect((await service.end('SIGTERM')).code).toBe(0);
  });

  test('watches the folder if the config names the type of dropped files', async () => {
    const { service, started } = await startService(['--drop-type', 'catalog'], { JOB_SCHEDULER_DIR: 'inbox' });
    expect(started).toMatchObject({ jobsDir: 'inbox' });
    await vi.waitUntil(() => existsSync(folder.at('inbox')), { timeout: 20_000 });
    writeFileSync(folder.at('inbox/one.job.tmp'), JSON.stringify({ catalog_path: 'songs.csv' }));
    renameSync(folder.at('inbox/one.job.tmp'), folder.at('inbox/one.job'));
    await vi.waitUntil(() => !existsSync(folder.at('inbox/one.job')), { timeout: 20_000 });
    expect(JSON.parse(readFileSync(folder.at('inbox/one.status'), 'utf8'))).toMatchObject({
      status: 'completed',
      result: { import: { path: 'songs.csv' } },
    });
    expect((await service.end('SIGTERM')).code).toBe(0);
  });

  test('refuses to drop files for a type that nobody can run', async () => {
    const { code, stderr } = await folder.run(['start', '--drop-type', 'catalogue']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/UNKNOWN_JOB_TYPE.*"catalogue".*\n.*\n {2}→ Did you mean "catalog"\?/);
    expect(existsSync(folder.at('data'))).toBe(false);
  });
});

describe('backline work', () => {
  test('runs jobs of its queues, without a page', async () => {
    const worker = folder.start(['work', '--queues', 'a', '--process-id', 'worker-a']);
    await worker.says(/10 slots for sum/);
    const other = (await folder.run(['add', 'sum', '{"a":1,"b":1}', '--queue', 'b'])).stdout.trim();
    const mine = await folder.run(['add', 'sum', '{"a":1,"b":2}', '--queue', 'a', '--wait', '--json']);
    expect(linesOf(mine.stdout)).toMatchObject([{ kind: 'added' }, { kind: 'result', result: 3 }]);
    expect(await folder.ask('jobs', 'show', other)).toMatchObject([{ status: 'queued' }]);
    expect(await folder.ask('workers', 'ls')).toMatchObject([{ name: 'worker-a', queues: ['a'] }]);
    expect((await worker.end('SIGINT')).code).toBe(130);
  });
});

describe('beside a running service', () => {
  test('tail shows what happens, filtered, and ends with 130 after Ctrl-C', async () => {
    await startService();
    const [all, failures] = [
      folder.start(['tail', '--json']),
      folder.start(['tail', '--where', 'type:fail status:failed error:SMTP']),
    ];
    await Promise.all([all.says(/Listening/), failures.says(/Listening/)]);
    const id = (await folder.run(['add', 'sum', '{"a":1,"b":2}', '--wait'])).stdout.split('\n')[0]!;
    await folder.run(['add', 'fail', '--wait']);
    await Promise.all([all.says(/"status":"failed"/), failures.says(/✕ failed/)]);
    const moves = linesOf(all.stdout).filter(({ jobId, event }) => jobId === id && event === 'job-status-changed');
    expect(moves.map(({ status }) => status)).toEqual(['created', 'queued', 'running', 'completed']);
    const ended = await failures.end('SIGINT');
    expect(ended.code).toBe(130);
    expect(ended.stdout.trim().split('\n')).toHaveLength(1);
    expect(ended.stdout).toMatch(/^\d{4}-\d\d-\d\d [\d:]+Z {2}✕ failed {2}fail {2}\S+ {2}SMTP 421\n$/);
    expect((await all.end('SIGINT')).code).toBe(130);
  });

  test('a reader of tail that goes away ends it quietly', async () => {
    await startService();
    const tail = folder.start(['tail', '--json']);
    await tail.says(/Listening/);
    tail.child.stdout?.destroy();
    // Writing is how it finds out.
    await folder.run(['add', 'sum', '{"a":1,"b":2}', '--wait']);
    const { code, stderr } = await tail.end();
    expect(code).toBe(0);
    expect(stderr).not.toMatch(/EPIPE|\n\s+at /);
  });

  test('a running job is asked to stop, and its waiter is told', async () => {
    await startService();
    const waiter = folder.start(['add', 'wait', '--id', 'w-1', '--wait']);
    await vi.waitUntil(
      async () => (await folder.ask('jobs', 'show', 'w-1').catch(() => []))[0]?.['status'] === 'running',
      {
        timeout: 20_000,
      },
    );
    expect(await folder.run(['jobs', 'cancel', 'w-1', '--reason', 'no longer needed'])).toMatchObject({
      code: 0,
      stdout: 'w-1 asked to stop\n',
    });
    const { code, stderr } = await waiter.end();
    expect(code).toBe(1);
    expect(stderr).toMatch(/✗ JOB_CANCELLED .*no longer needed/);
  });

  test('Ctrl-C ends a wait with 130, and the job goes on', async () => {
    await startService();
    const waiter = folder.start(['add', 'wait', '--id', 'w-1', '--wait']);
    await waiter.says(/w-1/);
    const { status } = await waiter.end('SIGINT').then(async ({ code }) => {
      expect(code).toBe(130);
      return (await folder.ask('jobs', 'show', 'w-1'))[0]!;
    });
    expect(['queued', 'running']).toContain(status);
  });

  test('status --wait-empty waits for the end of all work', async () => {
    await startService();
    await folder.run(['add', 'wait']);
    const waiting = folder.start(['status', '--wait-empty', '--max-failed', '0', '--json']);
    folder.write('go', '');
    const { code, stdout } = await waiting.end();
    expect(code).toBe(0);
    expect(linesOf(stdout)).toMatchObject([{ byStatus: { completed: 1, running: 0 }, workers: 1, slots: 10 }]);
  });

  test('status --max-failed ends with 1 if too many failed', async () => {
    await startService();
    await folder.run(['add', 'fail', '--wait']);
    const { code, stderr } = await folder.run(['status', '--max-failed', '0']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/1 job failed or timed out; 0 would be allowed/);
  });

  test('the doctor is content, and finds jobs that no worker knows', async () => {
    await startService();
    expect(await folder.run(['doctor'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/✓ workers +1 alive, 10 slots/),
    });
    folder.write('other.config.mjs', 'export default {};');
    await folder.run(['add', 'unheard', '--config', 'other.config.mjs']);
    const { code, stdout } = await folder.run(['doctor']);
    expect(stdout).toMatch(/✗ types +1 job of type "unheard" waiting, and no worker knows that type/);
    expect(code).toBe(1);
  });
});
