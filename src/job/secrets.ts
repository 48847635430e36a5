/**
 * What is secret in a payload: the paths that a job type marks, and whatever has a name that speaks of a secret. Pure: found, masked,
 * and taken out of texts here; encrypted in src/engine/vault.ts.
 */
import { type Check, listOf } from './check.ts';
import { invalidOption } from './errors.ts';

/** What stands in the place of a secret wherever something is shown. */
export const MASK = '***';

/**
 * Names of secrets, without case and whatever parts their words: `accessToken`, `access_token` and `X-Access-Token` end in "token".
 * A name is secret if it is or ends in one of these.
 */
export const SECRET_NAMES: readonly string[] = [
  ...['token', 'secret', 'password', 'passwd', 'passphrase', 'passcode', 'pwd', 'credential', 'credentials'],
  ...[
    'authorization',
    'bearer',
    'cookie',
    'apikey',
    'accesskey',
    'secretkey',
    'privatekey',
    'signingkey',
    'encryptionkey',
  ],
];

/** The name of the one field of an object that stands for an encrypted value. */
export const SEALED = '$secret';

/** What of a payload is secret. */
export interface SecretRules {
  /** Paths that are, in parts; `*` stands for every item of a list and every field. */
  readonly paths: readonly (readonly string[])[];
  /** Whether a name speaks of a secret. */
  readonly isSecret: (name: string) => boolean;
}

const plain = (name: string): string => name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');

/** @param names what secrets are called. @param except names that are none, whatever they end in. */
export const namesRule = (names: readonly string[], except: readonly string[] = []): SecretRules['isSecret'] => {
  const ends = names.map(plain);
  const not = new Set(except.map(plain));
  const known = new Map<string, boolean>();
  return (name) => {
    const before = known.get(name);
    if (before !== undefined) return before;
    const word = plain(name);
    const is = !not.has(word) && ends.some((end) => word.endsWith(end));
    // Names of fields are few; what comes in as data may be many.
    if (known.size < 10_000) known.set(name, is);
    return is;
  };
};

const path: Check<readonly string[]> = (value, field) => {
  const parts = typeof value === 'string' ? value.split('.') : [];
  if (parts.length === 0 || parts.some((part) => part === '' || part.length > 200))
    throw invalidOption(field, value, "paths of names joined by dots, such as 'auth.password' or 'users.*.pin'");
  return parts;
};

/** Paths of secrets, as a job type gives them. */
export const secretPaths: Check<readonly (readonly string[])[]> = listOf(path, 1000);

const secretName: Check<string> = (value, field) => {
  if (typeof value !== 'string' || plain(value) === '' || value.length > 200)
    throw invalidOption(field, value, "names such as 'token'");
  return value;
};

/** Names of fields. */
export const secretNames: Check<readonly string[]> = listOf(secretName, 1000);

