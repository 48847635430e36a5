/**
 * JSON from strangers. Beside what JSON itself forbids, refused is what would silently become something else: a name that stands
 * twice, an integer that a double cannot hold, `__proto__`; and nesting so deep that whoever walks it might fall.
 * No part of the text is repeated in an error: it may hold a secret.
 */
import { badJson } from '../../job/errors.ts';

const MAX_DEPTH = 100;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** @throws BAD_JSON. */
export const parseStrictJson = (text: string): unknown => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw badJson(placeOf(text, error));
  }
  examine(text);
  return value;
};

/** Where it goes wrong, without the text that stands there. */
const placeOf = (text: string, error: unknown): string => {
  const said = String(error);
  const [, position] = /at position (\d+)/.exec(said) ?? [];
  if (position === undefined) return said.includes('end of JSON') ? 'it ends too early' : 'it is malformed';
  const before = text.slice(0, Number(position)).split('\n');
  return `it goes wrong at line ${before.length}, character ${before.at(-1)!.length + 1}`;
};

/** Walks over text that is known to be JSON. */
const examine = (text: string): void => {
  // One entry per open bracket: the names seen so far, or null in a list.
  const open: (Set<string> | null)[] = [];
  let isName = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '"') {
      const end = endOfString(text, i);
      if (isName) takeName(open.at(-1)!, text.slice(i, end + 1));
      isName = false;
      i = end;
    } else if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : null);
      if (open.length > MAX_DEPTH) throw badJson(`it is nested deeper than ${MAX_DEPTH}`);
      isName = character === '{';
    } else if (character === '}' || character === ']') open.pop();
    else if (character === ',') isName = open.at(-1) !== null;
    else if (character === '-' || (character >= '0' && character <= '9')) i = takeNumber(text, i);
  }
};

const endOfString = (text: string, start: number): number => {
  for (let i = start + 1; ; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) return i;
    if (code === BACKSLASH) i++;
  }
};

const takeName = (names: Set<string>, quoted: string): void => {
  const name = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
  if (name === '__proto__') throw badJson('a name in it is not allowed');
  if (names.has(name)) throw badJson('a name in it stands twice in one object');
  names.add(name);
};

const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** @returns the position of its last character. */
const takeNumber = (text: string, start: number): number => {
  NUMBER.lastIndex = start;
  const [number] = NUMBER.exec(text) as RegExpExecArray;
  if (number.length > 15 && /^-?\d+$/.test(number) && !Number.isSafeInteger(Number(number)))
    throw badJson('it holds an integer beyond 2^53, which would be changed', 'Send it as text.');
  return start + number.length - 1;
};
