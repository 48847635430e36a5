/** Gets the peers ready: they are installed on first use, into this folder, and the bench goes on without those that fail. */
import { existsSync, readFileSync } from 'node:fs';
import { load as loadPlainjob } from './contenders/plainjob.ts';
import { load as loadPiscina } from './pools/piscina.ts';
import type { ContenderName } from './remote.ts';

interface Setup {
  installIn(folder: string, node: { bin: string; env: NodeJS.ProcessEnv }): Promise<void>;
}

const SETUP = new URL('../scripts/setup.mjs', import.meta.url);
const packageOf = (name: string) => new URL(`./node_modules/${name}/package.json`, import.meta.url);

const PEERS = { plainjob: loadPlainjob, piscina: loadPiscina } as const;

/** Name and version of each that can be measured. */
export type Peers = Readonly<Partial<Record<ContenderName, string>>>;

/** @param install whether what is missing may be fetched. @param skipped is told of each that is left out, and why. */
export const preparePeers = async (
  install: boolean,
  skipped: (name: string, reason: string) => void,
): Promise<Peers> => {
  const ready: Record<string, string> = {};
  const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));
  let missing = 'it is not installed';
  if (install)
    await installAll().catch((error) => {
      missing = reason(error);
    });
  for (const [name, load] of Object.entries(PEERS)) {
    try {
      if (!existsSync(packageOf(name))) skipped(name, missing);
      else {
        await load();
        ready[name] = `${name} ${JSON.parse(readFileSync(packageOf(name), 'utf8')).version}`;
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
