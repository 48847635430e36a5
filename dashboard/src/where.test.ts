import { describe, expect, test } from 'vitest';
import { isCounted, isOpen, textOf, valueText, withWord, wordsOf } from './where.ts';

describe('the words of a search', () => {
  test.each([
    ['', []],
    ['status:failed', [['status', 'failed']]],
    [
      '  status:failed,timeout   queue:a ',
      [
        ['status', 'failed,timeout'],
        ['queue', 'a'],
      ],
    ],
    [
      'error:"SMTP 421: no" since:1h',
      [
        ['error', '"SMTP 421: no"'],
        ['since', '1h'],
      ],
    ],
    [
      'error:"a \\" b" tag:x',
      [
        ['error', '"a \\" b"'],
        ['tag', 'x'],
      ],
    ],
    ['error:"not closed yet', [['error', '"not closed yet']]],
    ['until:2026-01-31T08:00Z', [['until', '2026-01-31T08:00Z']]],
    ['payload.user.id:42', [['payload.user.id', '42']]],
    [
      'bare words',
      [
        ['', 'bare'],
        ['', 'words'],
      ],
    ],
    ['"quoted alone"', [['', '"quoted alone"']]],
    ['a:b"c d"e', [['a', 'b"c d"e']]],
    [':x', [['', ':x']]],
    ['x:', [['x', '']]],
  ])('%s', (text, expected) => {
    const words = wordsOf(text);
    expect(words.map(({ key, value }) => [key, value])).toEqual(expected);
    // Nothing that was typed is lost.
    expect(textOf(words).replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
  });

  test.each([
    ['status:failed', true],
    ['status:failed ', false],
    ['error:"SMTP ', true],
    ['error:"SMTP 421" ', false],
    ['error:"a \\" ', true],
    [' ', false],
  ])('%j is still being typed: %s', (text, open) => {
    expect(isOpen(text)).toBe(open);
  });

  test('a word takes the place of one with the same key', () => {
    expect(withWord('status:failed queue:a', 'status', 'running')).toBe('queue:a status:running');
    expect(withWord('', 'error', 'SMTP 421, "no"')).toBe('error:"SMTP 421, \\"no\\""');
  });

  test('a value is quoted where it must be', () => {
    expect([valueText('plain'), valueText('two words'), valueText('a,b'), valueText('')]).toEqual([
      ...['plain', '"two words"', '"a,b"', '""'],
    ]);
  });

  test('the server counts these without looking at the jobs', () => {
    expect(isCounted('status:failed queue:a type:b')).toBe(true);
    expect(isCounted('')).toBe(true);
    expect(isCounted('status:failed error:x')).toBe(false);
  });
});
