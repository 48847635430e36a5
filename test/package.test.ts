/** What is published, seen from outside: packed, unpacked beside a program, checked, compiled against and run. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { filesIn, ROOT } from './source-scan.ts';

const execute = promisify(execFile);
const bin = (path: string): string => join(ROOT, 'node_modules', path);
const readJson = async (path: string) => JSON.parse(await readFile(join(ROOT, path), 'utf8'));

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs a program with the Node of this test. */
const node = async (args: string[], cwd = ROOT): Promise<Ended> => {
  // Colours would only get in the way, and npm must not write outside the test's own folder.
  const env = { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', npm_config_cache: join(folder, 'npm') };
  try {
    const { stdout, stderr } = await execute(process.execPath, args, { cwd, env, maxBuffer: 64 << 20 });
    return { code: 0, output: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, output: stdout + stderr };
  }
};

const passes = async (run: Promise<Ended>): Promise<string> => {
  const { code, output } = await run;
  expect(code === 0 ? '' : output).toBe('');
  expect(code).toBe(0);
  return output;
};

let folder = '';
/** The packed package, and a folder with a program that uses it. */
let tarball = '';
let consumer = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'backline-package-'));
  await passes(node(['scripts/run.mjs', 'build']));
  const npm = /npm-cli\.js$/.test(process.env.npm_execpath ?? '') ? process.env.npm_execpath! : await npmOnPath();
  await passes(node([npm, 'pack', '--ignore-scripts', '--pack-destination', folder]));
  tarball = join(folder, (await readdir(folder)).find((name) => name.endsWith('.tgz'))!);
  consumer = join(folder, 'program');
  await install();
}, 120_000);

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

const npmOnPath = async (): Promise<string> =>
  (await execute('sh', ['-c', 'readlink -f "$(command -v npm)"'])).stdout.trim();

/** Unpacks the package as npm would, with its own dependencies only: what it forgot to declare is missing. */
const install = async (): Promise<void> => {
  const modules = join(consumer, 'node_modules');
  await mkdir(join(modules, 'backline'), { recursive: true });
  await execute('tar', ['-xzf', tarball, '-C', join(modules, 'backline'), '--strip-components=1']);
  const { dependencies } = await readJson('package.json');
  const needed = [...Object.keys(dependencies), '@types/node', 'undici-types'];
  for (const name of needed) {
    await mkdir(join(modules, name, '..'), { recursive: true });
    await symlink(bin(name), join(modules, name));
  }
  await writeFile(join(consumer, 'package.json'), JSON.stringify({ name: 'program', type: 'module' }));
};

describe('the sources', () => {
  test('have no type errors', async () => {
    await passes(node([bin('typescript/bin/tsc'), '-p', '.']));
  }, 120_000);

  test('have no warnings of the linter or the formatter', async () => {
    const output = await passes(node([bin('@biomejs/biome/bin/biome'), 'check', '--error-on-warnings', '.']));
    expect(output).not.toMatch(/Found \d+ (warning|info)/);
  }, 60_000);

  test('hold nothing of the machine they were written on', async () => {
    const files = await publicFiles();
    const traces = await Promise.all(files.map(tracesIn));
    expect(traces.flat()).toEqual([]);
  });

  test('have a lock file that any npm can install from: every package, no host', async () => {
    const { packages } = await readJson('package-lock.json');
    const missing = Object.entries<{ optionalDependencies?: object; dependencies?: object }>(packages).flatMap(
      ([path, { dependencies, optionalDependencies }]) =>
        Object.keys({ ...dependencies, ...optionalDependencies }).filter((name) => !isLocked(packages, path, name)),
    );
    expect(missing).toEqual([]);
    expect(JSON.stringify(packages)).not.toContain('"resolved"');
  });
});

const isLocked = (packages: object, path: string, name: string): boolean => {
  const above = path.split('/node_modules/');
  const places = above.map((_, i) => [...above.slice(0, above.length - i), name].join('/node_modules/'));
  return [...places, `node_modules/${name}`].some((place) => place.replace(/^\/?/, '') in packages);
};

