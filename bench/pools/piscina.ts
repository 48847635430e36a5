/** The peer for threads, as its documentation sets it up. */
import { fileURLToPath } from 'node:url';
import { type OpenPool, WORKERS } from './pool.ts';

/** Only the part of its API that is used. */
interface Piscina {
  run(payload: unknown): Promise<unknown>;
  destroy(): Promise<void>;
}

interface Module {
  readonly Piscina: new (options: { filename: string; minThreads: number; maxThreads: number }) => Piscina;
}

export const NAME = 'piscina';

/** @throws if it is not installed. Its name is a value here: types are checked also where it is not installed. */
export const load = async (name: string = NAME): Promise<Module> => (await import(name)) as Module;

export const open: OpenPool = async () => {
  const { Piscina } = await load();
  const filename = fileURLToPath(new URL('./noop.ts', import.meta.url));
  const pool = new Piscina({ filename, minThreads: WORKERS, maxThreads: WORKERS });
  return { run: (payload) => pool.run(payload), close: () => pool.destroy() };
};
