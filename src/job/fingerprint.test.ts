import { expect, test } from 'vitest';
import { fingerprintOf, patternOf } from './fingerprint.ts';

test.each([
  ['SMTP 421 for user 7', 'SMTP # for user #'],
  ['no mailbox ada@example.test, try later', 'no mailbox @ try later'],
  ['job 0b4e3a7c-12ab-4cde-9f00-aabbccddeeff is gone', 'job # is gone'],
  ['ENOENT: /tmp/x12/y', 'ENOENT: /tmp/x#/y'],
  ['first line 1\nsecond line 2', 'first line #'],
  ['', ''],
])('%j becomes %j', (message, pattern) => {
  expect(patternOf(message)).toBe(pattern);
});

test('messages that differ only in numbers have one fingerprint, others have their own', () => {
  expect(fingerprintOf('SMTP 421')).toMatch(/^[0-9a-f]{16}$/);
  expect(fingerprintOf('SMTP 421')).toBe(fingerprintOf('SMTP 5'));
  expect(fingerprintOf('SMTP 421')).not.toBe(fingerprintOf('SMTP x'));
});

test('of a message that is very long, only the beginning counts, and no character is cut in two', () => {
  const long = '💥'.repeat(300);
  expect(patternOf(`${long}abc`)).toBe(long);
  expect(fingerprintOf(`${'x'.repeat(300)}a`)).toBe(fingerprintOf(`${'x'.repeat(300)}b`));
});
