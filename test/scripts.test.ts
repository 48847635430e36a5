/** scripts/run.mjs sets a checkout up before it runs a task; here in a small checkout with an npm that only pretends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ROOT } from './source-scan.ts';

let checkout = '';
const children = new Set<ChildProcess>();

/** Notes each call, and installs what the lock file says as far as the build needs it. */
const PRETENDING_NPM = `
  const fs = require('node:fs');
  fs.appendFileSync('npm-calls', process.argv.slice(2).join(' ') + '\\n');
  if (fs.existsSync('npm-fails')) process.exit(7);
  fs.rmSync('node_modules', { recursive: true, force: true });
  fs.mkdirSync('node_modules');
  for (const name of fs.readdirSync(${JSON.stringify(join(ROOT, 'node_modules'))}))
    if (!name.startsWith('.')) fs.symlinkSync(${JSON.stringify(join(ROOT, 'node_modules'))} + '/' + name, 'node_modules/' + name);
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
`;

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'backline-checkout-'));
  for (const file of ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json'])
    await copyFile(join(ROOT, file), join(checkout, file));
  await cp(join(ROOT, 'scripts'), join(checkout, 'scripts'), { recursive: true });
  await mkdir(join(checkout, 'src'));
  await writeFile(join(checkout, 'src/index.ts'), 'export const one: number = 1;\n');
  await mkdir(join(checkout, 'dashboard/src'), { recursive: true });
  await copyFile(join(ROOT, 'dashboard/vite.config.ts'), join(checkout, 'dashboard/vite.config.ts'));
  await writeFile(join(checkout, 'dashboard/index.html'), '<script type="module" src="./src/main.tsx"></script>');
  await writeFile(join(checkout, 'dashboard/src/main.tsx'), "document.title = 'first';\n");
  await writeFile(join(checkout, 'npm-cli.cjs'), PRETENDING_NPM);
});

afterEach(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  children.clear();
  await rm(checkout, { recursive: true, force: true });
});

