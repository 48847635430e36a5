/** A cron expression is explained at the command line, in a folder that holds nothing. */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Folder } from './command-line.ts';

let folder: Folder;
beforeAll(() => {
  folder = new Folder();
});
afterAll(() => folder.remove());

const EXPLAIN = [
  'cron',
  'explain',
  '30 2 * * *',
  '--tz',
  'Europe/Berlin',
  '--after',
  '2026-03-28T12:00Z',
  '--count',
  '2',
];

test('for a person: in words, the runs in the zone and in UTC, and the next two clock changes', async () => {
  const { code, stdout, stderr } = await folder.run(EXPLAIN);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  expect(stdout.split('\n').slice(0, 12)).toEqual([
    'At 02:30 every day, Europe/Berlin time.',
    '',
    'in Europe/Berlin                in UTC',
    'Sun 2026-03-29 03:00:00 +02:00  Sun 2026-03-29 01:00:00Z  02:30 does not exist: the end of the gap',
    'Mon 2026-03-30 02:30:00 +02:00  Mon 2026-03-30 00:30:00Z',
    '',
    'Clock change: Sun 2026-03-29 02:00:00 +01:00 becomes Sun 2026-03-29 03:00:00 +02:00',
    '02:30 does not exist: it runs once, at 03:00.',
    '  in Europe/Berlin                in UTC',
    '  Sat 2026-03-28 02:30:00 +01:00  Sat 2026-03-28 01:30:00Z',
    '  Sun 2026-03-29 03:00:00 +02:00  Sun 2026-03-29 01:00:00Z  02:30 does not exist: the end of the gap',
    '  Mon 2026-03-30 02:30:00 +02:00  Mon 2026-03-30 00:30:00Z',
  ]);
  expect(stdout).toContain('02:30 occurs twice: it runs at the first.');
});

test('for a program: a line for the expression, each run and each clock change', async () => {
  const [cron, first, second, spring, autumn, ...more] = await folder.ask(...EXPLAIN);
  expect(more).toEqual([]);
  expect(cron).toEqual({
    v: 1,
    kind: 'cron',
    expression: '30 2 * * *',
    timeZone: 'Europe/Berlin',
    words: 'At 02:30 every day, Europe/Berlin time',
  });
  expect(first).toMatchObject({ kind: 'run', at: '2026-03-29T01:00:00.000Z', local: '2026-03-29T03:00:00+02:00' });
  expect(second).toMatchObject({ kind: 'run', at: '2026-03-30T00:30:00.000Z', note: null });
  expect(spring).toMatchObject({ kind: 'clock-change', at: '2026-03-29T01:00:00.000Z', runs: [{}, {}, {}] });
  expect(autumn).toMatchObject({ kind: 'clock-change', at: '2026-10-25T01:00:00.000Z' });
});

test('where clocks do not change, it says so; and no file was made', async () => {
  const { code, stdout } = await folder.run(['cron', 'explain', '@daily']);
  expect(code).toBe(0);
  expect(stdout).toContain('At 00:00 every day, UTC.');
  expect(stdout).toContain('The clocks of UTC do not change within five years.');
  expect(readdirSync(folder.path)).toEqual(['node_modules']);
});
