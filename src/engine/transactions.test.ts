import { DatabaseSync } from 'node:sqlite';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { codeOf, freshFile, listen, only, refusalOf, startManager } from '../../test/managers.ts';
import { nextEvent, until } from '../../test/wait.ts';
import type { Context } from '../job/context.ts';
import { job } from '../job/define.ts';

/** An application's own connection to the same file, with a table of its own. */
interface Application {
  readonly tx: object;
  run(sql: string): void;
  notes(): string[];
  /** Runs in a transaction that commits unless it throws. */
  transaction<T>(work: () => T): T;
}

const open = (file: string): Application => {
  const db = new Database(file);
  onTestFinished(() => void db.close());
  return {
    tx: db,
    run: (sql) => void db.exec(sql),
    notes: () => (db.prepare('SELECT body FROM notes').all() as { body: string }[]).map(({ body }) => body),
    transaction: (work) => db.transaction(work)(),
  };
};

test('a connection of another copy of SQLite is refused: closing it would drop the locks of this process', async () => {
  const file = freshFile();
  const manager = await startManager({ jobs: { task: job({ run: () => 'ran' }) } }, file);
  const other = new DatabaseSync(file);
  onTestFinished(() => other.close());
  other.exec('BEGIN');
  expect(() => manager.enqueue('task', null, { tx: other })).toThrow(/another copy of SQLite/);
  other.exec('ROLLBACK');
  expect(await manager.count()).toBe(0);
});

