/** Gets this checkout ready to run: a new enough Node, the dependencies, the build. Plain JavaScript for Node 16 and newer. */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { locked } from './lock.mjs';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const TOOLS = join(ROOT, '.tools');
/** The first that runs TypeScript without a flag. The package itself, which is compiled, runs on 22.13. */
const OLDEST = [22, 18];
const FETCHED = 24;

export class SetupError extends Error {
  constructor(what, next) {
    super(`✗ ${what}\n  → ${next}`);
  }
}

export const say = (line) => process.stderr.write(`${line}\n`);

// --- Node ---

/** A Node to work with and the environment for what it runs. Fetches one if this machine has none that is new enough. */
export async function findNode() {
  const here = { bin: process.execPath, version: process.version };
  const node = newEnough(here) ? here : (firstInstalled() ?? (await fetchNode()));
  return { ...node, env: environment(node) };
}

const fetchedBin = () => join(TOOLS, 'node_modules', packageName(), 'bin', 'node');
const packageName = () => `node-${process.platform}-${process.arch}`;

function newEnough({ version }) {
  const [major, minor] = version.slice(1).split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** The Node fetched before, or one on PATH. */
function firstInstalled() {
  const onPath = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder || '.', 'node'));
  for (const bin of [fetchedBin(), ...onPath]) {
    const node = existsSync(bin) && inspect(bin);
    if (node && newEnough(node)) return node;
  }
  return undefined;
}

function inspect(bin) {
  const { status, stdout } = spawnSync(bin, ['-p', 'process.version'], { encoding: 'utf8', timeout: 20_000 });
  return status === 0 && /^v\d+\.\d+\.\d+/.test(stdout) ? { bin, version: stdout.trim() } : undefined;
}

function fetchNode() {
  const have = `this machine has ${process.version}`;
  const install = `Install Node ${FETCHED} (https://nodejs.org) and run the command again.`;
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new SetupError(`This checkout needs Node ${OLDEST.join('.')} or newer; ${have}.`, install);
  return locked(toolsFolder(), async () => {
    const already = firstInstalled();
    if (already) return already;
    say(`Fetching Node ${FETCHED} (${have}) …`);
    const npmsNode = { bin: process.execPath, env: environment({ bin: process.execPath }) };
    const code = await fetchPackage(npmsNode, packageName(), FETCHED, join(TOOLS, 'node_modules', packageName()));
    if (code !== 0) throw new SetupError(`Node ${FETCHED} could not be fetched (npm ended with ${code}).`, install);
    const node = inspect(fetchedBin());
    if (!node) throw new SetupError(`The fetched Node ${FETCHED} does not run on this machine.`, install);
    return node;
  });
}

/** Fetches one package to a place of its own. Resolves with npm's exit code. */
async function fetchPackage(node, name, version, target) {
  // Into a folder of its own first: an interrupted fetch must not look like a finished one.
  const folder = join(TOOLS, 'fetching');
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const words = ['install', '--prefix', folder, '--no-save', '--no-package-lock'];
  const code = await npm(node, [...words, `${name}@${version}`], folder);
  if (code === 0) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(dirname(target), { recursive: true });
    renameSync(join(folder, 'node_modules', name), target);
  }
  rmSync(folder, { recursive: true, force: true });
  return code;
}

/** A package that only one task needs, which no dependency names. Resolves with its folder below .tools. */
export function toolPackage(name, version, node) {
  const target = join(TOOLS, 'packages', `${name.replace('/', '-')}-${version}`);
  return locked(toolsFolder(), async () => {
    if (existsSync(join(target, 'package.json'))) return target;
    say(`Fetching ${name} ${version} …`);
    const code = await fetchPackage(node, name, version, target);
    if (code !== 0)
      throw new SetupError(`${name} could not be fetched (npm ended with ${code}).`, 'Check the network.');
    return target;
  });
}

/** PATH with our Node first, so that programs started by the task find it too; npm's folders where they can be written. */
function environment({ bin }) {
  const env = { ...process.env };
  env.PATH = [dirname(bin), env.PATH].filter(Boolean).join(delimiter);
  const prefix = dirname(dirname(bin));
  // A nodedir of another Node makes native add-ons that do not load.
  if (existsSync(join(prefix, 'include', 'node'))) env.npm_config_nodedir = prefix;
  if (!writable(env.npm_config_cache ?? join(homedir(), '.npm'))) {
    env.npm_config_cache = join(TOOLS, 'npm-cache');
    env.npm_config_logs_dir = join(TOOLS, 'npm-logs');
  }
  return env;
}

/** Whether files can be made in a folder that may not exist yet. Asks by trying: permission bits do not show a read-only disk. */
function writable(folder) {
  let existing = folder;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    rmdirSync(mkdtempSync(join(existing, '.backline-')));
    return true;
  } catch {
    return false;
  }
}

// --- dependencies ---

/** Installs what the lock file in a folder of this repository says, if that changed since the last time. */
export async function installIn(folder, node) {
  const at = join(ROOT, folder);
  if (!existsSync(join(at, 'package-lock.json')) || isInstalled(at)) return;
  await locked(toolsFolder(), async () => {
    if (isInstalled(at)) return;
    say(`Installing dependencies${folder === '.' ? '' : ` of ${folder}`} …`);
    rmSync(stampOf(at), { force: true });
    const code = await npm(node, ['ci', '--include=dev', '--no-audit', '--no-fund'], at);
    if (code !== 0)
      throw new SetupError(
        `The dependencies could not be installed (npm ended with ${code}).`,
        'Check the network and the messages above, then run the command again.',
      );
    writeFileSync(stampOf(at), lockHash(at));
  });
}

