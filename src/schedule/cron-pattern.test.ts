import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BacklineError } from '../job/backline-error.ts';
import { Pattern } from './cron-calendar.ts';
import { parseCron, valuesOf } from './cron-pattern.ts';

const refusal = (text: unknown): BacklineError => {
  try {
    parseCron(text);
  } catch (error) {
    if (error instanceof BacklineError) return error;
    throw error;
  }
  throw new Error(`${String(text)} was accepted`);
};

describe('what is understood', () => {
  test.each([
    '* * * * *',
    '* * * * * *',
    '*/5 * * * *',
    '0-59/5 * * * *',
    '0,15,30,45 * * * *',
    '0 0-23/2 * * *',
    '05 02 * * *',
    '0 0 1-7,15,L * *',
    '0 0 15W,LW * *',
    '0 0 lw * *',
    '0 0 ? * mon',
    '0 0 1 * ?',
    '0 0 ? * ?',
    '0 0 * JAN-mar,Jul *',
    '0 0 * * sat-sun',
    '0 0 * * 5-7',
    '0 0 * * 0-7',
    '0 0 * * fri#2,3#5',
    '0 0 * * friL,5L,5#L',
    '0 0 29 2 *',
    '0 0 28-31 2 *',
    '0 0 31 * *',
    '0 0 31 1,2 *',
    '0 0 30W 2,4 *',
    '  0\t0  * * *  ',
    '@hourly',
    '@Daily',
    '@midnight',
    '@weekly',
    '@monthly',
    '@yearly',
    '@annually',
  ])('%s', (text) => {
    expect(() => parseCron(text)).not.toThrow();
  });

  test.each([
    ['7 is Sunday', '0 0 * * 7', 'day of week', [0]],
    ['a range can end in Sunday', '0 0 * * fri-sun', 'day of week', [0, 5, 6]],
    ['steps begin with the first', '5-20/5 * * * *', 'minute', [5, 10, 15, 20]],
    ['a step of the whole field', '0 */9 * * *', 'hour', [0, 9, 18]],
    ['a list in any order, each once', '30,0,30 * * * *', 'minute', [0, 30]],
    ['weekdays by step', '0 0 * * */2', 'day of week', [0, 2, 4, 6]],
    ['names of months', '0 0 1 jan,mar-may *', 'month', [1, 3, 4, 5]],
    ['five fields begin at second 0', '* * * * *', 'second', [0]],
  ] as const)('%s', (_, text, field, values) => {
    expect(valuesOf(parseCron(text)[field], field)).toEqual(values);
  });
});

