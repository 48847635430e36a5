/** docs/time.md says what the code does. */
import { readFileSync } from 'node:fs';
import { BacklineError, explainTrigger, nextRuns } from 'backline';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../source-scan.ts';

const page = readFileSync(`${ROOT}/docs/time.md`, 'utf8');
const rows = (pattern: RegExp): string[][] => [...page.matchAll(pattern)].map((match) => match.slice(1) as string[]);

const examples = rows(/^\| `(\{.*\})` \| (\S+) \| ([\dT: -]+) \|$/gm);
const inWords = rows(/^\| `([^{`]+)` \| ((?:at|every) .*) \|$/gm);
const refused = rows(
  /^\| `([^{`]+)` \| (.*(?:comes: .*|larger than its range|single value|backwards|out of range|not understood|7 fields)) \|$/gm,
);

test('the page has its tables', () => {
  expect(examples.length).toBeGreaterThan(15);
  expect(inWords.length).toBeGreaterThan(5);
  expect(refused.length).toBeGreaterThan(5);
});

test.each(examples)('%s after %s runs at %s', (trigger, after, runs) => {
  const expected = runs!.trim().split(' ');
  const found = nextRuns({ ...JSON.parse(trigger!), after, count: expected.length });
  expect(found.map((run) => run.toISOString().slice(0, 16))).toEqual(expected);
});

test.each(inWords)('%s is in words: %s', (cron, words) => {
  expect(explainTrigger({ cron: cron!, count: 1 }).words.toLowerCase()).toBe(`${words}, utc`.toLowerCase());
});

describe('what the page says is refused', () => {
  test.each(refused)('%s: %s', (cron, why) => {
    expect(() => nextRuns({ cron: cron! })).toThrow(BacklineError);
    expect(() => nextRuns({ cron: cron! })).toThrow(why!);
  });
});

test('the first example of the page is true', () => {
  const [, options = '', runs = ''] = /nextRuns\((\{.*\})\);\n\/\/ (.*)$/m.exec(page) ?? [];
  const json = options.replace(/(\w+):\s/g, '"$1": ').replace(/'/g, '"');
  expect(nextRuns(JSON.parse(json)).map((run) => run.toISOString())).toEqual(runs.split(', '));
});
