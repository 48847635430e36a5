/**
 * The filter as people type it: `status:failed,timeout queue:emails since:1h error:"SMTP 421" payload.user.id:42`.
 *
 * 1. Words are parted by spaces; double quotes keep spaces and commas together, with \" and \\ inside.
 * 2. Each word is `key:value`; where a key takes several values, commas mean "any of these".
 * 3. Every word must hold. A key stands once.
 *
 * The command line and the pages share this grammar.
 */

import { didYouMean } from '../util/text.ts';
import { BacklineError } from './backline-error.ts';
import { checkInstant, parseDuration } from './check.ts';
import { badWhere } from './errors.ts';
import { checkFilter, type JobFilter } from './filter.ts';
import { STATUSES } from './states.ts';

/** One value of a word. A quoted value is always text. */
interface Value {
  readonly text: string;
  readonly quoted: boolean;
}

interface Word {
  readonly key: string;
  readonly values: readonly Value[];
  /** As typed, for errors. */
  readonly typed: string;
}

type Part = (word: Word, now: number) => JobFilter;

const texts = ({ values }: Word): string[] => values.map(({ text }) => text);

const one = (word: Word): Value => {
  if (word.values.length > 1)
    throw badWhere(word.typed, 'takes one value', 'one value; put it in double quotes if it holds a comma');
  return word.values[0]!;
};

const instantOf = (word: Word, now: number): number => {
  const { text } = one(word);
  const ago = parseDuration(text);
  return ago === undefined ? checkInstant(text, word.key) : Math.max(0, now - ago);
};

const yesOrNo = (word: Word): boolean => {
  const { text } = one(word);
  if (text !== 'true' && text !== 'false') throw badWhere(word.typed, 'is neither true nor false', 'true, false');
  return text === 'true';
};

const TIMES = 'how long ago, such as 30m, 1h, 7d, or ISO 8601 with an offset or Z, such as 2026-01-31T08:00Z';

/** Key → its part of the filter. `payload.<path>` comes beside these. */
const PARTS: Readonly<Record<string, Part>> = {
  status: (word) => ({ status: texts(word) as (typeof STATUSES)[number][] }),
  type: (word) => ({ type: texts(word) }),
  queue: (word) => ({ queue: texts(word) }),
  priority: (word) => ({ priority: texts(word).map(Number) }),
  id: (word) => ({ id: texts(word) }),
  tag: (word) => ({ tag: one(word).text }),
  parent: (word) => ({ parent: one(word).text }),
  schedule: (word) => ({ schedule: one(word).text }),
  tenant: (word) => ({ tenant: texts(word) }),
  user: (word) => ({ userInitiated: yesOrNo(word) }),
  since: (word, now) => ({ createdAfter: instantOf(word, now) }),
  until: (word, now) => ({ createdBefore: instantOf(word, now) }),
  error: (word) => ({ error: one(word).text }),
  fingerprint: (word) => ({ fingerprint: one(word).text }),
  batch: (word) => ({ batch: yesOrNo(word) }),
};

/** Words that mean the same. */
const ALIASES: Readonly<Record<string, string>> = { state: 'status' };
const PAYLOAD = /^(?:payload|args)\.(.+)$/s;

/** Every key of the grammar. */
export const WHERE_KEYS: readonly string[] = [...Object.keys(PARTS), 'payload.<path>'];

const KEYS = `${WHERE_KEYS.join(': ')}:`;

/**
 * Text → filter. Empty text is the empty filter.
 * @param now epoch milliseconds, for `since:1h` and `until:1h`.
 * @throws BAD_WHERE naming the word and what is allowed there.
 */
export const parseWhere = (text: string, now: number): JobFilter => {
  const filter: Record<string, unknown> = {};
  for (const word of wordsOf(text)) {
    const part = partOf(word, now);
    for (const [name, value] of Object.entries(part)) {
      const paths = name === 'payload' ? { ...(filter[name] as object | undefined), ...(value as object) } : undefined;
      if (paths ? Object.keys(paths).length === sizeOf(filter[name]) : Object.hasOwn(filter, name))
        throw badWhere(word.typed, `says "${word.key}" a second time`, 'each key once; several values as a,b');
      filter[name] = paths ?? value;
    }
  }
  return filter;
};

