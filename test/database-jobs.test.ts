/** The table of jobs as other programs see it: names, types, defaults, indexes, and what is written into each column. */
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { JobManager } from '../src/engine/job-manager.ts';
import { job } from '../src/job/define.ts';
import { newFolder } from './crash/files.ts';
import { until } from './wait.ts';

let place: ReturnType<typeof newFolder>;
let db: Database.Database;
let manager: JobManager;

const QUIET = { logger: false, handleSignals: false, progressUpdateInterval: 0, grace: 50 } as const;

const jobs = {
  good: job({ run: () => ({ bpm: 120 }) }),
  bad: job({
    maxAttempts: 1,
    run: () => {
      throw new TypeError('no such key');
    },
  }),
  second: job({
    backoff: { kind: 'fixed', delay: 1 },
    run: (_: unknown, ctx) => {
      if (ctx.attempt === 1) throw new TypeError('only once');
    },
  }),
  progressing: job({
    run: async (_: unknown, ctx) => {
      for (const n of [-5, 12.7, 33.333, 250]) ctx.progress(n);
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve));
    },
  }),
};

beforeAll(async () => {
  place = newFolder();
  manager = new JobManager(place.file, { jobs, ...QUIET });
  await manager.start();
  db = new Database(place.file);
});
afterAll(async () => {
  await manager.close({ timeout: 0 });
  db.close();
  place.dispose();
});

const row = (id: string) => db.prepare('SELECT * FROM jobs WHERE id = ?').get(id) as Record<string, unknown>;

/** Runs a job to its end, whatever it is. */
const ended = async (type: 'good' | 'bad' | 'second', options: object = {}) => {
  const { id } = await manager.enqueue(type, null, options);
  await until(() => row(id)['completed_at'] !== null);
  return row(id);
};

/** name, type, not null, default: as the first system had them. */
const COLUMNS: readonly (readonly [string, string, 0 | 1, string | null])[] = [
  ['id', 'TEXT', 1, null],
  ['type', 'TEXT', 1, null],
  ['status', 'TEXT', 1, "'created'"],
  ['priority', 'INTEGER', 1, '5'],
  ['payload', 'TEXT', 1, null],
  ['progress', 'INTEGER', 0, '0'],
  ['result', 'TEXT', 0, null],
  ['error', 'TEXT', 0, null],
  ['attempts', 'INTEGER', 0, '0'],
  ['max_attempts', 'INTEGER', 0, '3'],
  ['parent_job_id', 'TEXT', 0, null],
  ['user_initiated', 'INTEGER', 0, '1'],
  ['timeout_seconds', 'INTEGER', 0, '300'],
  ['created_at', 'INTEGER', 1, null],
  ['queued_at', 'INTEGER', 0, null],
  ['started_at', 'INTEGER', 0, null],
  ['completed_at', 'INTEGER', 0, null],
  ['timeout_at', 'INTEGER', 0, null],
];

describe('the table "jobs"', () => {
  for (const [name, type, notNull, initial] of COLUMNS)
    test(`has the column ${name} ${type}${notNull ? ' NOT NULL' : ''}${initial ? ` DEFAULT ${initial}` : ''}`, () => {
      const columns = db.pragma('table_info(jobs)') as {
        name: string;
        type: string;
        notnull: number;
        dflt_value: string | null;
      }[];
      const found = columns.find((column) => column.name === name)!;
      expect([found.type.toUpperCase(), found.notnull, found.dflt_value]).toEqual([type, notNull, initial]);
    });

  test('has unique ids, and parents that must exist', () => {
    const insert = db.prepare(
      `INSERT INTO jobs (id, type, created_at, payload, parent_job_id) VALUES (?, 'good', 1, 'null', ?)`,
    );
    db.exec('BEGIN');
    insert.run('one', null);
    expect(() => insert.run('one', null)).toThrow(/UNIQUE/);
    expect(() => insert.run('two', 'nobody')).toThrow(/FOREIGN KEY/);
    db.exec('ROLLBACK');
    expect(db.pragma('foreign_key_list(jobs)')).toMatchObject([{ table: 'jobs', from: 'parent_job_id', to: 'id' }]);
  });

  for (const [name, column] of [
    ['idx_jobs_status', 'status'],
    ['idx_jobs_type', 'type'],
    ['idx_jobs_priority', 'priority'],
    ['idx_jobs_user_initiated', 'user_initiated'],
    ['idx_jobs_parent_id', 'parent_job_id'],
    ['idx_jobs_created_at', 'created_at'],
  ] as const)
    test(`has the index ${name} on ${column}`, () => {
      const columns = db.pragma(`index_info(${name})`) as { name: string }[];
      expect(columns.map((found) => found.name)).toContain(column);
      expect(db.prepare(`SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND name = ?`).pluck().get(name)).toBe(
        'jobs',
      );
    });

  test('is made once: starting again does not fail and loses nothing', async () => {
    const file = join(place.folder, 'again.db');
    for (let starts = 1; starts <= 3; starts++) {
      const again = new JobManager(file, { jobs, ...QUIET, worker: false });
      await again.start();
      await again.enqueue('good');
      expect(await again.count()).toBe(starts);
      await again.close();
    }
  });

  test('its indexes are used: no list by state, parent or initiator, and no claim, walks the table', () => {
    const plan = (sql: string) =>
      (db.prepare(`EXPLAIN QUERY PLAN ${sql}`).all() as { detail: string }[]).map(({ detail }) => detail).join('; ');
    expect(
      plan(
        `SELECT * FROM jobs WHERE status = 'failed' AND status NOT IN ('queued', 'running') ORDER BY seq DESC LIMIT 9`,
      ),
    ).toContain('idx_jobs_status');
    expect(plan(`SELECT * FROM jobs WHERE parent_job_id = 'x' ORDER BY seq DESC LIMIT 9`)).toContain(
      'idx_jobs_parent_id',
    );
    expect(plan(`SELECT * FROM jobs WHERE user_initiated = 0`)).toContain('idx_jobs_user_initiated');
    expect(
      plan(
        `SELECT * FROM jobs WHERE queue = 'x' AND status = 'queued' AND gate = 0 ORDER BY priority, run_at, seq LIMIT 9`,
      ),
    ).toMatch(/SEARCH jobs USING INDEX idx_jobs_priority(?!.*TEMP B-TREE)/);
  });
});

