import { expect, test } from 'vitest';
import type { ScheduleView } from '../../src/client.ts';
import { bytes } from './bytes.ts';
import {
  changesOf,
  durationText,
  EMPTY_FORM,
  fieldOf,
  formOf,
  newScheduleOf,
  type ScheduleForm,
  standing,
  triggerOf,
} from './schedules.ts';

const form = (changes: Partial<ScheduleForm>): ScheduleForm => ({ ...EMPTY_FORM, id: 'a', type: 't', ...changes });

const VIEW = {
  ...{ id: 'nightly', type: 'report', payload: { full: true }, words: '', allowed: [], version: 4, maxInstances: 2 },
  job: {
    ...{
      queue: 'side',
      priority: 3,
      maxAttempts: 5,
      maxCrashes: 2,
      timeoutMs: 600_000,
      totalMs: null,
      startMs: 90_000,
    },
    ...{ key: 'k', limitKey: null, tags: ['x', 'y'] },
  },
  trigger: {
    ...{ kind: 'cron', cron: '30 2 * * *', timeZone: 'Europe/Berlin', dst: { gap: 'skip' } },
    ...{ calendar: { businessDays: true }, onExcluded: 'nextDay' },
  },
  ...{ missed: { window: 7_200_000 }, overlap: 'queueOne', source: 'api', build: null, pause: null },
  ...{ nextSlot: null, nextAt: '2027-01-01T00:00:00.000Z', zoneData: null, problem: null },
  counts: { fired: 0, missed: 0, skipped: 0, byHand: 0 },
  ...{ lastSlot: null, lastJobId: null, lastFiredAt: null, createdAt: '', updatedAt: '' },
} as unknown as ScheduleView;

test('what is left empty is not said', () => {
  expect(newScheduleOf(form({ cron: ' 0 5 * * * ' }))).toEqual({ id: 'a', type: 't', cron: '0 5 * * *' });
});

test.each<[Partial<ScheduleForm>, object]>([
  [
    { kind: 'interval', interval: '15m', jitter: '1m', cron: 'left over' },
    { interval: '15m', jitter: '1m' },
  ],
  [
    { kind: 'at', at: '2030-01-01T08:00', timeZone: 'UTC', calendar: '{}' },
    { at: '2030-01-01T08:00', timeZone: 'UTC' },
  ],
  [
    { calendar: '{"businessDays":true}', onExcluded: 'nextDay', overlapping: 'twice' },
    { cron: '0 8 * * *', calendar: { businessDays: true }, onExcluded: 'nextDay', dst: { overlap: 'twice' } },
  ],
])('a rule is what its kind has: %j', (given, expected) => {
  expect(triggerOf(form(given))).toEqual(expected);
});

test('options and behaviour are said as the API takes them; what is no number stays text, for the API to complain of', () => {
  const given = { queue: 'side', priority: '2', maxAttempts: 'many', timeout: 'never', tags: 'a, b  c' };
  const more = { missed: 'window', window: '3h', overlap: 'queueAll', maxInstances: '4', payload: '{"n":1}' };
  expect(newScheduleOf(form({ ...given, ...more }))).toMatchObject({
    options: { queue: 'side', priority: 2, maxAttempts: 'many', timeout: false, tags: ['a', 'b', 'c'] },
    ...{ missed: { window: '3h' }, overlap: 'queueAll', maxInstances: 4, payload: { n: 1 } },
  });
});

test.each(['payload', 'calendar'] as const)('text that is no JSON names its field: %s', (field) => {
  const error = (() => {
    try {
      return newScheduleOf(form({ [field]: '{ "a": ' }));
    } catch (thrown) {
      return thrown;
    }
  })();
  expect(error).toBeInstanceOf(SyntaxError);
  expect((error as Error).cause).toBe(field);
});

test('a schedule that is not touched changes nothing', () => {
  expect(changesOf(VIEW, formOf(VIEW))).toEqual({ id: 'nightly', version: 4 });
});

test('a change says what changed: of the rule all, of the options all, also those that the form does not show', () => {
  const before = formOf(VIEW);
  expect(changesOf(VIEW, { ...before, cron: '0 3 * * *', gap: '' })).toEqual({
    ...{ id: 'nightly', version: 4, cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
    ...{ calendar: { businessDays: true }, onExcluded: 'nextDay' },
  });
  expect(changesOf(VIEW, { ...before, tags: 'x' })).toEqual({
    ...{ id: 'nightly', version: 4 },
    options: {
      ...{ queue: 'side', priority: 3, maxAttempts: 5, timeout: '10m', tags: ['x'] },
      ...{ maxCrashes: 2, totalTimeout: false, startTimeout: 90_000, key: 'k' },
    },
  });
  expect(changesOf(VIEW, { ...before, payload: '', missed: 'skip' })).toEqual({
    ...{ id: 'nightly', version: 4, payload: null, missed: 'skip', overlap: 'queueOne', maxInstances: 2 },
  });
});

test.each([
  ['INVALID_CRON', 'day of week', 'cron'],
  ['INVALID_OPTION', 'trigger', 'rule'],
  ['INVALID_OPTION', 'options.priority', 'priority'],
  ['INVALID_OPTION', 'dst.gap', 'gap'],
  ['INVALID_OPTION', 'dst.overlap', 'overlapping'],
  ['INVALID_OPTION', 'missed.window', 'window'],
  ['INVALID_CALENDAR', 'calendar.weekdays[0]', 'calendar'],
  ['INVALID_PAYLOAD', 'payload.user.id', 'payload'],
  ['SCHEDULE_CHANGED', 'version', null],
  ['STORE_UNAVAILABLE', null, null],
])('an error %s at %s belongs to the field %s', (code, field, expected) => {
  expect(fieldOf(code, field)).toBe(expected);
});

test('how it stands is one word', () => {
  const word = (changes: Partial<ScheduleView>) => standing({ ...VIEW, ...changes }).word;
  expect(word({})).toBe('active');
  expect(word({ nextAt: null })).toBe('over');
  expect(word({ nextAt: null, problem: 'no such zone' })).toBe('in trouble');
  expect(word({ problem: 'x', pause: { at: '', reason: null, actor: null, until: null } })).toBe('paused');
});

test('lengths and sizes read as people write them', () => {
  expect([90_000, 900_000, 7_200_000, 86_400_000, 1500].map(durationText)).toEqual([
    '90s',
    '15m',
    '2h',
    '1d',
    '1500ms',
  ]);
  const sizes = [0, 1, 999, 1000, 9949, 1_048_576, 4_294_967_296].map(bytes);
  expect(sizes).toEqual(['0 bytes', '1 byte', '999 bytes', '1.0 kB', '9.9 kB', '1.0 MB', '4.3 GB']);
});
