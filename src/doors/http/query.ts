/** The query of a request → the input of an operation: numbers, switches and lists arrive as text there, and only there. */
import type * as z from 'zod';

type Schema = z.core.$ZodType;
interface Definition {
  readonly type: string;
  readonly innerType?: Schema;
  readonly shape?: Readonly<Record<string, Schema>>;
  readonly element?: Schema;
}

const definitionOf = (schema: Schema): Definition => {
  const definition = schema._zod.def as unknown as Definition;
  return definition.innerType ? definitionOf(definition.innerType) : definition;
};

/** What does not fit stays text, so that the schema can refuse it by name. */
export const readQuery = (schema: Schema | undefined, input: unknown): unknown => {
  const shape = schema && definitionOf(schema).shape;
  if (!shape || typeof input !== 'object' || input === null) return input;
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name,
      Object.hasOwn(shape, name) ? read(shape[name]!, value) : value,
    ]),
  );
};

const read = (schema: Schema, value: unknown): unknown => {
  const { type, element } = definitionOf(schema);
  if (type === 'array' && element) return listOf(value).map((item) => read(element, item));
  if (typeof value !== 'string') return value;
  if (type === 'number') return /^-?(0|[1-9]\d{0,15})$/.test(value) ? Number(value) : value;
  if (type === 'boolean') return value === 'true' ? true : value === 'false' ? false : value;
  return value;
};

/** `a=1&a=2` and `a=1,2` are the same list. */
const listOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : typeof value === 'string' ? value.split(',') : [value];
