/** `npm run bench`: Backline against its peers and against a plain program on the same database, in one run. See docs/performance.md. */
import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HELP, type Options, readOptions } from './options.ts';
import { preparePeers } from './peer.ts';
import { type BenchServer, startBenchServer } from './postgres/server.ts';
import { type ContenderName, Remotes } from './remote.ts';
import { type Line, table } from './report.ts';
import { runScenario } from './rounds.ts';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const say = (text: string) => process.stderr.write(`${text}\n`);

const main = async (options: Options): Promise<void> => {
  const wanted = new Set(options.scenarios.flatMap(({ against }) => against.peers));
  const skipped = (name: ContenderName, reason: string) => wanted.has(name) && say(`${name} is skipped: ${reason}`);
  const peers = await preparePeers(options.install, skipped);
  const folder = join(options.folder ?? join(HERE, 'data'), `run-${process.pid}`);
  const remotes = new Remotes();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      remotes.end();
      rmSync(folder, { recursive: true, force: true });
      // The server ends with this process.
      process.exit(128 + constants.signals[signal]);
    });
  const lines: Line[] = [];
  let server: BenchServer | null = null;
  try {
    for (const scenario of options.scenarios) {
      if (scenario.store === 'postgres') server ??= await startBenchServer(options.folder);
      say(`${scenario.store} ${scenario.name}: ${scenario.about} …`);
      const run = { rounds: options.rounds, scale: options.scale, peers, folder, server };
      const made = await runScenario(scenario, remotes, run);
      lines.push(...made);
      if (options.json) for (const one of made) process.stdout.write(`${JSON.stringify(one)}\n`);
    }
  } finally {
    remotes.end();
    await server?.end();
    rmSync(folder, { recursive: true, force: true });
  }
  if (!options.json) process.stdout.write(`\n${table(lines)}\n\n${legend(lines, options)}\n`);
};

const legend = (lines: readonly Line[], { rounds, scale }: Options): string =>
  [
    `peers: ${[...new Set(lines.flatMap(({ peer }) => peer ?? []))].join(', ') || 'none'} · Node ${process.version}`,
    'limit: plain better-sqlite3 or pg, the same durability; of threads and children bare messages',
    `medians of ${rounds} rounds taken by turns, scale ${scale}; of ms and MB less is better; the backlog is measured once, with turns inside`,
  ].join('\n');

const fail = (error: unknown, code: number): void => {
  say(`✗ ${error instanceof Error ? error.message : error}`);
  process.exitCode = code;
};

let options: Options | undefined;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  fail(error, 2);
}
if (options?.help) process.stdout.write(HELP);
else if (options)
  await main(options).catch((error) => {
    fail(error, 1);
    // Contenders that still run end with this process.
    process.exit();
  });
