/** The same random histories as on SQLite (test/property.test.ts), fewer of them: PostgreSQL agrees with the model, answer by answer. */
import { afterAll, beforeAll, test } from 'vitest';
import { openPostgres } from '../../src/store/postgres/open.ts';
import { runHistories } from './model/histories.ts';
import { embedded18, freshSchema, type Server, startServer } from './postgres.ts';

let server: Server;
beforeAll(async () => {
  server = await startServer(embedded18);
});
afterAll(() => server.dispose());

const open = () => openPostgres(freshSchema(server), { durability: 'process' });
/** As behind a great many dead rows: every claim begins at the positions that this process keeps. */
const openAtPositions = () => openPostgres(freshSchema(server), { durability: 'process', manyBlocks: -1_000_000 });

test('12 random histories agree with the model', () => runHistories('everything', 12, open), 120_000);

test('10 random histories behind full limits agree with the model', () => runHistories('limits', 10, open), 120_000);

test('12 random histories of batches agree with the model', () => runHistories('batches', 12, open), 120_000);

test(
  '10 random histories agree with the model where claims begin at positions',
  () => runHistories('everything', 10, openAtPositions),
  120_000,
);