describe('a row', () => {
  test('of a new job: an id of the UUID form, JSON payload, times in epoch milliseconds', async () => {
    const before = Date.now();
    const { id } = await manager.enqueue('good', { path: 'ä.flac' }, { held: true });
    const held = row(id);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(held).toMatchObject({
      status: 'created',
      attempts: 0,
      priority: 5,
      max_attempts: 3,
      user_initiated: 1,
      timeout_seconds: 300,
    });
    expect(JSON.parse(held['payload'] as string)).toEqual({ path: 'ä.flac' });
    expect(held['created_at']).toBeGreaterThanOrEqual(before);
    expect(held['created_at']).toBeLessThanOrEqual(Date.now());
    expect([held['queued_at'], held['started_at'], held['completed_at'], held['timeout_at']]).toEqual([
      null,
      null,
      null,
      null,
    ]);
    await manager.resumeJob(id);
    await until(() => row(id)['status'] === 'completed');
    expect(row(id)['queued_at']).toBeGreaterThanOrEqual(before);
  });

  test('of a completed job: result, progress 100, no error, and times in order', async () => {
    const done = await ended('good', { timeout: '90s' });
    expect(done).toMatchObject({ status: 'completed', progress: 100, error: null, attempts: 1, timeout_seconds: 90 });
    expect(JSON.parse(done['result'] as string)).toEqual({ bpm: 120 });
    const [created, queued, started, completed] = ['created_at', 'queued_at', 'started_at', 'completed_at'].map(
      (name) => Number(done[name]),
    );
    expect(created!).toBeLessThanOrEqual(queued!);
    expect(queued!).toBeLessThanOrEqual(started!);
    expect(started!).toBeLessThanOrEqual(completed!);
    expect(done['timeout_at']).toBe(started! + 90_000);
  });

  test('of a failed job: the error, and the time of its end', async () => {
    const failed = await ended('bad');
    expect(failed).toMatchObject({ status: 'failed', error: 'no such key', result: null, attempts: 1 });
  });

  test('of a job that failed once and then completed: no error is left', async () => {
    expect(await ended('second')).toMatchObject({ status: 'completed', error: null, attempts: 2 });
  });

  test('of a cancelled job: the reason, and the time of its end', async () => {
    const { id } = await manager.enqueue('good', null, { delay: '1h' });
    await manager.cancel(id, { reason: 'not needed' });
    expect(row(id)).toMatchObject({ status: 'cancelled', error: 'not needed', completed_at: expect.any(Number) });
  });

  test('of a job of the system: user_initiated is 0', async () => {
    expect(await ended('good', { userInitiated: false })).toMatchObject({ user_initiated: 0 });
  });

  test('holds whole percentages from 0 to 100 as progress', async () => {
    const { id } = await manager.enqueue('progressing');
    await until(() => row(id)['progress'] === 100);
    const wrong = db.prepare(
      `SELECT count(*) FROM jobs WHERE progress NOT BETWEEN 0 AND 100 OR typeof(progress) <> 'integer'`,
    );
    expect(wrong.pluck().get()).toBe(0);
  });

  test('holds JSON wherever JSON is promised, small or large', async () => {
    await manager.enqueue('good', { large: 'x'.repeat(10_000) });
    await ended('good');
    const wrong =
      'SELECT count(*) FROM jobs WHERE json_valid(payload) = 0 OR (result IS NOT NULL AND json_valid(result) = 0)';
    expect(db.prepare(wrong).pluck().get()).toBe(0);
    expect(db.prepare('SELECT count(*) FROM job_payloads WHERE json_valid(payload) = 0').pluck().get()).toBe(0);
  });
});
