import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { invalidOption, jobFailed, unknownJobType } from '../../job/errors.ts';
import { bytes, clean, clip, count, Output, span, table, time } from './print.ts';

const makeOutput = (options: { json?: boolean; debug?: boolean } = {}) => {
  const [out, err] = [new PassThrough(), new PassThrough()] as const;
  const streams = [out, err].map((stream) => stream as unknown as NodeJS.WriteStream) as [
    NodeJS.WriteStream,
    NodeJS.WriteStream,
  ];
  const output = new Output({ json: options.json ?? false, debug: options.debug ?? false }, ...streams);
  return { output, out, data: () => String(out.read() ?? ''), talk: () => String(err.read() ?? '') };
};

describe('data and talk', () => {
  test('data go to standard output, talk goes to standard error', async () => {
    const { output, data, talk } = makeOutput();
    await output.data('one');
    output.talk('by the way');
    expect([data(), talk()]).toEqual(['one\n', 'by the way\n']);
  });

  test('a record is text for people, and one line of JSON with a version and a kind for programs', async () => {
    const [text, json] = [makeOutput(), makeOutput({ json: true })];
    for (const { output } of [text, json]) await output.record('job', { id: 'a' }, () => 'job a');
    expect(text.data()).toBe('job a\n');
    expect(json.data()).toBe('{"v":1,"kind":"job","id":"a"}\n');
  });

  test('a line that is written over and over shows on a terminal only', () => {
    const { output, talk } = makeOutput();
    output.progress('50 %');
    expect(talk()).toBe('');
  });

  test('a reader that goes away closes the output, and nothing more is written', async () => {
    const { output, out } = makeOutput();
    out.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await new Promise((resolve) => out.once('close', resolve));
    expect(output.closed.aborted).toBe(true);
    await output.data('nobody reads this');
  });

  test('a slow reader is waited for, and one that goes away is not', async () => {
    const { output, out } = makeOutput();
    let written = false;
    const slow = output.data('x'.repeat(1_000_000)).then(() => {
      written = true;
    });
    await Promise.resolve();
    expect(written).toBe(false);
    out.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await slow;
  });
});

describe('errors', () => {
  test('show the code, the sentence, what is allowed and the next step, each once', () => {
    const { output, talk } = makeOutput();
    output.error(unknownJobType('welcom', ['welcome', 'report']));
    expect(talk()).toBe(
      '✗ UNKNOWN_JOB_TYPE  No job type "welcom" is registered.\n  Allowed: welcome, report\n  → Did you mean "welcome"?\n',
    );
  });

  test('name their causes and show no stack', () => {
    const { output, talk } = makeOutput();
    output.error(jobFailed('j-1', 'SMTP 421', new Error('SMTP 421', { cause: new Error('ECONNREFUSED') })));
    const text = talk();
    expect(text).toMatch(/^✗ JOB_FAILED {2}Job j-1 failed: SMTP 421\n {2}because: ECONNREFUSED\n/);
    expect(text).not.toMatch(/\n\s+at /);
  });

  test('show their stack with --debug', () => {
    const { output, talk } = makeOutput({ debug: true });
    output.error(invalidOption('port', 'abc', 'a number'));
    expect(talk()).toMatch(/\n\s+at /);
  });

  test('are one object for programs', () => {
    const { output, talk } = makeOutput({ json: true });
    output.error(invalidOption('port', 'abc', 'a whole number'));
    expect(JSON.parse(talk())).toEqual({
      v: 1,
      kind: 'error',
      code: 'INVALID_OPTION',
      message: 'port is "abc".',
      field: 'port',
      found: '"abc"',
      allowed: 'a whole number',
    });
  });

  test('that nobody foresaw say so, with what they hold', () => {
    const { output, talk } = makeOutput();
    output.error(new TypeError('x is not a function'));
    expect(talk()).toMatch(/^✗ UNEXPECTED {2}TypeError: x is not a function\n {2}→ .*--debug/);
  });

  test('cannot change the terminal by what they quote', () => {
    const { output, talk } = makeOutput();
    output.error(jobFailed('j-1', '\u001b[2Jgone\u0007', undefined));
    expect(talk().replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
  });
});

describe('text for people', () => {
  test('a table aligns its columns, numbers to the right, and keeps each row on one line', () => {
    expect(
      table(
        [
          { name: 'a', n: 5, what: 'two\nlines' },
          { name: 'longer', n: 1000, what: '' },
          { name: 'x', n: 0, what: null as unknown as string },
        ],
        null,
      ),
    ).toEqual(['name       n  what', 'a          5  two lines', 'longer  1000', 'x          0  –']);
  });

  test('a table is cut to the width of the terminal', () => {
    expect(table([{ name: 'abcdefghij' }], 6)).toEqual(['name', 'abcde…']);
  });

  test.each([
    ['\u001b[31mred', '␛[31mred'],
    ['bell\u0007', 'bell\\x07'],
    ['\u009b2J', '\\x9b2J'],
    ['a\r\nb\tc', 'a\\x0d\nb\tc'],
    ['日本 ünï 🎉', '日本 ünï 🎉'],
  ])('control characters of %j are shown, not obeyed', (text, shown) => {
    expect(clean(text)).toBe(shown);
  });

  test.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1 s'],
    [119_999, '1 min'],
    [7_200_000, '2 h'],
    [200_000_000, '2 d'],
  ])('%d ms is %s', (ms, text) => {
    expect(span(ms)).toBe(text);
  });

  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1536, '1.5 KiB'],
    [12 * 2 ** 20, '12 MiB'],
    [3 * 2 ** 30, '3.0 GiB'],
  ])('%d bytes are %s', (n, text) => {
    expect(bytes(n)).toBe(text);
  });

  test('counts, times and cuts', () => {
    expect([count(1, 'job'), count(1234, 'job'), clip('abcdef', 4), clip('abc', 4)]).toEqual([
      '1 job',
      '1,234 jobs',
      'abc…',
      'abc',
    ]);
    expect(time(Date.parse('2026-03-29T02:30:00+02:00'))).toBe('2026-03-29 00:30:00Z');
  });
});
