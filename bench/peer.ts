/** Gets the peer ready: it is installed on first use, into this folder, and the bench goes on without it if that fails. */
import { existsSync, readFileSync } from 'node:fs';
import { load, NAME } from './contenders/plainjob.ts';

interface Setup {
  installIn(folder: string, node: { bin: string; env: NodeJS.ProcessEnv }): Promise<void>;
}

const SETUP = new URL('../scripts/setup.mjs', import.meta.url);
const PACKAGE = new URL(`./node_modules/${NAME}/package.json`, import.meta.url);

export type Peer = { readonly name: string } | { readonly name: null; readonly reason: string };

/** @param install whether what is missing may be fetched. */
export const preparePeer = async (install: boolean): Promise<Peer> => {
  try {
    if (install) {
      const { installIn } = (await import(SETUP.href)) as Setup;
      await installIn('bench', { bin: process.execPath, env: process.env });
    }
    if (!existsSync(PACKAGE)) return { name: null, reason: 'it is not installed' };
    await load();
    return { name: `${NAME} ${JSON.parse(readFileSync(PACKAGE, 'utf8')).version}` };
  } catch (error) {
    return { name: null, reason: error instanceof Error ? error.message : String(error) };
  }
};
