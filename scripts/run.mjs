/**
 * Every npm script of this repository: `node scripts/run.mjs <task> [arguments]`.
 *
 * 1. Finds a Node that is new enough, or fetches one into .tools (setup.mjs).
 * 2. Installs the dependencies if the lock file changed since the last time.
 * 3. Builds dist, the dashboard included, if a source file changed since the last time.
 * 4. For tests, installs the parts of the system they drive, where it may.
 * 5. Runs the task with that Node and ends as the task ends.
 *
 * This file and those it imports are plain JavaScript without dependencies: they must run on Node 16, before anything is installed.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { build, findNode, installIn, installParts, ROOT, SetupError, say } from './setup.mjs';

const VITEST = ['node_modules/vitest/vitest.mjs', 'run'];
const BIOME = ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'];
const TSC = 'node_modules/typescript/bin/tsc';
/** One program for Node, one for the pages, one for the tests that look at them. */
const TYPES = ['.', 'dashboard', 'test/e2e'].map((folder) => [TSC, '-p', folder]);
const SOURCES = '--conditions=backline-source';
const SERVICE = ['examples/songwriter-credits/main.ts', '--daemon'];

/**
 * What each task runs with Node, one command after the other; arguments of the caller go to the last one.
 * `build: false` leaves out the build; `parts: true` installs what tests drive first.
 */
const TASKS = {
  start: { run: [SERVICE] },
  dev: { run: [['--watch', SOURCES, ...SERVICE]], build: false },
  build: { run: [] },
  test: { run: [VITEST], parts: true },
  'test:jobs': {
    run: [
      [
        ...VITEST,
        'src/job',
        'src/schedule',
        'src/engine',
        'src/store',
        'src/runner',
        'test/conformance',
        'test/crash',
        'test/runners',
        'test/drop',
        'test/property',
        'test/job',
      ],
    ],
  },
  'test:performance': { run: [[...VITEST, 'performance']] },
  'test:chaos': { run: [[SOURCES, 'test/chaos/main.ts']], build: false },
  'test:pressure': { run: [[SOURCES, 'test/pressure/main.ts']], build: false },
  'test:postgres-versions': { run: [['test/versions/main.ts']], build: false },
  'test:e2e': { run: [[...VITEST, 'test/journeys', 'test/e2e']], parts: true },
  'test:time': { run: [['test/time/all-zones.ts']], build: false },
  'test:coverage': { run: [[...VITEST, '--coverage']], parts: true },
  typecheck: { run: TYPES, build: false },
  lint: { run: [BIOME], build: false },
  check: { run: [...TYPES, BIOME, [...VITEST, 'test/architecture']], build: false },
  bench: { run: [['bench/main.ts']] },
  'example:dj-library': { run: [['examples/dj-library/main.ts']] },
};

async function main([name, ...args]) {
  const task = Object.hasOwn(TASKS, name ?? '') ? TASKS[name] : undefined;
  if (!task) throw new SetupError(`There is no task "${name ?? ''}".`, `Use one of: ${Object.keys(TASKS).join(', ')}.`);
  const node = await findNode();
  await installIn('.', node);
  if (task.build !== false) await build(node);
  if (task.parts) installParts();
  for (const [i, command] of task.run.entries()) {
    const all = i === task.run.length - 1 ? [...command, ...args] : command;
    const script = all.find((word) => !word.startsWith('-'));
    if (!existsSync(join(ROOT, script)))
      throw new SetupError(`The file ${script} is missing.`, 'Is this a whole clone of the repository?');
    const code = await run(node, all);
    if (code !== 0) return code;
  }
  return 0;
}

/** Runs one command in the foreground. Resolves with its exit code, or 128 + the signal that ended it. */
function run(node, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(node.bin, args, { cwd: ROOT, env: node.env, stdio: 'inherit' });
    // On a terminal, Ctrl-C reaches the child without us; a second copy would mean "at once" to it.
    const pass = (signal) => {
      if (signal === 'SIGTERM' || !process.stdin.isTTY) child.kill(signal);
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, pass);
    child.on('error', reject);
    child.on('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 1)));
  });
}

/** What the system refuses, such as a folder that cannot be written, needs no stack. */
const withNext = ({ message, code }) =>
  code ? `✗ ${message}\n  → Check that this checkout can be written, then run the command again.` : message;

main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error) => {
    say(error instanceof SetupError || error.code ? withNext(error) : error.stack);
    process.exitCode = 1;
  },
);
