/** Inputs of operations that are no good: the table of all doors over bare HTTP, and what only text of a query or of JSON can be. */
import { statusOf } from '../../../src/doors/api/problem.ts';
import { ROUTES } from '../doors.ts';
import { REFUSALS, type Refusal } from '../operations.ts';
import { ask, type Row } from './runner.ts';

const job = (options: object): object => ({ type: 'double', payload: 1, options });
const nightly = { id: 'new', type: 'double', payload: 1 };
const LONG = 'x'.repeat(5000);

const option = (field: string, value: unknown, named = `options.${field}`): Refusal => [
  'jobs.enqueue',
  job({ [field]: value }),
  'INVALID_OPTION',
  named,
];

const MORE: readonly Refusal[] = [
  // Times
  ...['', 'now', '2026-01-31', '2026-01-31T10:00:00', '2026-01-31T10:00:00+25', '31.01.2030', '1769817600', LONG].map(
    (time) => option('runAt', time),
  ),
  ...['2026-13-01T00:00:00Z', '2026-04-31T00:00:00Z', '2026-01-31T24:30:00Z', '2026-01-31T10:61:00Z'].map((time) =>
    option('runAt', time, 'runAt'),
  ),
  option('expiresAt', '2000-01-01T00:00:00Z', 'expiresAt'),
  // Lengths of time
  ...['', '5', 'm', '-5m', '5 minutes', '1e3s', '5m5', 'PT5M', '٣m', LONG].map((delay) => option('delay', delay)),
  option('delay', '99999999999999999d', 'delay'),
  option('timeout', null),
  option('startTimeout', [1]),
  option('keyWindow', {}),
  // Numbers and switches
  ...[0, 11, -1, 1.5, 1e21, '5', null, true, [5], {}].map((priority) => option('priority', priority)),
  ...[0, 10_001, '3'].map((attempts) => option('maxAttempts', attempts)),
  ...['true', 1, null].map((held) => option('held', held)),
  // Names and text
  ...['', ' ', '../x', 'a/b', 'a b', 'a\0b', '\ud800', '.x', '-x', '<b>', 'x'.repeat(201), 5, {}].map((id) =>
    option('id', id),
  ),
  ...['', 'a b', 'x'.repeat(101), ['default']].map((queue) => option('queue', queue)),
  ...['', 'k'.repeat(201), 5].map((key) => option('key', key)),
  option('tags', {}),
  ['jobs.enqueue', { type: '__proto__' }, 'UNKNOWN_JOB_TYPE', 'type'],
  ['jobs.enqueue', { type: 'toString' }, 'UNKNOWN_JOB_TYPE', 'type'],
  ['jobs.enqueue', { type: ['double'] }, 'INVALID_OPTION', 'type'],
  ['jobs.enqueueMany', { jobs: { 0: { type: 'double' }, length: 1 } }, 'INVALID_OPTION', 'jobs'],
  // Cursors
  ...['', '1.2.3', 'null', '../..', '%', 'x'.repeat(501)].map(
    (after): Refusal => [
      'jobs.list',
      { after },
      after === '' || after.length > 500 ? 'INVALID_OPTION' : 'BAD_CURSOR',
      'after',
    ],
  ),
  ...['', ':', '1:', ':1', '1:2:3', '-1:1', '1:1e9', 'x:y', `1:${'9'.repeat(16)}`].map(
    (after): Refusal => ['jobs.logs', { id: 'ended', after }, 'INVALID_OPTION', 'after'],
  ),
  // Words of a filter
  ...[
    ...['status', 'status:', ':failed', 'status:done', 'status:failed status:queued', 'priority:11', 'since:yesterday'],
    ...['user:perhaps', 'id:../x', 'error:"open', '"', 'payload.:1', 'until:', '__proto__:1'],
  ].map((q): Refusal => ['jobs.list', { q }, 'BAD_WHERE', 'q']),
  ['jobs.list', { q: 'x'.repeat(4001) }, 'INVALID_OPTION', 'q'],
  // Cron, zones, calendars
  ...[
    '',
    '* * * *',
    '60 * * * *',
    '* 24 * * *',
    '*/0 * * * *',
    '5-1 * * * *',
    '0 0 31 2 *',
    '@never',
    '* * * * * * *',
  ].map((cron): Refusal => ['schedules.add', { ...nightly, cron }, cron === '' ? 'INVALID_OPTION' : 'INVALID_CRON']),
  ...['Mars/Olympus', 'CEST', '../etc/localtime', '+25:00', '__proto__'].map(
    (timeZone): Refusal => ['schedules.add', { ...nightly, cron: '@daily', timeZone }, 'INVALID_TIME_ZONE', 'timeZone'],
  ),
  ['schedules.add', { ...nightly, cron: '@daily', calendar: 'weekdays' }, 'INVALID_CALENDAR'],
  ['schedules.add', { ...nightly, cron: '@daily', calendar: { constructor: 1 } }, 'INVALID_CALENDAR'],
  ['schedules.add', { ...nightly, interval: '0s' }, 'INVALID_OPTION', 'interval'],
  ['schedules.add', { ...nightly, at: 'noon' }, 'INVALID_OPTION', 'at'],
  ['schedules.update', { id: 'there', cron: '61 * * * *' }, 'INVALID_CRON'],
  ['schedules.update', { id: 'there', cron: '@daily', timeZone: 'Nowhere/City' }, 'INVALID_TIME_ZONE', 'timeZone'],
  // Many at once
  ['bulk.start', { which: { all: true }, action: { kind: 'constructor' } }, 'INVALID_OPTION', 'action.kind'],
  ['bulk.start', { which: { all: true }, action: 'cancel' }, 'INVALID_OPTION'],
  [
    'bulk.start',
    { which: { q: 'status:queued' }, action: { kind: 'cancel' }, snapshotAt: 'now' },
    'INVALID_OPTION',
    'snapshotAt',
  ],
  ['bulk.remove', { which: { all: 'true' } }, 'INVALID_OPTION', 'which.all'],
  ['queues.limit', { name: 'shut', maxRunning: 1.5 }, 'INVALID_OPTION', 'maxRunning'],
  ['queues.limit', { name: 'shut', maxRunning: '5' }, 'INVALID_OPTION', 'maxRunning'],
  ['queues.pause', { name: '__proto__x y' }, 'INVALID_OPTION', 'name'],
];

const short = (input: unknown): string => {
  const text = JSON.stringify(input) ?? '';
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
};

/** As somebody would send it who has read the reference. */
const ofRefusal = ([operation, input, code, field]: Refusal): Row => {
  const { method, path } = ROUTES.get(operation)!;
  const rest = { ...(input as Record<string, unknown>) };
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = encodeURIComponent(String(rest[name]));
    delete rest[name];
    return value;
  });
  const inQuery = Object.entries(rest).flatMap(([name, value]) =>
    [value].flat().map((one) => `${name}=${encodeURIComponent(String(one))}`),
  );
  const [query, body] = method === 'GET' ? [`?${inQuery.join('&')}`, {}] : ['', { body: JSON.stringify(rest) }];
  return {
    ...{
      says: `${operation} ${short(input)}`,
      status: statusOf(code),
      code,
      ...(field === undefined ? {} : { field }),
    },
    sends: ask(method, `/api${filled}${query}`, { ...body, headers: { 'content-type': 'application/json' } }),
  };
};

/** One body of it is larger than this service takes: refused for that, and played at the other doors. */
const fits = ([, input]: Refusal): boolean => JSON.stringify(input).length < 90_000;

export const INPUTS: readonly Row[] = [...REFUSALS, ...MORE].filter(fits).map(ofRefusal);
