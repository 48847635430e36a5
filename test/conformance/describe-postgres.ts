import { afterAll, beforeAll, describe, test } from 'vitest';
import { describeStore } from './describe-store.ts';
import { type Binaries, postgresOn, type Server, startServer } from './postgres.ts';

/** The suite on a server that these binaries start; where there are none, a skipped case says why. */
export const describePostgres = (name: string, binaries: Binaries): void => {
  if ('without' in binaries) {
    describe(`store: ${name}`, () => test.skip(`all cases (skipped: ${binaries.without})`));
    return;
  }
  let server: Server;
  beforeAll(async () => {
    server = await startServer(binaries);
  });
  afterAll(() => server.dispose());
  describeStore(
    name,
    postgresOn(() => server),
  );
};