const stampOf = (at) => join(at, 'node_modules', '.backline-installed');

const lockHash = (at) =>
  `${createHash('sha256')
    .update(readFileSync(join(at, 'package-lock.json')))
    .digest('hex')} ${process.platform}-${process.arch}`;

function isInstalled(at) {
  if (existsSync(stampOf(at)) && readFileSync(stampOf(at), 'utf8') === lockHash(at)) return true;
  if (!sameAsLock(at)) return false;
  writeFileSync(stampOf(at), lockHash(at));
  return true;
}

/** npm's own record of what is installed, which it writes last: the same packages as the lock file names? */
function sameAsLock(at) {
  const record = join(at, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(at, 'package-lock.json'), 'utf8')).packages;
  const found = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { version, optional }]) =>
      path === '' || (found[path] ? found[path].version === version : optional === true),
  );
}

// --- parts of the system ---

/** What tests drive beside this repository: Debian's package, and a file that shows it is there. */
const PARTS = {
  chromium: '/usr/bin/chromium',
  // Without a font there is no text to measure.
  'fonts-dejavu-core': '/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf',
  libfaketime: '/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1',
};
const PARTS_MS = 240_000;

/**
 * Installs the parts that are missing, where that asks nobody: as root on Debian for 64-bit PCs, such as in a fresh container.
 * Elsewhere, or if it fails, the tests that need them say that they were skipped, and why.
 */
export function installParts() {
  const missing = Object.keys(PARTS).filter((name) => !existsSync(PARTS[name]));
  const may = process.platform === 'linux' && process.arch === 'x64' && process.getuid() === 0;
  if (missing.length === 0 || !may || !existsSync('/usr/bin/apt-get')) return;
  say(`Installing ${missing.join(' and ')} …`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const get = (...words) =>
    spawnSync('apt-get', ['-qq', ...words], {
      env,
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: PARTS_MS,
      encoding: 'utf8',
    });
  const install = () => get('install', '-y', '--no-install-recommends', ...missing);
  let { status, stderr } = install();
  // A fresh machine has no list of packages yet, or an old one.
  if (status !== 0) {
    get('update');
    ({ status, stderr } = install());
  }
  if (status !== 0)
    say(`They could not be installed; what needs them is skipped. ${(stderr ?? '').trim().split('\n').at(-1)}`);
}

/** Runs npm with the given Node; only its complaints are shown. Resolves with its exit code. */
function npm(node, args, cwd) {
  const cli = process.env.npm_execpath;
  const own = cli !== undefined && /npm-cli\.c?js$/.test(cli) && existsSync(cli);
  const words = [...args, '--loglevel=error', '--no-update-notifier'];
  const [file, all] = own ? [node.bin, [cli, ...words]] : ['npm', words];
  return new Promise((resolve, reject) => {
    const child = spawn(file, all, { cwd, env: node.env, stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('exit', (code) => resolve(code ?? 1));
    child.on('error', (error) =>
      reject(
        new SetupError(`npm could not be started (${error.message}).`, 'Install npm, then run the command again.'),
      ),
    );
  });
}

// --- build ---

/** Compiles src and dashboard to dist if a source changed since the last time. A failed build leaves the old dist alone. */
export async function build(node) {
  if (isBuilt()) return;
  await locked(toolsFolder(), async () => {
    if (isBuilt()) return;
    say('Building …');
    const sources = sourceHash();
    const made = join(ROOT, '.dist-new');
    rmSync(made, { recursive: true, force: true });
    const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
    const { status } = spawnSync(node.bin, [tsc, '-p', 'tsconfig.build.json', '--outDir', made], {
      cwd: ROOT,
      env: node.env,
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) throw new SetupError('The build failed.', 'Correct the errors above and run the command again.');
    const command = join(made, 'doors', 'cli', 'main.js');
    if (existsSync(command)) chmodSync(command, 0o755);
    if (!buildPages(node, join(made, 'dashboard')))
      throw new SetupError('The build of the dashboard failed.', 'Correct the errors above and run the command again.');
    rmSync(join(ROOT, 'dist'), { recursive: true, force: true });
    renameSync(made, join(ROOT, 'dist'));
    writeFileSync(join(TOOLS, 'built'), sources);
  });
}

function buildPages(node, target) {
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js');
  const args = [vite, 'build', 'dashboard', '--outDir', target, '--logLevel', 'warn'];
  return spawnSync(node.bin, args, { cwd: ROOT, env: node.env, stdio: ['ignore', 2, 2] }).status === 0;
}

function isBuilt() {
  const stamp = join(TOOLS, 'built');
  return (
    ['index.js', 'dashboard/index.html'].every((file) => existsSync(join(ROOT, 'dist', file))) &&
    existsSync(stamp) &&
    readFileSync(stamp, 'utf8') === sourceHash()
  );
}

/** Changes when a source file is added, removed or written. */
function sourceHash() {
  const hash = createHash('sha256');
  const visit = (path) => {
    const info = statSync(join(ROOT, path));
    if (info.isDirectory()) for (const name of readdirSync(join(ROOT, path)).sort()) visit(`${path}/${name}`);
    else hash.update(`${path} ${info.size} ${info.mtimeMs}\n`);
  };
  for (const path of ['src', 'dashboard', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json']) visit(path);
  return hash.digest('hex');
}

function toolsFolder() {
  try {
    mkdirSync(TOOLS, { recursive: true });
    return TOOLS;
  } catch (error) {
    throw new SetupError(`${TOOLS} cannot be made (${error.code}).`, 'Use a checkout in a folder that can be written.');
  }
}
