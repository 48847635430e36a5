import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { parsePayload, readLines, readText } from './input.ts';

const input = (...chunks: (string | Buffer)[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

describe('one payload', () => {
  test('is any JSON value', () => {
    expect(['{"a":1}', '[1]', '"text"', '1', 'null', ' true '].map((json) => parsePayload(json, 'payload'))).toEqual([
      { a: 1 },
      [1],
      'text',
      1,
      null,
      true,
    ]);
  });

  test.each(['', '{', "{'a':1}", 'hello', '{"a":1}{"b":2}', 'NaN', 'undefined'])(
    '%j is refused, naming the place',
    (json) => {
      expect(() => parsePayload(json, 'payload')).toThrow(
        expect.objectContaining({ code: 'INVALID_PAYLOAD', field: 'payload' }),
      );
    },
  );

  test('may come in pieces that cut characters in two', async () => {
    const bytes = Buffer.from('{"a":"日本"}');
    expect(await readText(input(bytes.subarray(0, 7), bytes.subarray(7)))).toBe('{"a":"日本"}');
  });

  test('bytes that are no UTF-8 are refused', async () => {
    await expect(readText(input(Buffer.from([0x22, 0xff, 0x22])))).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
      message: /not UTF-8/,
    });
  });
});

describe('many payloads', () => {
  test('stand one a line; empty lines are passed over', async () => {
    expect(await readLines(input('{"a":1}\r\n\n  2\n', '"x"'))).toEqual([{ a: 1 }, 2, 'x']);
  });

  test('a bad line is named', async () => {
    await expect(readLines(input('1\n2\n{oops}\n4\n'))).rejects.toMatchObject({
      code: 'INVALID_PAYLOAD',
      field: 'line 3',
    });
  });

  test('an empty input is refused', async () => {
    await expect(readLines(input('\n \n'))).rejects.toMatchObject({ code: 'USAGE', message: /held no job/ });
  });

  test('more than one call can store is refused, with the way to part it', async () => {
    await expect(readLines(input('1\n'.repeat(100_001)))).rejects.toMatchObject({
      code: 'USAGE',
      message: /split -l 100000/,
    });
  });
});
