/**
 * JSON without silent loss. `JSON.stringify` turns NaN into null, a Map into {}, and drops functions; here each of these is an
 * error that names its path.
 */

/** What is wrong with a value, and where. */
export interface JsonProblem {
  readonly path: string;
  readonly problem: string;
}

const MAX_DEPTH = 200;

/** The first thing in a value that JSON cannot hold, or undefined. `undefined` in an object means "not there" and is fine; so are names that are symbols, which are nobody's data. */
export const jsonProblem = (value: unknown, path: string, above: readonly object[] = []): JsonProblem | undefined => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined;
    case 'number':
      return Number.isFinite(value) ? undefined : { path, problem: `is ${value}, which JSON cannot hold` };
    case 'object':
      return value === null ? undefined : readableProblem(value, path, above);
    case 'undefined':
      return { path, problem: 'is undefined, which JSON cannot hold' };
    default:
      return { path, problem: `is a ${typeof value}, which JSON cannot hold` };
  }
};

/** A getter, a proxy or a toJSON of the user's may fail. */
const readableProblem = (value: object, path: string, above: readonly object[]): JsonProblem | undefined => {
  try {
    return objectProblem(value, path, above);
  } catch (error) {
    return { path, problem: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
};

const objectProblem = (value: object, path: string, above: readonly object[]): JsonProblem | undefined => {
  if (above.includes(value)) return { path, problem: 'refers back to itself' };
  if (above.length >= MAX_DEPTH) return { path, problem: `is nested deeper than ${MAX_DEPTH} levels` };
  const within = [...above, value];
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) {
      const found = jsonProblem(value[i], `${path}[${i}]`, within);
      if (found) return found;
    }
    return undefined;
  }
  if (ArrayBuffer.isView(value)) return { path, problem: `is a ${value.constructor.name}, which JSON would not keep` };
  if (value instanceof Date && Number.isNaN(value.getTime())) return { path, problem: 'is an Invalid Date' };
  if ('toJSON' in value && typeof value.toJSON === 'function') return jsonProblem(value.toJSON(), path, within);
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null)
    return { path, problem: `is a ${value.constructor?.name || 'class instance'}, which JSON would not keep` };
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return { path: `${path}.${key}`, problem: 'is a name that is not allowed' };
    const item = (value as Record<string, unknown>)[key];
    if (item === undefined) continue;
    const found = jsonProblem(item, `${path}.${key}`, within);
    if (found) return found;
  }
  return undefined;
};

/** JSON text that was stored by us → value. */
export const parseJson = (json: string): unknown => JSON.parse(json);
