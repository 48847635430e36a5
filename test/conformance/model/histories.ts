import fc from 'fast-check';
import { openSqlite } from '../../../src/store/sqlite/open.ts';
import type { Store } from '../../../src/store/store.ts';
import { type Command, historiesOf, type Profile } from './commands.ts';
import { Session } from './session.ts';

const HISTORIES_PER_STORE = 100;

/**
 * Runs random histories, by default on SQLite in memory. A failure prints its seed and path, and the shortest history that fails: pass both to `fc.assert` to run
 * it again.
 */
export const runHistories = async (
  profile: Profile,
  n: number,
  open: () => Promise<Store> = () => openSqlite(':memory:'),
): Promise<void> => {
  let session: Session | undefined;
  let left = 0;
  const renew = async (): Promise<void> => {
    const old = session;
    session = undefined;
    await old?.close();
  };
  const run = async (history: Command[]): Promise<void> => {
    if (left-- <= 0) {
      await renew();
      left = HISTORIES_PER_STORE;
    }
    session ??= new Session(await open());
    try {
      await session.run(history);
    } catch (error) {
      // What a failure left behind must not disturb the search for a shorter history.
      await renew();
      throw error;
    }
  };
  try {
    await fc.assert(fc.asyncProperty(historiesOf(profile), run), { numRuns: n });
  } finally {
    await renew();
  }
};
