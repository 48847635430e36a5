import { describe, expect, test } from 'vitest';
import { storeClosed } from '../../job/errors.ts';
import { loadPg } from './driver.ts';
import { explain, isConflict, isLost } from './explain.ts';

const fault = (code: string | undefined, message = 'as the server says') =>
  Object.assign(new Error(message), code ? { code } : {});
const CONFIG = {
  connectionString: 'postgres://localhost/none',
  application_name: 'backline',
  connectionTimeoutMillis: 1000,
  keepAlive: true,
  keepAliveInitialDelayMillis: 1000,
};
const WHERE = 'postgres://h/d?schema=backline';

describe('an error of the driver or the server', () => {
  test.each([
    ['57P01', 'STORE_UNAVAILABLE'],
    ['57P03', 'STORE_UNAVAILABLE'],
    ['53300', 'STORE_UNAVAILABLE'],
    ['08006', 'STORE_UNAVAILABLE'],
    ['ECONNREFUSED', 'STORE_UNAVAILABLE'],
    ['ENOTFOUND', 'STORE_UNAVAILABLE'],
    ['28P01', 'STORE_UNAVAILABLE'],
    ['3D000', 'STORE_UNAVAILABLE'],
    ['42501', 'STORE_UNAVAILABLE'],
    ['40P01', 'STORE_BUSY'],
    ['40001', 'STORE_BUSY'],
    ['55P03', 'STORE_BUSY'],
    ['25006', 'STORE_READ_ONLY'],
    ['53100', 'STORE_FULL'],
    ['XX001', 'STORE_DAMAGED'],
  ])('%s becomes %s, and is kept as its cause', (code, ours) => {
    const error = fault(code);
    expect(explain(error, WHERE)).toMatchObject({ code: ours, cause: error, message: expect.stringContaining(WHERE) });
  });

  test.each([
    'Connection terminated unexpectedly',
    'Connection terminated due to connection timeout',
    'Client has encountered a connection error and is not queryable',
    'Query read timeout',
    'timeout exceeded when trying to connect',
  ])('"%s" means that the connection is lost', (message) => {
    expect(isLost(fault(undefined, message))).toBe(true);
    expect(explain(fault(undefined, message), WHERE)).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  });

  test('that the pool has ended means that the store is closed', async () => {
    const pool = new (loadPg().Pool)({
      ...CONFIG,
      max: 1,
      allowExitOnIdle: true,
      idleTimeoutMillis: 1,
      Client: loadPg().Client,
    });
    await pool.end();
    const error = await pool.connect().catch((refused: unknown) => refused);
    expect(explain(error, WHERE)).toMatchObject({ code: 'STORE_CLOSED' });
  });

  test('of another kind passes unchanged, and ours too', () => {
    for (const error of [fault('22P02'), fault('23505'), fault(undefined, 'a bug'), storeClosed(), 'text', null]) {
      expect(explain(error, WHERE)).toBe(error);
      expect([isLost(error), isConflict(error)]).toEqual([false, false]);
    }
  });
});
