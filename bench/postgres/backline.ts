/** A backlog of ours on PostgreSQL: two jobs that the public API has made, multiplied; then the store is asked whether it is sound. */
import type { JobManager } from '../../src/index.ts';
import { connect, multiply, placeOf } from './place.ts';

type Manager = Pick<JobManager, 'enqueue' | 'cancel' | 'checkIntegrity'>;

export const stock = async (
  manager: Manager,
  address: string,
  payload: object,
  { finished, delayed, delayMs }: { finished: number; delayed: number; delayMs: number },
): Promise<void> => {
  const { connectionString, schema } = placeOf(address);
  const [ended, later] = [
    await manager.enqueue('noop', payload, { id: 'ended', delay: delayMs }),
    await manager.enqueue('noop', payload, { id: 'later', delay: delayMs }),
  ];
  await manager.cancel(ended.id);
  const client = await connect(connectionString);
  const copy = async (seq: number, status: string, to: string, n: number, first: number) => {
    const sample = `s.seq = ${seq}`;
    const own = { seq: `${first} + i`, run_at: 's.run_at + i' };
    await multiply(client, `${schema}.job_body`, sample, n, { ...own, id: `'${status}-' || lpad(i::text, 8, '0')` });
    await multiply(client, `${schema}.${to}`, sample, n, own);
    await client.query(`INSERT INTO ${schema}.job_count_deltas VALUES ('default', '${status}', 'noop', ${n})`);
  };
  await copy(ended.seq, 'cancelled', 'job_done', finished, later.seq);
  await copy(later.seq, 'queued', 'job_ready', delayed, later.seq + finished);
  await client.query(
    `SELECT setval(pg_get_serial_sequence('${schema}.job_body', 'seq'), ${later.seq + finished + delayed})`,
  );
  await client.end();
  const { ok, problems } = await manager.checkIntegrity();
  if (!ok) throw new Error(`The backlog is not sound: ${problems[0]}`);
};
