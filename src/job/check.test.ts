import { describe, expect, test } from 'vitest';
import type { BacklineError } from './backline-error.ts';
import {
  type Check,
  checkDuration,
  checkInstant,
  checkOptions,
  durationOrNever,
  flag,
  func,
  integer,
  keyCheck,
  listOf,
  name,
  oneOf,
  parseDuration,
  text,
} from './check.ts';

const refusal = (check: () => unknown): BacklineError => {
  try {
    check();
  } catch (error) {
    return error as BacklineError;
  }
  return expect.unreachable('it was not refused');
};

describe('a duration', () => {
  test.each<[number | string, number]>([
    [0, 0],
    [1500, 1500],
    [0.4, 0],
    [1.6, 2],
    ['500ms', 500],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['1w', 604_800_000],
    ['1.5h', 5_400_000],
    ['0s', 0],
    [' 10 s ', 10_000],
    ['36600d', 36_600 * 86_400_000],
  ])('%j is %i ms', (value, ms) => {
    expect(checkDuration(value, 'delay')).toBe(ms);
  });

  test.each<unknown>([
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    1e18,
    '',
    ' ',
    '5',
    '5 minutes',
    '5M',
    '-5s',
    '+5s',
    '1e3ms',
    '5m30s',
    '.5s',
    '٥s',
    '9'.repeat(400).concat('d'),
    '36601d',
    null,
    undefined,
    true,
    5n,
    [5],
    {},
    new Date(),
  ])('%s is none', (value) => {
    expect(parseDuration(value)).toBeUndefined();
    const error = refusal(() => checkDuration(value, 'delay'));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', field: 'delay' });
    expect(error.allowed).toContain("'500ms', '30s', '5m', '2h', '7d'");
  });
});

describe('an instant', () => {
  const AT = Date.UTC(2026, 2, 1, 12, 30);

  test.each<[unknown, number]>([
    [new Date(AT), AT],
    [AT, AT],
    [0, 0],
    [AT + 0.4, AT],
    ['2026-03-01T12:30:00Z', AT],
    ['2026-03-01T12:30Z', AT],
    ['2026-03-01t12:30:00z', AT],
    ['2026-03-01T12:30:00.250Z', AT + 250],
    ['2026-03-01T18:00:00+05:30', AT],
    ['2026-03-01T07:30:00-0500', AT],
  ])('%j', (value, ms) => {
    expect(checkInstant(value, 'runAt')).toBe(ms);
  });

  test.each<unknown>([
    '2026-03-01T12:30:00',
    '2026-03-01',
    '2026-03-01 12:30:00Z',
    '2026-13-01T12:30:00Z',
    '2026-02-30T12:30:00Z',
    '2026-04-31T12:30:00Z',
    '2026-00-10T12:30:00Z',
    '2026-03-01T25:00:00Z',
    '2026-03-01T12:30:00+99:99',
    '2026-03-01T12:30:00Zx',
    'tomorrow',
    '12:30',
    '',
    -1,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    8.7e15,
    new Date(Number.NaN),
    null,
    {},
    true,
  ])('%s is refused: it names the field', (value) => {
    const error = refusal(() => checkInstant(value, 'runAt'));
    expect(error).toMatchObject({ code: 'INVALID_OPTION', field: 'runAt' });
    expect(error.allowed).toContain('with an offset or Z');
  });
});

describe('each kind of value', () => {
  const lone = '\ud800';
  const rows: [string, Check<unknown>, unknown[], unknown[]][] = [
    ['a whole number', integer(1, 10), [1, 5, 10], [0, 11, -1, 1.5, Number.NaN, '5', null, 5n, [5], true]],
    ['keyCheck', keyCheck, ['a', 'ä b', 'x'.repeat(200)], ['', 'a\0', '\0', 'x'.repeat(201), lone, 5, null]],
    ['text', text(5), ['a', 'abcde', ' x ', '😀'], ['', 'abcdef', lone, 5, null, [], {}, Symbol('x')]],
    [
      'a name',
      name(20),
      ['a', 'A-1', 'a.b:c@d+e_f', '_x', '7', 'größe', '日本'],
      ['', ' a', 'a b', '-a', '.a', '../a', 'a/b', 'a\\b', 'a\n', 'a\0', 'x'.repeat(21), lone, '😀', 5, null, ['a']],
    ],
    ['true or false', flag, [true, false], [0, 1, 'true', null, undefined, {}]],
    ['one of some words', oneOf('a', 'b'), ['a', 'b'], ['c', 'A', '', null, 0, ['a']]],
    ['a list', listOf(integer(0, 3), 3), [[], [1], [1, 2, 3]], ['1', [1, 2, 3, 0], [4], null, { 0: 1, length: 1 }]],
    ['a function', func, [() => 1, class {}], ['f', {}, null, 1]],
  ];

  test.each(rows)('%s', (_, check, good, bad) => {
    for (const value of good) expect(check(value, 'x')).toEqual(value);
    for (const value of bad) {
      const error = refusal(() => check(value, 'x'));
      expect(error, String(value)).toMatchObject({ code: 'INVALID_OPTION', field: expect.stringMatching(/^x/) });
      expect(error.allowed).toBeTruthy();
    }
  });

  test('a list names the item at fault', () => {
    expect(refusal(() => listOf(name(5), 9)(['a', 'b c'], 'tags'))).toMatchObject({ field: 'tags[1]', found: '"b c"' });
  });

  test('false stands for "never" where a duration may be left out', () => {
    expect(durationOrNever(false, 'timeout')).toBeNull();
    expect(durationOrNever('1s', 'timeout')).toBe(1000);
    expect(refusal(() => durationOrNever(true, 'timeout')).field).toBe('timeout');
  });
});

describe('a table of options', () => {
  const table = { priority: integer(1, 10), delay: checkDuration, held: flag } as const;

  test('yields what was given, checked, and leaves out what is undefined', () => {
    expect(checkOptions(table, { priority: 3, delay: '1s', held: undefined }, 'options')).toEqual({
      priority: 3,
      delay: 1000,
    });
    expect(checkOptions(table, undefined, 'options')).toEqual({});
    expect(checkOptions(table, Object.create(null), 'options')).toEqual({});
  });

  test.each<[string, string | undefined]>([
    ['prioirty', 'Did you mean "priority"?'],
    ['Held', 'Did you mean "held"?'],
    ['somethingElse', undefined],
    ['toString', undefined],
    ['constructor', undefined],
  ])('the unknown name %j', (field, next) => {
    const error = refusal(() => checkOptions(table, { [field]: 1 }, 'options'));
    expect(error).toMatchObject({ code: 'UNKNOWN_OPTION', field, allowed: 'priority, delay, held' });
    expect(error.next).toBe(next);
  });

  test('__proto__ of a parsed document is an unknown name like any other', () => {
    const given: unknown = JSON.parse('{"__proto__": {"priority": 1}}');
    expect(refusal(() => checkOptions(table, given, 'options'))).toMatchObject({
      code: 'UNKNOWN_OPTION',
      field: '__proto__',
    });
  });

  test.each<unknown>([null, 5, 'priority', true, [], () => 1, Symbol('x')])('%s is no options object', (given) => {
    expect(refusal(() => checkOptions(table, given, 'options'))).toMatchObject({
      code: 'INVALID_OPTION',
      field: 'options',
    });
  });

  test('names inside another option carry its name', () => {
    expect(refusal(() => checkOptions(table, { priority: 0 }, 'JobManager.x', 'x.'))).toMatchObject({
      field: 'x.priority',
      message: expect.stringMatching(/^x\.priority is 0\./),
    });
  });
});
