import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseStrictJson } from './strict-json.ts';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('JSON from strangers', () => {
  test('whatever JSON.stringify writes is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
        const text = JSON.stringify(value);
        fc.pre(!text.includes('__proto__') && !/\d{16}/.test(text));
        expect(parseStrictJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test.each([
    ['{"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]}'],
    ['{"a":"\\"b\\":1","b":"{"}'],
    ['{"a\\\\":1,"a":2}'],
    ['{ "constructor" : 1, "prototype":2 }'],
    ['[9007199254740991, -9007199254740991, 1e400, 0.1234567890123456789, 1234567890123456e3]'],
    ['"x"'],
    ['-0'],
    [nested(100)],
  ])('%s is let through', (text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  test.each([
    ['a name twice', '{"a":1,"a":2}', /stands twice/],
    ['a name twice, further in', '[{"x":{"a":1,"b":2,"a":[]}}]', /stands twice/],
    ['a name twice, written in two ways', '{"a":1,"\\u0061":2}', /stands twice/],
    ['__proto__', '{"x":{"__proto__":{"admin":true}}}', /not allowed/],
    ['__proto__, hidden', '{"\\u005f_proto__":1}', /not allowed/],
    ['deep nesting', nested(101), /deeper than 100/],
    ['very deep nesting', nested(1_000_000), /deeper than 100/],
    ['an integer that would be changed', '{"id":9007199254740993}', /beyond 2\^53.*Send it as text/],
    ['the same below zero', '[-12345678901234567890]', /beyond 2\^53/],
    ['nothing', '', /ends too early/],
    ['half of it', '{"a":', /ends too early|goes wrong/],
    ['something behind it', '{} {}', /line 1, character 4/],
    ['a comma too many', '{\n  "a": 1,\n}', /line 3, character 1/],
    ['a number of the wrong form', '{"a":01}', /goes wrong/],
    ['NaN', '{"a":NaN}', /malformed/],
  ])('%s is refused', (_, text, says) => {
    expect(() => parseStrictJson(text)).toThrow(says);
    expect(() => parseStrictJson(text)).toThrow(expect.objectContaining({ code: 'BAD_JSON' }));
  });

  test('an error repeats nothing of the text', () => {
    expect(() => parseStrictJson('{"password":"hunter2" x')).toThrow(/^(?!.*hunter2)(?!.*password)/s);
  });
});
