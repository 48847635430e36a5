import { describe, expect, test } from 'vitest';
import { Lines, Tail } from './lines.ts';

const cut = (chunks: readonly (string | Buffer)[], maxBytes = 100) => {
  const lines: string[] = [];
  const tooLong: string[] = [];
  const reader = new Lines(
    maxBytes,
    (line) => lines.push(line),
    (begin) => tooLong.push(begin),
  );
  for (const chunk of chunks) reader.push(Buffer.from(chunk as string));
  return { lines, tooLong, rest: reader.end() };
};

describe('lines', () => {
  test.each<[string[], string[], string]>([
    [['a\nb\n'], ['a', 'b'], ''],
    [['a', 'b', 'c\n'], ['abc'], ''],
    [['a\n\n \nb\n'], ['a', 'b'], ''],
    [['a\r\nb'], ['a\r'], 'b'],
    [[], [], ''],
  ])('%j are %j, and %j is left', (chunks, lines, rest) => {
    expect(cut(chunks)).toEqual({ lines, tooLong: [], rest });
  });

  test('may be cut in the middle of a character', () => {
    const bytes = Buffer.from('ä€😀\n');
    expect(cut([...bytes].map((byte) => Buffer.from([byte]))).lines).toEqual(['ä€😀']);
  });

  test.each([
    [['x'.repeat(100), '\n'], 1, 0],
    [['x'.repeat(101)], 0, 1],
    [['x'.repeat(60), 'x'.repeat(60), 'y\nz\n'], 0, 1],
    [['a\n', 'x'.repeat(500), '\nb\n'], 1, 1],
  ])('longer than their bound end it (%#)', (chunks, lines, tooLong) => {
    const found = cut(chunks);
    expect([found.lines.length, found.tooLong.length]).toEqual([lines, tooLong]);
    if (tooLong) expect(found.tooLong[0]).toMatch(/^x+$/);
  });

  test('nothing is taken after the end, even from the same chunk', () => {
    const lines: string[] = [];
    const reader: Lines = new Lines(
      100,
      (line) => {
        lines.push(line);
        reader.end();
      },
      () => {},
    );
    reader.push(Buffer.from('a\nb\n'));
    reader.push(Buffer.from('c\n'));
    expect(lines).toEqual(['a']);
  });
});

test('a tail keeps the last bytes alone', () => {
  const tail = new Tail(5);
  tail.push(Buffer.from('abc'));
  expect(tail.text).toBe('abc');
  tail.push(Buffer.from('defg'));
  expect(tail.text).toBe('cdefg');
  tail.push(Buffer.from('x'.repeat(1000)));
  expect(tail.text).toBe('xxxxx');
  tail.clear();
  expect(tail.text).toBe('');
});
