import { describe, expect, test } from 'vitest';
import { BacklineError } from '../../job/backline-error.ts';
import { checkUploadId, MAX_NAME_BYTES, partsOf, safeName, storedName } from './upload-name.ts';

const refusal = (attempt: () => unknown): unknown => {
  try {
    return attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(BacklineError);
    return (error as BacklineError).code;
  }
};

describe('the name of an uploaded file', () => {
  test.each([
    ...[
      'catalog.csv',
      'Katalog März 2026 (1).csv',
      '目录.csv',
      'каталог',
      'a',
      'ä'.repeat(75),
      'nul-values.csv',
      'console.csv',
    ],
    ...["it's a+b=c, 100 %.csv", 'a_b_c.csv', 'a..b', '-rf', '~', '$HOME', '😀.csv'],
  ])('may be %s', (name) => {
    expect(safeName(name)).toBe(name.normalize('NFC'));
    expect(partsOf(storedName('id-1', safeName(name)))).toEqual({ id: 'id-1', name: name.normalize('NFC') });
  });

  test('is stored in one spelling', () => {
    expect(safeName('a\u0308.csv')).toBe('ä.csv');
  });

  test.each([
    ...['', '.', '..', '...', '.hidden', '../../etc/passwd', '/etc/passwd', 'a/b', 'a\\b', '..\\..\\win.ini', 'C:\\x'],
    ...[
      'c:x',
      'a\0.csv',
      'a\n.csv',
      'a\x7f',
      'a\u0085',
      'a\u2028b',
      '\ud800.csv',
      'a\ufffd',
      'a\u202Egpj.csv',
      'a\u200Bb',
    ],
    ...[
      'a\u2066b',
      '\ufeffa',
      'a\u00adb',
      'a\ufe0fb',
      'a\u{e0041}',
      'a\u3164',
      'a\ue000',
      'a\uff0fb',
      'a\uff3cb',
      'a\uff1ab',
    ],
    ...[
      'a\u2024\u2024/b',
      'a?',
      'a*',
      'a|b',
      '<a>',
      'a"b',
      ' a',
      'a ',
      'a.',
      '\u3000a',
      'a\u00a0',
      'CON',
      'con.csv',
      'Nul',
    ],
    ...['aux.tar.gz', 'COM1', 'lpt9.txt', 'com¹', 'CONIN$', 'x'.repeat(MAX_NAME_BYTES + 1), 'ä'.repeat(76)],
  ])('may not be %j', (name) => {
    expect(refusal(() => safeName(name))).toBe('BAD_UPLOAD');
  });
});

describe('the id of an upload', () => {
  test.each(['a', 'A-1', '0', '019f', 'x'.repeat(64)])('may be %s', (id) => {
    expect(checkUploadId(id)).toBe(id);
  });

  test.each(['', '-a', 'a_b', 'a.b', '..', 'a/b', 'ä', 'a b', 'a\n', 'x'.repeat(65), '__proto__'])(
    'may not be %j',
    (id) => {
      expect(refusal(() => checkUploadId(id))).toBe('BAD_UPLOAD');
    },
  );

  test.each(['catalog.csv', '_a', 'a_', '.receiving-a_b', '-a_b', 'a.b_c'])('is not read from %s', (stored) => {
    expect(partsOf(stored)).toBeNull();
  });
});
