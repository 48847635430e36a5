/** Both databases for tests of more than one room: a fresh one for each test. */
import { afterAll, beforeAll } from 'vitest';
import { embedded18, freshSchema, type Server, startServer } from '../conformance/postgres.ts';

/** Names, and how to get the address of a database with nothing in it. To be called once in a file. */
export const storesToTest = (): [name: string, url: () => Promise<string>][] => {
  let server: Server | undefined;
  beforeAll(async () => {
    server = await startServer(embedded18);
  });
  afterAll(() => server?.dispose());
  return [
    ['SQLite', async () => ':memory:'],
    ['PostgreSQL', async () => freshSchema(server!)],
  ];
};
