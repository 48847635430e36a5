/** Everything through PgBouncer in transaction mode: each transaction may meet another connection of the server. */
import { job } from 'backline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embedded18, type PgClient, query, type Server, startServer } from '../conformance/postgres.ts';
import { codeOf, listen, only, startManager, statesOf } from '../managers.ts';
import { signal, until } from '../wait.ts';
import { type Pooler, startPooler, withoutPgBouncer } from './pooler.ts';

if (withoutPgBouncer) process.stderr.write(`Left out: PostgreSQL behind a pooler; ${withoutPgBouncer}.\n`);

describe.skipIf(withoutPgBouncer !== null)('behind a transaction pooler', () => {
  let server: Server;
  let pooler: Pooler;
  let schemas = 0;

  beforeAll(async () => {
    server = await startServer(embedded18);
    // Fewer than the managers of a test have connections: they must take turns.
    pooler = await startPooler(server, 5);
  });
  afterAll(async () => {
    await pooler?.dispose();
    await server?.dispose();
  });

  const fresh = (): string => `${pooler.url()}?schema=pooled_${schemas++}`;

  test('jobs are handed in one by one and in bulk, and two managers run each of them once', async () => {
    const url = fresh();
    const runs = new Map<number, number>();
    const count = job({
      run: (n: number) => {
        runs.set(n, (runs.get(n) ?? 0) + 1);
        return n;
      },
    });
    const [one, two] = [
      await startManager({ jobs: { count } }, url),
      await startManager({ jobs: { count }, queues: ['default'] }, url),
    ];
    await one.enqueueMany(Array.from({ length: 1000 }, (_, n) => ({ type: 'count' as const, payload: n })));
    const handed = await Promise.all(
      Array.from({ length: 200 }, (_, i) => (i % 2 ? one : two).enqueue('count', 1000 + i)),
    );
    for (const [i, { id }] of handed.entries()) expect(await two.result(id)).toBe(1000 + i);
    await until(async () => (await one.stats()).byStatus.completed === 1200);
    expect([runs.size, Math.max(...runs.values())]).toEqual([1200, 1]);
  });

  test('events of jobs in other processes come in order, although no notification passes a pooler', async () => {
    const url = fresh();
    const task = job({ run: (payload: unknown) => payload });
    const worker = await startManager({ jobs: { task } }, url);
    const watcher = await startManager({ worker: false }, url);
    const heard = [listen(worker), listen(watcher)];
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push((await watcher.enqueue('task', i)).id);
    for (const events of heard) {
      await until(() => only(events, 'job-completed').length === 20);
      for (const id of ids) expect(statesOf(events, id)).toEqual(['created', 'queued', 'running', 'completed']);
    }
  });

  test('limits, pauses, keys, cancels and retries hold', async () => {
    const url = fresh();
    let running = 0;
    let most = 0;
    const gate = signal();
    const slow = job({
      run: async (_: unknown, ctx) => {
        most = Math.max(most, ++running);
        await Promise.race([gate.reached, new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))]);
        running--;
        ctx.signal.throwIfAborted();
      },
    });
    const managers = [
      await startManager({ jobs: { slow } }, url),
      await startManager({ jobs: { slow } }, url),
    ] as const;
    await managers[0].limitQueue('default', 3);
    const jobs = await Promise.all(Array.from({ length: 12 }, (_, i) => managers[i % 2]!.enqueue('slow')));
    await until(() => running === 3);
    const status = async (id: string) => (await managers[0].get(id))?.status;
    const held = await Promise.all(jobs.map(async ({ id }) => ((await status(id)) === 'running' ? id : null)));
    const id = held.find((one) => one !== null)!;
    expect(await managers[1].cancel(id)).toBe('requested');
    await until(async () => (await status(id)) === 'cancelled');
    expect(await managers[1].retry(id)).toBe(true);
    await managers[0].enqueue('slow', undefined, { key: 'one', delay: '1h' });
    expect(await codeOf(() => managers[1].enqueue('slow', undefined, { key: 'one', onConflict: 'reject' }))).toBe(
      'DUPLICATE_KEY',
    );
    gate.reach();
    await until(async () => (await managers[0].stats()).byStatus.completed === 12);
    expect(most).toBe(3);
  });

  test('a job is handed in within a transaction that goes through the pooler too', async () => {
    const url = fresh();
    const manager = await startManager({ jobs: { task: job({ run: (payload: unknown) => payload }) } }, url);
    const client = await connect(pooler.url());
    await client.query('BEGIN');
    const { id } = await manager.enqueue('task', 'mine', { tx: client });
    await client.query('COMMIT');
    await client.end();
    expect(await manager.result(id)).toBe('mine');
  });

  test('when the pooler dies in the middle of a drain and comes back, nothing is lost, and nothing runs twice', async () => {
    const url = fresh();
    const runs = new Map<number, number>();
    const some = signal();
    const count = job({
      run: (n: number) => {
        runs.set(n, (runs.get(n) ?? 0) + 1);
        if (runs.size === 300) some.reach();
      },
    });
    const feeder = await startManager({ worker: false, jobs: { count } }, url);
    await feeder.enqueueMany(Array.from({ length: 3000 }, (_, n) => ({ type: 'count' as const, payload: n })));
    const worker = await startManager({ jobs: { count }, maxConcurrentJobs: 20 }, url);
    const heard = listen(worker);
    await some.reached;
    await pooler.kill();
    await until(() => only(heard, 'store-unavailable').length > 0);
    await pooler.start();
    await until(async () => (await feeder.stats()).byStatus.completed === 3000, 'all are done', 25_000);
    expect([runs.size, Math.max(...runs.values())]).toEqual([3000, 1]);
    expect(only(heard, 'store-recovered')).toHaveLength(only(heard, 'store-unavailable').length);
  });

  test('closing leaves no connection behind, and no transaction', async () => {
    const url = fresh();
    const manager = await startManager({ jobs: { task: job({ run: () => 1 }) } }, url);
    await manager.result(await manager.enqueue('task'));
    await manager.close();
    const open = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'`;
    await until(async () => (await query(server.url(), open))[0]!['n'] === 0);
    const [{ workers }] = (await query(
      server.url(),
      `SELECT count(*)::int AS workers FROM ${new URL(url).searchParams.get('schema')}.job_workers`,
    )) as [{ workers: number }];
    expect(workers).toBe(0);
  });
});

const connect = async (url: string): Promise<PgClient> => {
  const { createRequire } = await import('node:module');
  const { Client } = createRequire(import.meta.url)('pg') as { Client: new (config: object) => PgClient };
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
};
