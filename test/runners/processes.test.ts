/** The death of a worker process, of its children, and of both at once: nobody survives, and every job goes on. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { JobManager, job } from 'backline';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freshFile, IMPATIENT, newManager } from '../managers.ts';
import { until } from '../wait.ts';
import { isAlive } from './alive.ts';
import { PYTHON, program } from './python.ts';

/** Starts a worker process. @returns what it says. */
const startWorker = (file: string, kind: string): { process: ChildProcess; lines: string[] } => {
  const child = spawn(process.execPath, ['--conditions=backline-source', program('parent.ts'), file, kind], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.split('\n').filter(Boolean)));
  return { process: child, lines };
};

const pidsIn = (lines: readonly string[]): number[] =>
  lines.filter((line) => line.startsWith('pids ')).flatMap((line) => line.slice(5).split(' ').map(Number));

const handIn = async (file: string, payloads: readonly string[]) => {
  const manager = newManager({ worker: false }, file);
  await manager.start();
  const jobs = await manager.enqueueMany(
    payloads.map((payload) => ({ type: 'work', payload, options: { timeout: false as const } })),
  );
  return { manager, ids: jobs.map(({ id }) => id) };
};

/** Ends what a failed test would leave behind. */
const endLater = (pids: readonly number[]) =>
  onTestFinished(() => {
    for (const pid of pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  });

describe.each(['python', 'node', 'busy'])('a worker process with %s children', (kind) => {
  test('that is killed takes its children with it, and theirs; its jobs go on elsewhere', async () => {
    const file = freshFile();
    const { manager, ids } = await handIn(file, ['hang', 'hang']);
    const worker = startWorker(file, kind);
    const pids = await until(() => pidsIn(worker.lines).length === 4 && pidsIn(worker.lines));
    endLater(pids);
    expect(pids.every(isAlive)).toBe(true);
    worker.process.kill('SIGKILL');
    await until(() => !pids.some(isAlive), 'nobody has survived');
    await elsewhere(file, manager, ids);
  });

  test('that is killed together with its children: its jobs go on elsewhere', async () => {
    const file = freshFile();
    const { manager, ids } = await handIn(file, ['hang', 'hang']);
    const worker = startWorker(file, kind);
    const pids = await until(() => pidsIn(worker.lines).length === 4 && pidsIn(worker.lines));
    endLater(pids);
    for (const pid of [pids[0]!, worker.process.pid!, pids[2]!]) process.kill(pid, 'SIGKILL');
    await elsewhere(file, manager, ids);
    // What the children had started is left to the system: those who could end it died with it.
    await until(() => ![pids[0]!, pids[2]!].some(isAlive));
  });
});

/** Another process runs what was left. */
const elsewhere = async (file: string, client: JobManager, ids: readonly string[]) => {
  const other = new JobManager(file, {
    ...IMPATIENT,
    jobs: { work: job({ run: async () => 'elsewhere' }) },
    lease: 4000,
  });
  onTestFinished(() => other.close({ timeout: 0 }));
  await other.start();
  for (const id of ids) expect(await client.result(id, { timeout: 20_000 })).toBe('elsewhere');
  for (const id of ids) expect(await client.get(id)).toMatchObject({ crashes: 1, attempts: 1 });
};

test('a child that is killed is replaced, and the worker process goes on', async () => {
  const file = freshFile();
  const { manager, ids } = await handIn(file, ['hang']);
  const worker = startWorker(file, 'python');
  const [pid] = await until(() => pidsIn(worker.lines).length === 2 && pidsIn(worker.lines));
  process.kill(pid!, 'SIGKILL');
  const pids = await until(() => pidsIn(worker.lines).length === 4 && pidsIn(worker.lines));
  endLater(pids);
  await until(() => !isAlive(pids[0]!) && !isAlive(pids[1]!), 'the killed child is gone, with what it started');
  expect((await manager.attempts(ids[0]!))[0]).toMatchObject({
    outcome: 'crashed',
    error: { code: 'WORKER_SIGNALLED' },
  });
  const { id } = await manager.enqueue('work', 'end');
  expect(await manager.result(id)).toEqual(expect.any(Number));
});

test('a worker process that is asked to end hands its jobs back, and leaves no child behind', async () => {
  const file = freshFile();
  const { manager, ids } = await handIn(file, ['hang']);
  const worker = startWorker(file, 'node');
  const pids = await until(() => pidsIn(worker.lines).length === 2 && pidsIn(worker.lines));
  endLater(pids);
  worker.process.kill('SIGTERM');
  await once(worker.process, 'exit');
  await until(() => !pids.some(isAlive));
  expect(await manager.get(ids[0]!)).toMatchObject({ status: 'queued', attempts: 0, crashes: 0 });
});

test.each([
  [
    'Python',
    () => spawn(PYTHON, [program('survivor.py')], { env: { PYTHONPATH: program('../../../python') }, stdio: 'pipe' }),
  ],
])('a %s worker that is started by hand ends when its standard input does', async (_, start) => {
  const child = start();
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  child.stdin.end();
  const [code] = await once(child, 'exit');
  expect(code).toBe(1);
});
