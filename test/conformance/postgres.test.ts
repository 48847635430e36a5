import { afterAll, beforeAll } from 'vitest';
import { describeStore } from './describe-store.ts';
import { embedded18, postgresOn, type Server, startServer } from './postgres.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

describeStore(
  'PostgreSQL 18',
  postgresOn(() => server),
);
