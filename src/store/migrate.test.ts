import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { newJobs, T0 } from '../../test/conformance/records.ts';
import { codeOf, freshFolder } from '../../test/managers.ts';
import { type Migratable, type Migration, migrate } from './migrate.ts';
import { connect } from './sqlite/driver.ts';
import { MIGRATIONS, openSqlite } from './sqlite/open.ts';

const step = (version: number): Migration => ({ version, name: `step ${version}`, sql: '' });

const database = (version: number) => {
  const applied: string[] = [];
  const fake: Migratable = { where: 'jobs.db', version: () => version, apply: ({ name }) => void applied.push(name) };
  return { fake, applied };
};

describe('migrations', () => {
  test('that are missing are applied in order', () => {
    const { fake, applied } = database(1);
    expect(migrate(fake, [step(1), step(2), step(3)])).toEqual(['2 step 2', '3 step 3']);
    expect(applied).toEqual(['step 2', 'step 3']);
  });

  test('that are there are not applied again', () => {
    const { fake, applied } = database(3);
    expect(migrate(fake, [step(1), step(2), step(3)])).toEqual([]);
    expect(applied).toEqual([]);
  });

  test('of a newer version are refused, and nothing is changed', async () => {
    const { fake, applied } = database(4);
    expect(await codeOf(() => migrate(fake, [step(1), step(2), step(3)]))).toBe('STORE_NEWER');
    expect(applied).toEqual([]);
  });
});

test('a database of the version before keeps every job through the next step', async () => {
  const file = join(freshFolder(), 'jobs.db');
  const store = await openSqlite(file);
  await store.insert(newJobs(50), T0);
  await store.close();
  const db = connect(file);
  const next: Migration = {
    version: MIGRATIONS.at(-1)!.version + 1,
    name: 'next',
    sql: "alter table jobs add column region text not null default 'eu'; create index next_idx on jobs(region)",
  };
  const target: Migratable = {
    where: file,
    version: () => Number(db.get('SELECT max(version) AS version FROM job_schema')!['version']),
    apply: ({ version, name, sql }) => {
      db.exec(sql);
      db.run('INSERT INTO job_schema VALUES (?, ?, 0)', version, name);
    },
  };
  expect(migrate(target, [...MIGRATIONS, next])).toHaveLength(1);
  expect(migrate(target, [...MIGRATIONS, next])).toEqual([]);
  expect(db.get(`SELECT count(*) AS n FROM jobs WHERE region = 'eu' AND status = 'queued'`)).toEqual({ n: 50 });
  db.close();
  expect(await codeOf(() => openSqlite(file))).toBe('STORE_NEWER');
});