const sizeOf = (value: unknown): number => Object.keys(value ?? {}).length;

const partOf = (word: Word, now: number): JobFilter => {
  const key = Object.hasOwn(ALIASES, word.key) ? ALIASES[word.key]! : word.key;
  const path = PAYLOAD.exec(key)?.[1];
  const make = Object.hasOwn(PARTS, key) ? PARTS[key] : undefined;
  if (!make && path === undefined)
    throw badWhere(word.typed, `has no known key`, KEYS, didYouMean(key, [...Object.keys(PARTS), 'payload']));
  if (word.values.some(({ text }) => text === ''))
    throw badWhere(word.typed, 'has an empty value', `${word.key}:value`);
  try {
    const part = make ? make(word, now) : { payload: { [path!]: payloadValue(one(word)) } };
    checkFilter(part);
    return part;
  } catch (error) {
    throw named(word, key, error);
  }
};

/** The error of one value, told as an error of the word that the person typed. */
const named = (word: Word, key: string, error: unknown): unknown => {
  if (!(error instanceof BacklineError) || error.code === 'BAD_WHERE') return error;
  const time = key === 'since' || key === 'until';
  const next = key === 'status' ? didYouMean(word.values[0]!.text, STATUSES) : undefined;
  return badWhere(word.typed, time ? 'is no time' : 'is not possible', time ? TIMES : (error.allowed ?? KEYS), next);
};

/** `42` is a number, `"42"` is text; so are words, and numbers that a double cannot hold exactly. */
const payloadValue = ({ text, quoted }: Value): string | number | boolean | null => {
  if (quoted) return text;
  if (text === 'true' || text === 'false') return text === 'true';
  if (text === 'null') return null;
  const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(number)) return text;
  return Number.isInteger(number) && !Number.isSafeInteger(number) ? text : number;
};

/** The payload part of a filter as words of this grammar: the other way round. */
export const payloadWords = (payload: NonNullable<JobFilter['payload']>): string =>
  Object.entries(payload)
    .map(([path, value]) => `payload.${path}:${typeof value === 'string' ? quoted(value) : String(value)}`)
    .join(' ');

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

const wordsOf = (text: string): Word[] => {
  const reader = new Reader(text);
  const words: Word[] = [];
  for (reader.take(SPACE); !reader.done; reader.take(SPACE)) words.push(readWord(reader));
  return words;
};

const readWord = (reader: Reader): Word => {
  const start = reader.at;
  const key = reader.take(KEY)?.[1];
  if (key === undefined) {
    const bare = reader.take(SOLID)![0];
    throw badWhere(bare, 'has no key', KEYS, didYouMean(bare, Object.keys(PARTS)));
  }
  const values = [readValue(reader, key)];
  while (reader.take(COMMA)) values.push(readValue(reader, key));
  const typed = reader.since(start);
  if (!reader.done && !reader.take(SPACE))
    throw badWhere(typed + reader.take(SOLID)![0], 'goes on after its value', `${key}:"some text", then a space`);
  return { key, values, typed };
};

const readValue = (reader: Reader, key: string): Value => {
  const quoted = reader.take(QUOTED)?.[1];
  if (quoted !== undefined) return { text: quoted.replace(/\\(.)/gs, '$1'), quoted: true };
  if (reader.take(QUOTE))
    throw badWhere(`${key}:"${reader.take(REST)![0]}`, 'has a quote that does not end', `${key}:"some text"`);
  return { text: reader.take(BARE)?.[0] ?? '', quoted: false };
};

const SPACE = /\s+/y;
const SOLID = /\S+/y;
const KEY = /([^\s:",]+):/y;
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy;
const QUOTE = /"/y;
const BARE = /[^\s",]+/y;
const COMMA = /,/y;
const REST = /.*/sy;

/** A text and how far it has been read. */
class Reader {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get done(): boolean {
    return this.at >= this.#text.length;
  }

  since(start: number): string {
    return this.#text.slice(start, this.at);
  }

  /** Takes what a sticky pattern matches at this place, or nothing. */
  take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.#text);
    if (found) this.at = pattern.lastIndex;
    return found;
  }
}