/** `payload.users[0].pin`. */
export const pathText = (parts: readonly (string | number)[], root = 'payload'): string =>
  parts.reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}.${part}`), root);

type Path = readonly (string | number)[];

/** What `replaceSecrets` does at a place; what it returns stands there then. */
export interface Replacer {
  /** A secret in clear. */
  readonly secret: (value: unknown, path: Path) => unknown;
  /** An encrypted one. */
  readonly sealed: (text: string, path: Path) => unknown;
  /** Any other text. */
  readonly text?: (text: string) => string;
  readonly number?: (value: number) => unknown;
}

/** Truth and nothing tell no secret. */
const isHidden = (value: unknown): boolean =>
  value !== null && value !== undefined && value !== '' && typeof value !== 'boolean';

/** The text of an encrypted value, or undefined for anything else. */
const sealedText = (value: object): string | undefined => {
  const text = (value as Readonly<Record<string, unknown>>)[SEALED];
  return typeof text === 'string' && Object.keys(value).length === 1 ? text : undefined;
};

/** A value of JSON with its secrets replaced; the very same value if there are none. */
export const replaceSecrets = (value: unknown, rules: SecretRules, by: Replacer): unknown =>
  walk(value, null, rules.paths, rules, by);

/** Where a value stands, from within: most are never asked for. */
interface Place {
  readonly name: string | number;
  readonly up: Place | null;
}

const pathOf = (place: Place | null): Path => {
  const path: (string | number)[] = [];
  for (let at = place; at; at = at.up) path.unshift(at.name);
  return path;
};

type Marks = SecretRules['paths'];

const NO_MARKS: Marks = [];

/** The marks that lead on through a name. */
const marksBelow = (marks: Marks, name: string): Marks =>
  marks.length === 0 ? NO_MARKS : marks.flatMap(([first, ...rest]) => (first === name || first === '*' ? [rest] : []));

const walk = (value: unknown, place: Place | null, marks: Marks, rules: SecretRules, by: Replacer): unknown => {
  if (typeof value === 'string') return by.text ? by.text(value) : value;
  if (typeof value === 'number') return by.number ? by.number(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return walkList(value, place, marks, rules, by);
  const text = sealedText(value);
  return text === undefined ? walkFields(value, place, marks, rules, by) : by.sealed(text, pathOf(place));
};

const walkList = (list: unknown[], up: Place | null, marks: Marks, rules: SecretRules, by: Replacer): unknown => {
  let copy: unknown[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const below = marksBelow(marks, String(i));
    const next = replaced(list[i], { name: i, up }, below, isMarked(below), rules, by);
    if (next === list[i]) continue;
    copy ??= [...list];
    copy[i] = next;
  }
  return copy ?? list;
};

const walkFields = (fields: object, up: Place | null, marks: Marks, rules: SecretRules, by: Replacer): unknown => {
  let copy: Record<string, unknown> | undefined;
  for (const name of Object.keys(fields)) {
    const item = (fields as Record<string, unknown>)[name];
    const below = marksBelow(marks, name);
    const next = replaced(item, { name, up }, below, isMarked(below) || rules.isSecret(name), rules, by);
    const shown = by.text ? by.text(name) : name;
    if (next === item && shown === name) continue;
    copy ??= { ...fields };
    if (shown !== name) delete copy[name];
    copy[shown] = next;
  }
  return copy ?? fields;
};

const isMarked = (below: Marks): boolean => below.length > 0 && below.some((rest) => rest.length === 0);

const replaced = (
  item: unknown,
  place: Place,
  below: Marks,
  isOne: boolean,
  rules: SecretRules,
  by: Replacer,
): unknown => {
  if (!isOne || !isHidden(item)) return walk(item, place, below, rules, by);
  const text = typeof item === 'object' && item !== null ? sealedText(item) : undefined;
  return text === undefined ? by.secret(item, pathOf(place)) : by.sealed(text, pathOf(place));
};

/** A value of JSON as it is shown: secrets are masked, encrypted or not. */
export const maskSecretsIn = (value: unknown, rules: SecretRules): unknown =>
  replaceSecrets(value, rules, { secret: () => MASK, sealed: () => MASK });

/** The texts and numbers within a secret: what must not stand anywhere else. */
export const valuesWithin = (value: unknown, into: Set<string> = new Set()): Set<string> => {
  if (typeof value === 'string') into.add(value);
  else if (typeof value === 'number') into.add(String(value));
  else if (typeof value === 'object' && value !== null)
    for (const item of Object.values(value)) valuesWithin(item, into);
  return into;
};

/** Shorter values stand in too many texts by chance; so does what is looked for within a name. */
const LEAST = 4;
const LEAST_WITHIN_NAME = 8;
/** A line of a longer secret, such as a private key, is one itself. */
const LEAST_LINE = 16;

/** Secret in texts whatever their values are: what authorises in a header, names and passwords of addresses, their query. Bounded, so that no text is slow. */
const ALWAYS: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s{1,9}[\w.~+/=-]{8,}/gi, `$1 ${MASK}`],
  [/(\b[a-z][a-z0-9+.-]{0,20}:\/\/)[^\s/?#@"']{1,300}@/gi, `$1${MASK}@`],
  [/([?&][^=&?\s]{0,60}(?:pass|secret|token|key)[^=&?\s]{0,60}=)[^&\s"']+/gi, `$1${MASK}`],
];

/** Takes the secrets of one job out of what is written about it. */
export class Scrubber {
  readonly #values: readonly string[];
  readonly #pattern: RegExp | null;

  constructor(values: ReadonlySet<string>) {
    this.#values = [...values].filter((value) => value.length >= LEAST);
    const forms = new Set(this.#values.flatMap(formsOf));
    const longestFirst = [...forms]
      .sort((a, b) => b.length - a.length)
      .map((form) => form.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
    this.#pattern = longestFirst.length > 0 ? new RegExp(longestFirst.join('|'), 'g') : null;
  }

  text(text: string): string {
    let clean = this.#pattern ? text.replace(this.#pattern, MASK) : text;
    for (const [pattern, by] of ALWAYS) clean = clean.replace(pattern, by);
    return clean;
  }

  /** JSON text: what has the name of a secret is masked, and known values wherever they stand. */
  json(json: string, isSecret: SecretRules['isSecret']): string {
    const value: unknown = JSON.parse(json);
    const numbers = new Set(this.#values);
    const clean = replaceSecrets(
      value,
      { paths: [], isSecret },
      {
        secret: () => MASK,
        sealed: () => MASK,
        text: (text) => this.text(text),
        number: (n) => (numbers.has(String(n)) ? MASK : n),
      },
    );
    return clean === value ? json : JSON.stringify(clean);
  }

  /** Whether a name, such as a key or a tag, tells a secret. */
  isToldBy(name: string): boolean {
    return this.#values.some((value) => name === value || (value.length >= LEAST_WITHIN_NAME && name.includes(value)));
  }
}

/** How a value may be written elsewhere. */
const formsOf = (value: string): string[] => {
  const lines = value.includes('\n') ? value.split('\n').filter((line) => line.trim().length >= LEAST_LINE) : [];
  return [value, ...lines].flatMap((one) => {
    const well = one.toWellFormed();
    return [
      one,
      JSON.stringify(one).slice(1, -1),
      encodeURIComponent(well),
      ...(well.length < LEAST_WITHIN_NAME ? [] : [base64(well)]),
    ];
  });
};

/** Without its last characters, which depend on what follows. */
const base64 = (text: string): string => {
  const encoded = btoa(String.fromCodePoint(...new TextEncoder().encode(text.slice(0, 1000))));
  return encoded.replace(/.?=+$/, '');
};
