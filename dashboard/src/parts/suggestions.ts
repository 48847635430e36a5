import { KEYS, valueText, type Word } from '../where.ts';

export interface Suggestion {
  /** What the field holds once it is taken. */
  readonly text: string;
  readonly says: string;
  /** It is a whole word. */
  readonly done: boolean;
}

const AT_MOST = 10;

/** What may be meant by what was typed so far: keys first, then values of the key. */
export const suggestionsFor = (
  typed: string,
  known: Readonly<Record<string, readonly string[]>>,
  taken: readonly Word[],
): Suggestion[] => {
  const text = typed.trimStart();
  const colon = text.indexOf(':');
  if (colon < 0) return keysFor(text.toLowerCase(), taken);
  const key = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  const before = rest.slice(0, rest.lastIndexOf(',') + 1);
  const begun = rest.slice(before.length).replace(/^"/, '').toLowerCase();
  const values = known[key] ?? KEYS.find((one) => one.key === key)?.values ?? [];
  return values
    .filter((value) => value.toLowerCase().includes(begun) && !before.split(',').includes(value))
    .slice(0, AT_MOST)
    .map((value) => ({ text: `${key}:${before}${valueText(value)}`, says: '', done: true }));
};

const keysFor = (begun: string, taken: readonly Word[]): Suggestion[] => {
  const free = KEYS.filter(({ key }) => !taken.some((word) => word.key === key));
  const keys = free
    .filter(({ key }) => key.startsWith(begun))
    .map(({ key, says }) => ({ text: key.endsWith('.') ? key : `${key}:`, says, done: false }));
  // A state by its own word, which is how people think of it.
  const states = free.find(({ key }) => key === 'status')?.values ?? [];
  const found = begun ? states.filter((state) => state.startsWith(begun)) : [];
  return [...found.map((state) => ({ text: `status:${state}`, says: 'the state it is in', done: true })), ...keys];
};
