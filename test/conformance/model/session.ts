import type { Store } from '../../../src/store/store.ts';
import { T0 } from '../fixtures.ts';
import type { Command } from './commands.ts';
import { Run, type Start } from './run.ts';

/**
 * A store that goes through one history after the other: opening a database costs more than most histories. Each history begins
 * with an empty one, and later than all that was.
 */
export class Session {
  readonly #store: Store;
  #start: Start = { now: T0, newest: 0, late: 0, boots: 0 };

  constructor(store: Store) {
    this.#store = store;
  }

  async run(history: readonly Command[]): Promise<void> {
    const run = new Run(this.#store, this.#start);
    await run.start();
    for (const [i, command] of history.entries()) {
      await run.step(command);
      if (i % 10 === 9) await run.compare();
    }
    await run.compare();
    await run.drain();
    await run.compare();
    run.expectStories();
    this.#start = await run.clear();
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}