describe('what is refused, naming the field', () => {
  test.each<[text: unknown, field: string, says: RegExp]>([
    ['', 'cron', /is empty.*5 fields.*every minute write/],
    ['   ', 'cron', /is empty/],
    [undefined, 'cron', /is no text/],
    [5, 'cron', /is no text/],
    [`0 0 * * ${'1,'.repeat(300)}1`, 'cron', /too long/],
    ['* * * *', 'cron', /has 4 fields.*Fill up with/],
    ['0 0 0 1 1 * 2030', 'cron', /has 7 fields.*year cannot be given/],
    ['0 0 0 1 1 * 2030 1', 'cron', /has 8 fields/],
    ['@dayly', 'cron', /no nickname.*Did you mean "@daily"/],
    ['@reboot', 'cron', /no nickname.*when your program starts/],
    ['@every 5m', 'cron', /no nickname.*interval/],
    ['60 * * * *', 'minute', /"60", is out of range. Allowed: 0 to 59/],
    ['-1 * * * *', 'minute', /not understood/],
    ['1.5 * * * *', 'minute', /not understood/],
    ['005 * * * *', 'minute', /out of range/],
    ['60 0 0 * * *', 'second', /out of range/],
    ['0 24 * * *', 'hour', /out of range. Allowed: 0 to 23/],
    ['0 0 0 * *', 'day of month', /out of range. Allowed: 1 to 31/],
    ['0 0 32 * *', 'day of month', /out of range/],
    ['0 0 * 0 *', 'month', /out of range. Allowed: 1 to 12, jan to dec/],
    ['0 0 * 13 *', 'month', /out of range/],
    ['0 0 * * 8', 'day of week', /out of range. Allowed: 0 to 7, sun to sat/],
    ['*/0 * * * *', 'minute', /step "0". Allowed: a step from 1 to 59/],
    ['*/60 * * * *', 'minute', /larger than its range.*For every 60 minutes use an interval/],
    ['*/90 * * * *', 'minute', /larger than its range/],
    ['0 */24 * * *', 'hour', /larger than its range/],
    ['0 0 */31 * *', 'day of month', /larger than its range/],
    ['0 0 * * */7', 'day of week', /larger than its range/],
    ['10-20/15 * * * *', 'minute', /larger than its range. Allowed: a step from 1 to 10/],
    ['*/x * * * *', 'minute', /step "x"/],
    ['*/ * * * *', 'minute', /step ""/],
    ['*/5/5 * * * *', 'minute', /two steps/],
    ['5/15 * * * *', 'minute', /steps from a single value.*Write 5-59\/15 or \*\/15/],
    ['50-10 * * * *', 'minute', /runs backwards.*Did you mean "50-59,0-10"/],
    ['0 22-2 * * *', 'hour', /runs backwards.*Did you mean "22-23,0-2"/],
    ['0 0 * * fri-mon', 'day of week', /runs backwards.*Did you mean "fri-sat,sun-mon"/],
    ['0 0 * nov-feb *', 'month', /runs backwards.*Did you mean "nov-dec,jan-feb"/],
    ['0 0 20-10 * *', 'day of month', /runs backwards/],
    ['5-5 * * * *', 'minute', /range of one value.*Write 5/],
    ['1-2-3 * * * *', 'minute', /not understood/],
    ['1- * * * *', 'minute', /not understood/],
    ['1,,2 * * * *', 'minute', /empty place/],
    ['*,5 * * * *', 'minute', /every value already/],
    ['? * * * *', 'minute', /not understood/],
    ['L * * * *', 'minute', /not understood/],
    ['H * * * *', 'minute', /not understood/],
    ['0 0 L-3 * *', 'day of month', /not understood/],
    ['0 0 W * *', 'day of month', /not understood/],
    ['0 0 32W * *', 'day of month', /out of range/],
    ['0 0 1-5W * *', 'day of month', /not understood/],
    ['0 0 mon * *', 'day of month', /not understood/],
    ['0 0 * * monday', 'day of week', /not understood.*Did you mean "mon"/],
    ['0 0 * * mno', 'day of week', /not understood/],
    ['0 0 * june *', 'month', /not understood.*Did you mean "jun"/],
    ['0 0 * * L', 'day of week', /last of which weekday.*friL/],
    ['0 0 * * 1#6', 'day of week', /number "6".*#1 to #5/],
    ['0 0 * * 1#0', 'day of week', /number "0"/],
    ['0 0 * * #2', 'day of week', /not understood/],
    ['0 0 * * 1-5#2', 'day of week', /not understood/],
    ['0 0 * * 8L', 'day of week', /out of range/],
    ['0 0 30 2 *', 'day of month', /"30", never comes: February has 29 days at most.*write L/],
    [
      '0 0 31 2,4,6,9,11 *',
      'day of month',
      /"31", never comes: February, April, June, September, November have 30 days/,
    ],
    ['0 0 31 2,4,6,9,11 1', 'day of month', /never comes/],
    ['0 0 1,30 2 *', 'day of month', /"30", never comes/],
    ['0 0 30-31 2 *', 'day of month', /never comes/],
    ['0 0 30W 2 *', 'day of month', /never comes/],
    ['0 0 31 apr *', 'day of month', /never comes: April/],
  ])('%s', (text, field, says) => {
    const error = refusal(text);
    expect(error).toMatchObject({ code: 'INVALID_CRON', field });
    expect(error.message).toMatch(says);
    if (field !== 'cron') expect(error.message).toContain(`The cron expression's ${field}`);
    expect(error.allowed).toBeTruthy();
  });

  test('however strange the text, the answer is an error with a code', () => {
    const odd = [
      '\u0000',
      '* * * * *\n* * * * *',
      '* * * * * # note',
      '{}',
      '0 0 * * ١',
      '＊ * * * *',
      'x'.repeat(499),
    ];
    for (const text of odd) expect(refusal(text).code).toBe('INVALID_CRON');
  });
});

test('whatever the text, it is understood or refused by a code, and what is understood has a next time', () => {
  const piece = fc.constantFrom(
    ...'0 1 5 15 23 31 59 60 * ? L W LW # / - , jan fri sun 7 */5 1-5 5L fri#2 15W 29 2'.split(' '),
  );
  const field = fc.array(piece, { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join(''));
  const simple = fc.constantFrom('*', '0', '*/5', '1-5', '1,2', '?', 'L', '1W', 'fri', '2');
  const text = fc.oneof(
    fc.string(),
    fc.array(field, { minLength: 4, maxLength: 7 }).map((fields) => fields.join(' ')),
    fc.array(simple, { minLength: 5, maxLength: 6 }).map((fields) => fields.join(' ')),
  );
  let understood = 0;
  fc.assert(
    fc.property(text, (expression) => {
      try {
        const pattern = new Pattern(expression);
        understood++;
        expect(pattern.next(0, 100 * 366 * 86_400_000)).not.toBeNull();
        expect(pattern.perDay).toBeGreaterThan(0);
      } catch (error) {
        if (!(error instanceof BacklineError)) throw error;
        expect(error.code).toBe('INVALID_CRON');
      }
    }),
    { numRuns: 3000 },
  );
  expect(understood).toBeGreaterThan(50);
});

describe('fixed times', () => {
  test.each([
    ['30 2 * * *', true],
    ['0,30 2-4 * * *', true],
    ['*/10 30 2 * * *', true],
    ['* 2 * * *', false],
    ['30 * * * *', false],
    ['*/5 2 * * *', false],
    ['0 0-23/2 * * *', false],
    ['10-20/1 2 * * *', false],
    ['@daily', true],
    ['@hourly', false],
  ])('%s: %s', (text, fixed) => {
    expect(new Pattern(text).fixed).toBe(fixed);
  });

  test.each([
    ['30 2 * * *', 9000],
    ['15 30 2 * * 1', 9015],
    ['30 2,3 * * *', null],
    ['30 * * * *', null],
  ])('the only time of %s is %s', (text, seconds) => {
    expect(new Pattern(text).onlyTime).toBe(seconds);
  });
});
