/**
 * Errors that differ only in their numbers, ids and addresses are the same error: the first line of the message without these, and a
 * short word for it by which it can be asked for.
 *
 * PostgreSQL works out the same by itself (src/store/postgres/sql/target.ts), SQLite with this function; a conformance test compares
 * them. So only what both read alike may stand here: ranges of characters, and no word boundaries.
 */
import { digest } from '../util/ids.ts';

const MAX_LENGTH = 300;

/** What is taken out, in this order, and what stands in its place. */
export const STRIPPED: readonly (readonly [pattern: string, instead: string])[] = [
  ['[^ ]+@[^ ]+', '@'],
  // Ids and hashes.
  ['[0-9a-fA-F]{8}[0-9a-fA-F-]*', '#'],
  ['[0-9]+', '#'],
];

const EXPRESSIONS = STRIPPED.map(([pattern, instead]) => [new RegExp(pattern, 'g'), instead] as const);

/** `SMTP 421 for user 7 of ada@example.test` → `SMTP # for user # of @`. */
export const patternOf = (message: string): string => {
  const end = message.indexOf('\n');
  const line = message.slice(0, end < 0 ? 2 * MAX_LENGTH : Math.min(end, 2 * MAX_LENGTH));
  // Counted in whole characters, as the databases do.
  const start = line.length <= MAX_LENGTH ? line : Array.from(line).slice(0, MAX_LENGTH).join('');
  return EXPRESSIONS.reduce((text, [expression, instead]) => text.replace(expression, instead), start);
};

export const FINGERPRINT_LENGTH = 16;

/** A word for all messages with the same pattern. */
export const fingerprintOf = (message: string): string => {
  const pattern = patternOf(message);
  let word = known.get(pattern);
  if (word === undefined) {
    if (known.size >= MANY) known.clear();
    word = digest(pattern).slice(0, FINGERPRINT_LENGTH);
    known.set(pattern, word);
  }
  return word;
};

/** A database asks for every job that failed, and few errors are many: working out a word anew takes four times as long as all the rest. */
const known = new Map<string, string>();
const MANY = 1000;

/** How much of the first line counts, in characters. */
export const FINGERPRINTED = MAX_LENGTH;