/** What git would publish; without git, everything but what .gitignore names. */
const publicFiles = async (): Promise<string[]> => {
  try {
    const args = ['ls-files', '--cached', '--others', '--exclude-standard', '-z'];
    const { stdout } = await execute('git', args, { cwd: ROOT, maxBuffer: 64 << 20 });
    return stdout.split('\0').filter(Boolean);
  } catch {
    return filesIn('.').filter((path) => !/^(\.git|\.tools|\.dist-new|coverage|data|uploads|\.backline)\//.test(path));
  }
};

/** Home folders, this checkout, this machine's name, and where packages came from. */
const TRACES = [
  /(?<![\w.~-])\/(home|Users|root)\/\w/,
  /[A-Z]:\\Users\\/,
  /registry\.[a-z0-9-]+\.[a-z]{2,}/,
  ...[ROOT, homedir(), hostname()]
    .filter((name) => name.length > 5 && name !== 'localhost')
    .map((name) => new RegExp(`(?<![\\w.-])${name.replace(/\W/g, '\\$&')}(?![\\w-])`)),
];

const tracesIn = async (path: string): Promise<string[]> => {
  const text = await readFile(join(ROOT, path), 'utf8').catch(() => '');
  if (text.includes('\0')) return [];
  return text
    .split('\n')
    .flatMap((line, i) =>
      TRACES.some((trace) => trace.test(line)) ? [`${path}:${i + 1} ${line.trim().slice(0, 120)}`] : [],
    );
};

describe('the package', () => {
  test('has no faults that publint knows', async () => {
    await passes(node([bin('publint/src/cli.js'), 'run', tarball, '--strict']));
  }, 60_000);

  test('has types that every module resolution of today finds', async () => {
    const attw = bin('@arethetypeswrong/cli/dist/index.js');
    const args = [attw, tarball, '--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii'];
    await passes(node(args));
  }, 60_000);

  test('holds the build, its sources and the documents, and nothing else', async () => {
    const { stdout } = await execute('tar', ['-tzf', tarball]);
    const files = stdout
      .trim()
      .split('\n')
      .map((path) => path.replace(/^package\//, ''));
    expect(files).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'LICENSE',
        'CHANGELOG.md',
        'dist/index.js',
        'dist/index.d.ts',
        'dist/client.js',
        'dist/doors/ipc/preload.d.ts',
        'dist/worker.js',
        'dist/worker.d.ts',
        'python/backline_worker.py',
      ]),
    );
    const others = files.filter(
      (path) =>
        !/^(dist\/|src\/|python\/backline_worker\.py$|(package\.json|README\.md|LICENSE|CHANGELOG\.md)$)/.test(path),
    );
    expect(others).toEqual([]);
    expect(files.filter((path) => /\.test\.|\.tsbuildinfo$|\.env/.test(path))).toEqual([]);
  });

  test('runs the first example of the README, compiled against the published types', async () => {
    const example = /```ts\n([\s\S]*?)```/.exec(await readFile(join(ROOT, 'README.md'), 'utf8'))?.[1];
    await writeFile(join(consumer, 'first.ts'), example ?? '');
    const compilerOptions = { module: 'nodenext', target: 'es2023', strict: true, types: ['node'], outDir: 'out' };
    await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['first.ts'] }));
    await passes(node([bin('typescript/bin/tsc'), '-p', '.'], consumer));
    const { code, output } = await node(['out/first.js'], consumer);
    expect(output).toContain('sent to ada@example.test');
    expect(code).toBe(0);
    expect(await readdir(join(consumer, 'data'))).toContain('backline.db');
  }, 60_000);

  test('has a command that runs the configuration of the README', async () => {
    const [, config] = [...(await readFile(join(ROOT, 'README.md'), 'utf8')).matchAll(/```ts\n([\s\S]*?)```/g)];
    await writeFile(join(consumer, 'backline.config.ts'), config![1]!);
    const { bin: commands, version } = await readJson('package.json');
    const backline = join(consumer, 'node_modules/backline', commands.backline);
    expect((await node([backline, '--version'], consumer)).output.trim()).toBe(version);
    const worker = spawn(process.execPath, [backline, 'work'], { cwd: consumer, stdio: 'ignore' });
    try {
      const { code, output } = await node([backline, 'add', 'greet', '"Ada"', '--wait'], consumer);
      expect(output).toContain('"hello Ada"');
      expect(code).toBe(0);
    } finally {
      worker.kill('SIGTERM');
      await once(worker, 'exit');
    }
  }, 60_000);

  test('has a client and ports that work from the build, and whose types hold for strangers', async () => {
    await writeFile(
      join(consumer, 'service.ts'),
      `import { MessageChannel } from 'node:worker_threads';
      import { JobManager, job, startServer } from 'backline';
      import { BacklineError, createClient, type JobView } from 'backline/client';
      import { servePort } from 'backline/ipc';
      import { exposePort } from 'backline/ipc/preload';
      import { connectPort } from 'backline/ipc/renderer';

      const manager = new JobManager(':memory:', { jobs: { double: job({ run: async (n: number) => 2 * n }) }, logger: false });
      await manager.start();
      const server = await startServer(manager, { host: '127.0.0.1', port: 0 });
      const { port1, port2 } = new MessageChannel();
      const methods = { add: (a: number, b: number) => a + b };
      servePort(manager, port1, { methods });
      const port = connectPort<typeof methods>(port2);
      for (const client of [createClient({ url: server.url }), port]) {
        const { id } = await client.jobs.enqueue({ type: 'double', payload: 21 });
        const { result } = await client.jobs.result({ id });
        const { jobs }: { jobs: readonly JobView[] } = await client.jobs.list({ status: ['completed'] });
        const refusal = await client.jobs.get({ id: 'nobody' }).catch((error: unknown) => error);
        console.log(result, jobs.length, refusal instanceof BacklineError && refusal.code);
      }
      const sum: number = await port.call('add', 1, 2);
      console.log(sum, typeof exposePort, (await fetch(server.url + '/api/openapi.json')).status);
      // @ts-expect-error an operation that does not exist
      void port.jobs.explode;
      // @ts-expect-error a field that does not exist
      const wrong = () => port.jobs.list({ stauts: ['failed'] });
      port.close();
      await server.close();
      await manager.close();`,
    );
    const compilerOptions = {
      module: 'nodenext',
      target: 'es2023',
      strict: true,
      types: ['node'],
      outDir: 'out',
      skipLibCheck: true,
    };
    await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['service.ts'] }));
    await passes(node([bin('typescript/bin/tsc'), '-p', '.'], consumer));
    const output = await passes(node(['out/service.js'], consumer));
    expect(output.trim().split('\n')).toEqual(['42 1 JOB_NOT_FOUND', '42 2 JOB_NOT_FOUND', '3 function 200']);
  }, 60_000);

  test('has a client that a page can load: nothing of Node in it', async () => {
    for (const entry of ['client.js', 'doors/ipc/renderer.js', 'doors/ipc/preload.js']) {
      const seen = new Set<string>();
      const walk = async (file: string): Promise<void> => {
        if (seen.has(file)) return;
        seen.add(file);
        const text = await readFile(file, 'utf8');
        for (const [, target] of text.matchAll(/from '([^']+)'/g)) {
          expect(target, file).not.toMatch(/^node:|^zod|^@orpc\/(server|zod|openapi)$/);
          if (target!.startsWith('.')) await walk(join(file, '..', target!));
        }
      };
      await walk(join(ROOT, 'dist', entry));
    }
  });

  test('has runners that find their parts in the build: threads, Node children, Python children', async () => {
    await writeFile(
      join(consumer, 'handlers.js'),
      "import { NoRetryError } from 'backline/worker';\nexport default { work: (payload) => [payload, NoRetryError.name].join(' ') };\n",
    );
    await writeFile(
      join(consumer, 'handlers.py'),
      'from backline_worker import NoRetry, serve\n\nserve(lambda payload, ctx: f"{payload} {NoRetry.__name__}")\n',
    );
    await writeFile(
      join(consumer, 'pools.js'),
      `import { JobManager, job, ThreadPool, WorkerPool } from 'backline';
      const module = new URL('./handlers.js', import.meta.url);
      const command = ['python3', 'handlers.py'];
      for (const runner of [new ThreadPool({ module }), new WorkerPool({ module }), new WorkerPool({ command })]) {
        const manager = new JobManager(':memory:', { jobs: { work: job({ runner }) } });
        await manager.start();
        console.log(await manager.result(await manager.enqueue('work', 'hello')));
        await manager.close();
      }`,
    );
    const output = await passes(node(['pools.js'], consumer));
    expect(output.trim().split('\n')).toEqual(['hello NoRetryError', 'hello NoRetryError', 'hello NoRetry']);
  }, 60_000);
});
