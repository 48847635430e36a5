/**
 * The words of a search, as far as a page must know them: to show each as a chip, take one out, and say which it is about. What they mean
 * is the server's to say: the whole text goes there as it is, and its complaints come back.
 */

export interface Word {
  /** As typed. */
  readonly text: string;
  /** Before the colon; empty for a bare word, which the server refuses with a hint. */
  readonly key: string;
  readonly value: string;
}

/** `key:` or a bare word, then values with quotes; what is not closed goes on to the end. */
const WORD = /(?:([^\s:",]+):)?((?:"(?:[^"\\]|\\.)*(?:"|$)|[^\s"])*)/y;

export const wordsOf = (text: string): Word[] => {
  const words: Word[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at]!)) {
      at += 1;
      continue;
    }
    WORD.lastIndex = at;
    const [typed = '', key = '', value = ''] = WORD.exec(text) ?? [];
    // Every sign that is no space is part of some word.
    const taken = typed || text[at]!;
    words.push({ text: taken, key, value: typed ? value : taken });
    at += taken.length;
  }
  return words;
};

export const textOf = (words: readonly Word[]): string => words.map(({ text }) => text).join(' ');

/** What is still being typed: a word that is not followed by a space, or whose quote is open. */
export const isOpen = (text: string): boolean => {
  const last = wordsOf(text).at(-1);
  if (!last) return false;
  const open = (last.value.replace(/\\./g, '').match(/"/g)?.length ?? 0) % 2 === 1;
  return open || !/\s$/.test(text);
};

/** A value as it must be typed. */
export const valueText = (value: string): string =>
  /[\s",]/.test(value) || value === '' ? `"${value.replace(/["\\]/g, '\\$&')}"` : value;

/** The search with one word more; a word of the same key gives way, since each key stands once. */
export const withWord = (search: string, key: string, value: string): string => {
  const others = wordsOf(search).filter((word) => word.key !== key);
  return [...others.map(({ text }) => text), `${key}:${valueText(value)}`].join(' ');
};

/** The server has counters for these, so that counting costs nothing however many jobs there are. */
const COUNTED: ReadonlySet<string> = new Set(['status', 'state', 'type', 'queue']);

export const isCounted = (search: string): boolean => wordsOf(search).every(({ key }) => COUNTED.has(key));

export interface Key {
  readonly key: string;
  readonly says: string;
  /** Values that may follow; others may be known by the server only. */
  readonly values?: readonly string[];
}

export const KEYS: readonly Key[] = [
  {
    key: 'status',
    says: 'the state it is in',
    values: ['created', 'queued', 'running', 'completed', 'failed', 'cancelled', 'timeout'],
  },
  { key: 'type', says: 'the kind of job' },
  { key: 'queue', says: 'the queue it is in' },
  { key: 'error', says: 'text within its error' },
  { key: 'since', says: 'made at most so long ago, or after', values: ['15m', '1h', '24h', '7d'] },
  { key: 'until', says: 'made longer ago than, or before', values: ['15m', '1h', '24h', '7d'] },
  { key: 'tag', says: 'one of its tags' },
  { key: 'priority', says: '1 runs first, 10 last', values: ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10'] },
  { key: 'parent', says: 'the batch or job it belongs to' },
  { key: 'id', says: 'its id' },
  { key: 'batch', says: 'whether it is a batch', values: ['true', 'false'] },
  { key: 'fingerprint', says: 'the kind of its error, as the page of errors has it' },
  { key: 'user', says: 'whether a person waits for it', values: ['true', 'false'] },
  { key: 'payload.', says: 'a value within its input, such as payload.user.id:42' },
];
