import Module from 'node:module';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Connection, loadPg, numbers, type PgClient, Statements, sql, texts } from './driver.ts';

/** A client that answers nothing, and keeps what it was asked. */
const recorder = (statements = new Statements('my_jobs')) => {
  const asked: { name?: string; text: string; values?: readonly (string | null)[] }[] = [];
  const query = async (given: string | { name?: string; text: string; values: readonly (string | null)[] }) => {
    const { name, text, values } = typeof given === 'string' ? { text: given } : given;
    asked.push({ text, ...(values ? { values } : {}), ...(name === undefined ? {} : { name }) });
    return { rows: [], rowCount: 0, command: '' };
  };
  return { asked, db: new Connection({ query, processID: 42 } as unknown as PgClient, statements) };
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

describe('a name, under which the server keeps a statement', () => {
  const names = async ({ asked, db }: ReturnType<typeof recorder>, statement: string, times: number) => {
    const from = asked.length;
    for (let i = 0; i < times; i++) await db.run(statement);
    return asked.slice(from).map(({ name }) => name);
  };

  test('is given from the third use on, and is the same on every connection', async () => {
    const statements = new Statements('my_jobs');
    const [one, other] = [recorder(statements), recorder(statements)];
    one.db.answeredBy(42);
    other.db.answeredBy(42);
    expect(await names(one, 'SELECT 1', 4)).toEqual([undefined, undefined, 'backline_0', 'backline_0']);
    expect(await names(other, 'SELECT 2', 3)).toEqual([undefined, undefined, 'backline_1']);
    expect(await names(other, 'SELECT 1', 1)).toEqual(['backline_0']);
  });

  test('is not given where another backend may answer the next time', async () => {
    const pooled = recorder();
    expect(await names(pooled, 'SELECT 1', 4)).toEqual(new Array(4).fill(undefined));
    pooled.db.answeredBy(43);
    expect(await names(pooled, 'SELECT 1', 4)).toEqual(new Array(4).fill(undefined));
  });

  test('is given to few, because each backend keeps them all', async () => {
    const many = recorder();
    many.db.answeredBy(42);
    for (let i = 0; i < 60; i++) await names(many, `SELECT ${i}`, 3);
    expect(new Set(many.asked.map(({ name }) => name)).size).toBe(50 + 1);
    expect(await names(many, 'SELECT 0', 1)).toEqual(['backline_0']);
    expect(await names(many, 'SELECT 59', 1)).toEqual([undefined]);
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
