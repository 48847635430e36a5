import Module from 'node:module';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Connection, loadPg, numbers, type PgClient, Statements, sql, texts } from './driver.ts';

/** A client that answers nothing, and keeps what it was asked. */
const recorder = () => {
  const asked: { text: string; values?: readonly (string | null)[] }[] = [];
  const query = async (given: string | { text: string; values: readonly (string | null)[] }) => {
    asked.push(typeof given === 'string' ? { text: given } : { text: given.text, values: given.values });
    return { rows: [], rowCount: 0, command: '' };
  };
  return { asked, db: new Connection({ query } as unknown as PgClient, new Statements('my_jobs')) };
};

describe('a statement', () => {
  test('gets its schema and the positions of its values', async () => {
    const { asked, db } = recorder();
    await db.all(sql`SELECT $id, $n::int, $id FROM backline.jobs WHERE a = 'x'`, { n: 5, id: 'j' });
    expect(asked).toEqual([{ text: `SELECT $1, $2::int, $1 FROM "my_jobs".jobs WHERE a = 'x'`, values: ['j', '5'] }]);
  });

  test('has no character 0 in its texts, which PostgreSQL could not hold', async () => {
    const { asked, db } = recorder();
    await db.run('SELECT $a, $b', { a: 'x\0y', b: texts(['\0', 'z']) });
    expect(asked[0]!.values).toEqual(['x\uFFFDy', '{"\uFFFD","z"}']);
  });
});

describe('a list as one value', () => {
  test('quotes what would end it', () => {
    expect(texts(['a', 'b,c', 'd"e', 'f\\g', '{h}', '', 'NULL', null])).toBe(
      '{"a","b,c","d\\"e","f\\\\g","{h}","","NULL",NULL}',
    );
    expect(numbers([1, -2, null, 2.4])).toBe('{1,-2,NULL,2}');
  });

  test('takes no text for one that is none', () => {
    expect(() => texts([{ toString: () => 'poison' } as unknown as string])).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});

test('without the package pg, the error says how to get it', () => {
  const loader = Module as unknown as { _load: (request: string, ...rest: unknown[]) => unknown };
  const load = loader._load;
  onTestFinished(() => {
    loader._load = load;
  });
  loader._load = (request, ...rest) => {
    if (request === 'pg') throw Object.assign(new TypeError("Cannot find module 'pg'"), { code: 'MODULE_NOT_FOUND' });
    return load.call(loader, request, ...rest);
  };
  expect(() => loadPg()).toThrow(
    expect.objectContaining({ code: 'DRIVER_MISSING', next: 'Install it beside backline: npm install pg' }),
  );
});
