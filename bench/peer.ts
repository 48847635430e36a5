/** Gets the peers ready: they are installed on first use, into this folder, and the bench goes on without those that fail. */
import { existsSync, readFileSync } from 'node:fs';
import { load as loadPlainjob } from './contenders/plainjob.ts';
import { load as loadPiscina } from './pools/piscina.ts';
import { load as loadGraphile } from './postgres/graphile.ts';
import { load as loadPgBoss } from './postgres/pg-boss.ts';
import type { ContenderName } from './remote.ts';

interface Setup {
  installIn(folder: string, node: { bin: string; env: NodeJS.ProcessEnv }): Promise<void>;
}

const SETUP = new URL('../scripts/setup.mjs', import.meta.url);
const packageOf = (name: string) => new URL(`./node_modules/${name}/package.json`, import.meta.url);

/** The package of each, and how it is loaded; what its set-up is called if it has several. */
const PEERS: readonly (readonly [ContenderName, string, () => Promise<unknown>, string?])[] = [
  ['plainjob', 'plainjob', loadPlainjob],
  ['piscina', 'piscina', loadPiscina],
  ['pg-boss', 'pg-boss', loadPgBoss],
  ['graphile-worker', 'graphile-worker', loadGraphile],
  ['graphile-worker-batched', 'graphile-worker', loadGraphile, 'batched'],
];

/** Name and version of each that can be measured. */
export type Peers = Readonly<Partial<Record<ContenderName, string>>>;

/** @param install whether what is missing may be fetched. @param skipped is told of each that is left out, and why. */
export const preparePeers = async (
  install: boolean,
  skipped: (name: ContenderName, reason: string) => unknown,
): Promise<Peers> => {
  const ready: Record<string, string> = {};
  const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));
  let missing = 'it is not installed';
  if (install)
    await installAll().catch((error) => {
      missing = reason(error);
    });
  for (const [name, source, load, kind] of PEERS) {
    try {
      if (!existsSync(packageOf(source))) skipped(name, missing);
      else {
        await load();
        const { version } = JSON.parse(readFileSync(packageOf(source), 'utf8'));
        ready[name] = `${source} ${version}${kind === undefined ? '' : ` ${kind}`}`;
      }
    } catch (error) {
      skipped(name, reason(error));
    }
  }
  return ready;
};

const installAll = async (): Promise<void> => {
  const { installIn } = (await import(SETUP.href)) as Setup;
  await installIn('bench', { bin: process.execPath, env: process.env });
};