const start = (args: string[], env: NodeJS.ProcessEnv = {}) => {
  const child = spawn(process.execPath, args, {
    cwd: checkout,
    env: { ...process.env, npm_execpath: join(checkout, 'npm-cli.cjs'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, said }));
  return { child, ended };
};

const run = (task: string, env?: NodeJS.ProcessEnv) => start(['scripts/run.mjs', task], env).ended;
const npmCalls = async () =>
  (await readFile(join(checkout, 'npm-calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean);

describe('setting up', () => {
  test('the first run installs and builds, the second does neither', async () => {
    const first = await run('build');
    expect(first).toEqual({ code: 0, said: 'Installing dependencies …\nBuilding …\n' });
    expect(await readFile(join(checkout, 'dist/index.js'), 'utf8')).toContain('export const one = 1');
    expect(await run('build')).toEqual({ code: 0, said: '' });
    expect(await npmCalls()).toEqual([expect.stringMatching(/^ci --include=dev/)]);
  });

  test('a changed lock file is installed, a changed source is built', async () => {
    await run('build');
    const lock = JSON.parse(await readFile(join(checkout, 'package-lock.json'), 'utf8'));
    lock.packages['node_modules/zod'].version = '0.0.0';
    await writeFile(join(checkout, 'package-lock.json'), JSON.stringify(lock));
    expect((await run('build')).said).toBe('Installing dependencies …\nBuilding …\n');
    await writeFile(join(checkout, 'src/index.ts'), 'export const two = 2;\n');
    expect((await run('build')).said).toBe('Building …\n');
    expect(await readFile(join(checkout, 'dist/index.js'), 'utf8')).toContain('two');
  });

  test('what a person installed with npm is not installed again', async () => {
    await run('build');
    await rm(join(checkout, 'node_modules/.backline-installed'));
    expect(await run('build')).toEqual({ code: 0, said: '' });
  });

  test('two runs at once install and build once', async () => {
    const ended = await Promise.all([run('build'), run('build'), run('build')]);
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(await npmCalls()).toHaveLength(1);
    expect(
      ended
        .map(({ said }) => said)
        .join('')
        .match(/Building/g),
    ).toHaveLength(1);
  });

  test('a run that was killed does not hold up the next', async () => {
    const holder = start(['--input-type=module', '-e', HOLD]);
    await once(holder.child.stdout, 'data');
    holder.child.kill('SIGKILL');
    await holder.ended;
    expect((await run('build')).code).toBe(0);
  });

  test('a run waits for one that is alive, and takes over a lock that stopped moving', async () => {
    const holder = start(['--input-type=module', '-e', HOLD]);
    await once(holder.child.stdout, 'data');
    const waiting = start(['scripts/run.mjs', 'build']);
    const [told] = await once(waiting.child.stderr, 'data');
    expect(String(told)).toContain('Waiting for another run');
    holder.child.kill('SIGSTOP');
    const long = new Date(Date.now() - 10 * 60_000);
    await utimes(join(checkout, '.tools/lock'), long, long);
    expect((await waiting.ended).code).toBe(0);
    holder.child.kill('SIGKILL');
    await holder.ended;
  });

  test('a build with errors leaves the old one in place', async () => {
    await run('build');
    await writeFile(join(checkout, 'src/index.ts'), 'export const one: number = "text";\n');
    const { code, said } = await run('build');
    expect(code).toBe(1);
    expect(said).toContain('✗ The build failed.');
    expect(await readFile(join(checkout, 'dist/index.js'), 'utf8')).toContain('one = 1');
  });

  test('a changed page is built, and one with errors leaves the old build in place', async () => {
    await run('build');
    const pages = async () => {
      const names = await readdir(join(checkout, 'dist/dashboard/assets'));
      return readFile(join(checkout, 'dist/dashboard/assets', names.find((name) => name.endsWith('.js'))!), 'utf8');
    };
    expect(await pages()).toContain('first');
    await writeFile(join(checkout, 'dashboard/src/main.tsx'), "document.title = 'second';\n");
    expect((await run('build')).said).toBe('Building …\n');
    expect(await pages()).toContain('second');
    await writeFile(join(checkout, 'dashboard/src/main.tsx'), 'document.title = ;\n');
    const { code, said } = await run('build');
    expect(code).toBe(1);
    expect(said).toContain('✗ The build of the dashboard failed.');
    expect(await pages()).toContain('second');
  });

  test('a failed installation is told in one sentence with the next step, and tried again', async () => {
    await writeFile(join(checkout, 'npm-fails'), '');
    const { code, said } = await run('build');
    expect(code).toBe(1);
    expect(said).toBe(
      'Installing dependencies …\n✗ The dependencies could not be installed (npm ended with 7).\n' +
        '  → Check the network and the messages above, then run the command again.\n',
    );
    await rm(join(checkout, 'npm-fails'));
    expect((await run('build')).code).toBe(0);
  });

  test("a home that cannot be written is not used: npm's folders are in the checkout", async () => {
    const home = join(checkout, 'home');
    // A file in the way is an obstacle for every user, root included.
    await writeFile(home, '');
    await chmod(home, 0o444);
    await writeFile(
      join(checkout, 'npm-cli.cjs'),
      `require('node:fs').writeFileSync('seen', process.env.npm_config_cache);${PRETENDING_NPM}`,
    );
    await run('build', { HOME: home, npm_config_cache: join(home, '.npm') });
    expect(await readFile(join(checkout, 'seen'), 'utf8')).toBe(join(checkout, '.tools/npm-cache'));
  });
});

describe('running a task', () => {
  test('an unknown task names those that exist', async () => {
    const { code, said } = await run('tset');
    expect(code).toBe(1);
    expect(said).toMatch(/^✗ There is no task "tset"\.\n {2}→ Use one of: start, dev, build, test/);
  });

  test('arguments, the exit code and signals reach the program', async () => {
    const script = `process.on('SIGTERM', () => process.exit(40)); setInterval(() => {}, 1000);
      console.log(process.argv.slice(2).join(' '));`;
    await mkdir(join(checkout, 'examples/songwriter-credits'), { recursive: true });
    await writeFile(join(checkout, 'examples/songwriter-credits/main.ts'), script);
    const service = start(['scripts/run.mjs', 'start', '--port', '5000']);
    const [line] = await once(service.child.stdout, 'data');
    expect(String(line)).toBe('--daemon --port 5000\n');
    service.child.kill('SIGTERM');
    expect((await service.ended).code).toBe(40);
  });
});

const HOLD = `
  import { mkdirSync } from 'node:fs';
  import { locked } from './scripts/lock.mjs';
  mkdirSync('.tools', { recursive: true });
  setInterval(() => {}, 1000);
  await locked('.tools', () => { console.log('held'); return new Promise(() => {}); });
`;
