import type { StandardSchemaV1 } from '@standard-schema/spec';
import { describe, expect, test } from 'vitest';
import { encodePayload, encodeResult, validate } from './payload.ts';

const MIB = 1024 * 1024;
const schema = (check: StandardSchemaV1['~standard']['validate']): StandardSchemaV1 => ({
  '~standard': { version: 1, vendor: 'test', validate: check },
});

describe('encoding a payload', () => {
  test.each<[unknown, string]>([
    [undefined, 'null'],
    [null, 'null'],
    [0, '0'],
    [false, 'false'],
    ['', '""'],
    [{ a: undefined, b: 1 }, '{"b":1}'],
    [{ at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
    ['\ud800', '"\\ud800"'],
  ])('%j becomes %s', (payload, json) => {
    expect(encodePayload(payload, MIB)).toBe(json);
  });

  test('what JSON would lose is refused, naming the path', () => {
    expect(() => encodePayload({ items: [{ n: 1 }, { n: Number.NaN }] }, MIB)).toThrow(
      expect.objectContaining({ code: 'INVALID_PAYLOAD', field: 'payload.items[1].n' }),
    );
  });

  test.each<[string, string, number]>([
    ['ASCII', 'a', 1],
    ['two bytes a character', 'é', 2],
    ['three bytes a character', '日', 3],
    ['four bytes a character', '😀', 4],
    ['half characters, which are escaped', '\ud800', 6],
  ])('the limit counts bytes of UTF-8: %s', (_, character, bytes) => {
    const n = 100;
    const exact = n * bytes + 2;
    expect(Buffer.byteLength(encodePayload(character.repeat(n), exact))).toBe(exact);
    expect(() => encodePayload(character.repeat(n), exact - 1)).toThrow(
      expect.objectContaining({
        code: 'PAYLOAD_TOO_LARGE',
        field: 'payload',
        found: `${exact} bytes`,
        allowed: `at most ${exact - 1} bytes`,
      }),
    );
  });

  test('a mebibyte fits, and one byte more does not', () => {
    expect(encodePayload('x'.repeat(MIB - 2), MIB)).toHaveLength(MIB);
    expect(() => encodePayload('x'.repeat(MIB - 1), MIB)).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE' }),
    );
  });
});

describe('encoding a result', () => {
  test('nothing is nothing', () => {
    expect(encodeResult(undefined, MIB)).toBeNull();
    expect(encodeResult(null, MIB)).toBeNull();
    expect(encodeResult(false, MIB)).toBe('false');
    expect(encodeResult(0, MIB)).toBe('0');
    expect(encodeResult('', MIB)).toBe('""');
  });

  test('what cannot be stored is named', () => {
    expect(() => encodeResult({ rows: new Map() }, MIB)).toThrow(
      expect.objectContaining({ code: 'INVALID_RESULT', field: 'result.rows' }),
    );
    expect(() => encodeResult('x'.repeat(100), 50)).toThrow(
      expect.objectContaining({ code: 'PAYLOAD_TOO_LARGE', field: 'result' }),
    );
  });
});

describe('validating with a schema', () => {
  test('without a schema everything passes unchanged', () => {
    const payload = { any: 'thing' };
    expect(validate(undefined, payload)).toBe(payload);
  });

  test("the schema's output is what comes back, now or later", async () => {
    expect(
      validate(
        schema((value) => ({ value: [value] })),
        1,
      ),
    ).toEqual([1]);
    expect(
      await validate(
        schema(async (value) => ({ value: [value] })),
        1,
      ),
    ).toEqual([1]);
  });

  test.each<[string, StandardSchemaV1.Issue[], string, RegExp]>([
    ['no path', [{ message: 'no' }], 'payload', /^payload does not fit its schema: no\./],
    ['a path', [{ message: 'no', path: ['a', 0, 'b'] }], 'payload.a.0.b', /^payload\.a\.0\.b does not fit/],
    [
      'a path of objects',
      [{ message: 'no', path: [{ key: 'a' }, { key: Symbol('s') }] }],
      'payload.a.Symbol(s)',
      /fit/,
    ],
    ['more than one', [{ message: 'no' }, { message: 'nor this' }], 'payload', /no \(and 1 more\)/],
    ['none at all', [], 'payload', /no reason given/],
  ])('issues with %s', (_, issues, field, message) => {
    expect(() =>
      validate(
        schema(() => ({ issues })),
        1,
      ),
    ).toThrow(expect.objectContaining({ code: 'INVALID_PAYLOAD', field, message: expect.stringMatching(message) }));
  });

  test('a late refusal is a refusal', async () => {
    const late = schema(async () => ({ issues: [{ message: 'no', path: ['a'] }] }));
    await expect(validate(late, 1)).rejects.toMatchObject({ code: 'INVALID_PAYLOAD', field: 'payload.a' });
  });

  test('a schema that fails itself is a refusal that keeps the cause', async () => {
    const fault = new Error('broken check');
    const fails = schema(() => {
      throw fault;
    });
    expect(() => validate(fails, 1)).toThrow(expect.objectContaining({ code: 'INVALID_PAYLOAD', cause: fault }));
    await expect(
      validate(
        schema(() => Promise.reject(fault)),
        1,
      ),
    ).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
      cause: fault,
    });
  });
});
