/** What a schema says is wrong with an input → one error in our words: the path of the field, what was found, what is allowed. */
import type * as z from 'zod';
import type { BacklineError } from '../../job/backline-error.ts';
import { isRecord } from '../../job/check.ts';
import { invalidOption, unknownOption } from '../../job/errors.ts';
import { allowedBy } from './words.ts';

type Schema = z.core.$ZodType;
type Path = readonly PropertyKey[];

/** @param root the schema of the whole input. */
export const errorOfIssue = (issue: z.core.$ZodIssue, root: Schema, input: unknown): BacklineError => {
  const schema = schemaAt(root, issue.path);
  if (issue.code === 'unrecognized_keys') {
    const [key] = issue.keys as [string];
    const where = issue.path.length === 0 ? 'This operation' : pathText(issue.path);
    return unknownOption(where, key, keysOf(schema)).about(pathText([...issue.path, key]));
  }
  return invalidOption(pathText(issue.path), valueAt(input, issue.path), allowedAt(schema, issue));
};

/** `['jobs', 3, 'options', 'queue']` → `jobs[3].options.queue`. */
const pathText = (path: Path): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text && '.'}${String(part)}`),
    '',
  ) || 'input';

const valueAt = (input: unknown, path: Path): unknown =>
  path.reduce<unknown>((value, part) => {
    const known = isRecord(value) || Array.isArray(value);
    return known && Object.hasOwn(value, part) ? (value as Record<PropertyKey, unknown>)[part] : undefined;
  }, input);

/** Parts of a definition that lead further in. */
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
  readonly options?: readonly Schema[];
}

const definitionOf = (schema: Schema): Definition => schema._zod.def as unknown as Definition;

/** Without what only says that it may be missing. */
const bare = (schema: Schema): Schema => {
  const { innerType } = definitionOf(schema);
  return innerType && allowedBy(schema) === undefined ? bare(innerType) : schema;
};

const schemaAt = (root: Schema, path: Path): Schema | undefined =>
  path.reduce<Schema | undefined>((schema, part) => (schema ? inside(bare(schema), part) : undefined), root);

const inside = (schema: Schema, part: PropertyKey): Schema | undefined => {
  const { shape, element, options } = definitionOf(schema);
  if (options) return options.map((option) => inside(bare(option), part)).find((found) => found !== undefined);
  return typeof part === 'number' ? element : shape?.[String(part)];
};

const keysOf = (schema: Schema | undefined): string[] => {
  if (!schema) return [];
  const { shape, options } = definitionOf(bare(schema));
  return options ? options.flatMap(keysOf) : Object.keys(shape ?? {});
};

const TYPES: Readonly<Record<string, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
};

const allowedAt = (schema: Schema | undefined, issue: z.core.$ZodIssue): string => {
  const said = schema && allowedBy(bare(schema));
  if (said) return said;
  if (issue.code === 'too_big' && issue.origin === 'array') return `a list of at most ${issue.maximum}`;
  if (issue.code === 'too_small') return `${TYPES[issue.origin] ?? 'a value'} of at least ${issue.minimum}`;
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? issue.expected;
  return issue.message;
};