describe("a transaction of the application's own", () => {
  const start = async (run: (payload: unknown, ctx: Context, app: Application) => unknown = () => 'ran') => {
    const file = freshFile();
    const holder: { app?: Application } = {};
    const task = job({ run: (payload: unknown, ctx): unknown => run(payload, ctx, holder.app!) });
    const manager = await startManager({ jobs: { task } }, file);
    const app = open(file);
    holder.app = app;
    app.run('CREATE TABLE notes (body text not null)');
    return { manager, app, file, heard: listen(manager) };
  };

  test('that commits brings the job and the data, and the job runs', async () => {
    const { manager, app, heard } = await start();
    const handed: Promise<{ id: string }>[] = [];
    app.transaction(() => {
      app.run(`INSERT INTO notes VALUES ('mine')`);
      handed.push(manager.enqueue('task', { n: 1 }, { tx: app.tx }));
    });
    expect(await manager.result((await handed[0]!).id)).toBe('ran');
    expect(app.notes()).toEqual(['mine']);
    await until(() => only(heard, 'job-completed').length === 1);
    expect(only(heard, 'job-status-changed').map(({ status }) => status)).toEqual([
      'created',
      'queued',
      'running',
      'completed',
    ]);
  });

  test('that rolls back leaves neither', async () => {
    const { manager, app } = await start();
    let id = '';
    expect(() =>
      app.transaction(() => {
        app.run(`INSERT INTO notes VALUES ('mine')`);
        void manager.enqueue('task', null, { tx: app.tx, id: 'gone' }).then((job) => (id = job.id));
        throw new Error('no');
      }),
    ).toThrow('no');
    await until(() => id === 'gone');
    expect(await manager.get('gone')).toBeNull();
    expect(app.notes()).toEqual([]);
    expect(await manager.count()).toBe(0);
    expect(await manager.stats()).toMatchObject({ total: 0 });
  });

  test('hears of a bad job at once, while it can still roll back', async () => {
    const { manager, app } = await start();
    await manager.enqueue('task', null, { id: 'taken', delay: '1h' });
    const within = (work: () => unknown) => () => app.transaction(work);
    expect(await codeOf(within(() => manager.enqueue('task', null, { tx: app.tx, id: 'taken' })))).toBe(
      'DUPLICATE_JOB_ID',
    );
    expect(await codeOf(within(() => manager.enqueue('nope' as never, undefined, { tx: app.tx })))).toBe(
      'UNKNOWN_JOB_TYPE',
    );
    expect(await codeOf(within(() => manager.enqueue('task', 1n, { tx: app.tx })))).toBe('INVALID_PAYLOAD');
    expect(await codeOf(within(() => manager.enqueue('task', 1, { tx: app.tx, parent: 'nobody' })))).toBe(
      'PARENT_NOT_FOUND',
    );
    expect(await manager.count()).toBe(1);
  });

  test('may hand in many jobs, in order', async () => {
    const { manager, app } = await start((payload) => payload);
    const handed = app.transaction(() => [1, 2, 3].map((n) => manager.enqueue('task', n, { tx: app.tx })));
    expect(await Promise.all(handed.map(async (one) => manager.result(await one)))).toEqual([1, 2, 3]);
  });

  test('must be open, and on the same database', async () => {
    const { manager, app } = await start();
    const other = open(freshFile());
    const memory = open(':memory:');
    const enqueue = (tx: object) => () => manager.enqueue('task', null, { tx });
    expect(await refusalOf(enqueue(app.tx))).toMatchObject({ code: 'BAD_TRANSACTION', field: 'tx' });
    expect((await refusalOf(enqueue(app.tx))).message).toContain('has no open transaction');
    for (const { tx, transaction } of [other, memory])
      expect((await refusalOf(() => transaction(enqueue(tx)))).message).toContain('belongs to another database');
    expect((await refusalOf(enqueue({}))).message).toContain('is no SQLite connection');
    expect(await manager.count()).toBe(0);
  });

  test('ctx.complete commits the result with the data', async () => {
    const { manager, app } = await start(async (payload, ctx, { run, transaction, tx }) => {
      transaction(() => {
        run(`INSERT INTO notes VALUES ('done')`);
        void ctx.complete(tx, { payload });
      });
      return 'not this';
    });
    const { id } = await manager.enqueue('task', 7);
    expect(await manager.result(id)).toEqual({ payload: 7 });
    expect(app.notes()).toEqual(['done']);
    expect((await manager.attempts(id)).map(({ outcome }) => outcome)).toEqual(['completed']);
    await until(async () => (await manager.health()).loop?.running === 0);
    expect(await manager.stats()).toMatchObject({ byStatus: { completed: 1, running: 0 }, lateResults: 0 });
  });

  test('ctx.complete that is rolled back did not happen: the job is tried again, and says what went wrong', async () => {
    const { manager, app } = await start(async (_payload, ctx, { run, transaction, tx }) => {
      transaction(() => {
        run(`INSERT INTO notes VALUES ('attempt ${ctx.attempt}')`);
        void ctx.complete(tx, ctx.attempt);
        if (ctx.attempt === 1) throw Object.assign(new Error('the data is wrong'), { code: 'WRONG' });
      });
    });
    const { id } = await manager.enqueue('task');
    expect(await manager.result(id)).toBe(2);
    expect(app.notes()).toEqual(['attempt 2']);
    const [first] = await manager.attempts(id);
    expect(first).toMatchObject({ outcome: 'failed', error: { message: 'the data is wrong', code: 'WRONG' } });
  });

  test('ctx.complete that was silently rolled back is an error of its own', async () => {
    const { manager } = await start(async (_payload, ctx, { run, tx }) => {
      run('BEGIN');
      void ctx.complete(tx, 1);
      run('ROLLBACK');
    });
    const { id } = await manager.enqueue('task', null, { maxAttempts: 1 });
    await expect(manager.result(id)).rejects.toMatchObject({ cause: { code: 'TRANSACTION_ROLLED_BACK' } });
  });

  test('ctx.complete is refused to a handler whose job is no longer its own, so that its data is rolled back', async () => {
    let refused: unknown;
    const { manager, app } = await start(async (_payload, ctx, { run, transaction, tx }) => {
      await manager.cancel(ctx.job.id);
      refused = await refusalOf(() =>
        transaction(() => {
          run(`INSERT INTO notes VALUES ('too late')`);
          void ctx.complete(tx, 1);
        }),
      );
    });
    const cancelled = nextEvent(manager, 'job-cancelled');
    await manager.enqueue('task');
    await cancelled;
    expect(refused).toMatchObject({ code: 'LEASE_LOST' });
    expect(app.notes()).toEqual([]);
  });

  test('ctx.complete twice is refused the second time', async () => {
    let refused: unknown;
    const { manager } = await start(async (_payload, ctx, { transaction, tx }) => {
      transaction(() => void ctx.complete(tx, 'first'));
      refused = await refusalOf(() => transaction(() => void ctx.complete(tx, 'second')));
    });
    expect(await manager.result(await manager.enqueue('task'))).toBe('first');
    expect(refused).toMatchObject({ code: 'LEASE_LOST' });
  });

  test('ctx.complete refuses a result that cannot be stored, and a connection that is none', async () => {
    const refused: string[] = [];
    const { manager } = await start(async (_payload, ctx, { transaction, tx }) => {
      refused.push(await codeOf(() => transaction(() => void ctx.complete(tx, 1n))));
      refused.push(await codeOf(() => ctx.complete(tx, 1)));
      refused.push(await codeOf(() => ctx.complete({}, 1)));
      refused.push(await codeOf(() => ctx.complete(null as never, 1)));
      return 'completed as usual';
    });
    expect(await manager.result(await manager.enqueue('task'))).toBe('completed as usual');
    expect(refused).toEqual(['INVALID_RESULT', 'BAD_TRANSACTION', 'BAD_TRANSACTION', 'BAD_TRANSACTION']);
  });
});

test('a schema that answers with a promise cannot be used inside a transaction, and says so at once', async () => {
  const validate = async (value: unknown) => ({ value });
  const input = { '~standard': { version: 1, vendor: 'test', validate } } as const;
  const file = freshFile();
  const manager = await startManager({ jobs: { task: job({ input, run: () => 1 }) } }, file);
  const db = new Database(file);
  onTestFinished(() => void db.close());
  expect(await codeOf(() => db.transaction(() => manager.enqueue('task', 1, { tx: db }))())).toBe(
    'ASYNC_SCHEMA_IN_TRANSACTION',
  );
  expect(await manager.count()).toBe(0);
});
