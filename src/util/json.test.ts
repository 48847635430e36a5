import { describe, expect, test } from 'vitest';
import { jsonProblem } from './json.ts';

class Point {
  readonly x = 1;
}

const ring: Record<string, unknown> = { a: { b: {} } };
(ring['a'] as Record<string, unknown>)['b'] = { back: ring };
const listRing: unknown[] = [];
listRing.push([listRing]);

const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = i % 2 ? [value] : { d: value };
  return value;
};

const twice = { shared: 1 };

describe('what JSON can hold', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['text, also empty and with half characters', ['', 'a', '\ud800', '\0', '😀']],
    ['numbers', [0, -0, 1.5, Number.MAX_VALUE, Number.MIN_VALUE, 2 ** 53 + 2]],
    ['true and false', [true, false]],
    ['objects in objects', { a: { b: [{ c: null }] } }],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 })],
    ['a name that is undefined, and so not there', { a: undefined }],
    ['a name that is a symbol, which is not there either', { [Symbol('x')]: 1 }],
    ['a date', { at: new Date(0) }],
    ['something with its own JSON', { toJSON: () => ({ a: 1 }) }],
    ['the same object twice, side by side', [twice, twice, { twice }]],
    ['names that look dangerous but are plain', { constructor: 1, prototype: 2, toString: 3 }],
    ['199 levels', deep(199)],
  ])('%s', (_, value) => {
    expect(jsonProblem(value, 'payload')).toBeUndefined();
    expect(() => JSON.parse(JSON.stringify(value) ?? 'null')).not.toThrow();
  });

  test.each<[string, unknown, string, string | RegExp]>([
    ['NaN', { n: [Number.NaN] }, 'payload.n[0]', /is NaN/],
    ['Infinity', { n: Number.POSITIVE_INFINITY }, 'payload.n', /is Infinity/],
    ['minus Infinity', [Number.NEGATIVE_INFINITY], 'payload[0]', /is -Infinity/],
    ['a BigInt', { n: 1n }, 'payload.n', /is a bigint/],
    ['a function', { f: () => 1 }, 'payload.f', /is a function/],
    ['a class', { f: Point }, 'payload.f', /is a function/],
    ['a symbol', { s: Symbol('x') }, 'payload.s', /is a symbol/],
    ['undefined in a list', [1, undefined], 'payload[1]', /is undefined/],
    ['a hole in a list', new Array(2), 'payload[0]', /is undefined/],
    ['undefined itself', undefined, 'payload', /is undefined/],
    ['a Map', { m: new Map([[1, 2]]) }, 'payload.m', /is a Map/],
    ['a Set', { m: new Set() }, 'payload.m', /is a Set/],
    ['a RegExp', { m: /x/ }, 'payload.m', /is a RegExp/],
    ['an Error', { m: new TypeError('x') }, 'payload.m', /is a TypeError/],
    ['a class instance', { p: new Point() }, 'payload.p', /is a Point/],
    ['an instance whose class has no name', { p: new (class {})() }, 'payload.p', /is a class instance/],
    ['bytes', { b: new Uint8Array(2) }, 'payload.b', /is a Uint8Array/],
    ['bytes of Node', { b: Buffer.from('x') }, 'payload.b', /is a Buffer/],
    ['a promise', { p: Promise.resolve(1) }, 'payload.p', /is a Promise/],
    ['a boxed number', { n: Object(Number.NaN) }, 'payload.n', /is a Number/],
    ['a ring', ring, 'payload.a.b.back', 'refers back to itself'],
    ['a ring of lists', listRing, 'payload[0][0]', 'refers back to itself'],
    ['201 levels', deep(201), /^payload/ as never, /deeper than 200 levels/],
    ['__proto__', JSON.parse('{"a": {"__proto__": {"admin": true}}}'), 'payload.a.__proto__', /not allowed/],
    ['a date that is none', { at: new Date(Number.NaN) }, 'payload.at', /Invalid Date/],
    ['JSON of its own that holds more than JSON', { toJSON: () => ({ n: 1n }) }, 'payload.n', /is a bigint/],
    ['JSON of its own that is nothing', { a: { toJSON: () => undefined } }, 'payload.a', /is undefined/],
    ['JSON of its own that fails', { a: { toJSON: () => JSON.parse('{') } }, 'payload.a', /cannot be read/],
    [
      'a property that fails',
      {
        a: {
          get x() {
            return JSON.parse('{');
          },
        },
      },
      'payload',
      /cannot be read/,
    ],
  ])('%s is named with its path', (_, value, path, problem) => {
    const found = jsonProblem(value, 'payload');
    expect(found?.path).toMatch(path);
    expect(found?.problem).toMatch(problem);
  });

  test('a proxy that was revoked breaks nothing', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(jsonProblem({ proxy }, 'payload')?.problem).toMatch(/cannot be read/);
  });

  test('a million levels are refused, not run out of stack', () => {
    expect(jsonProblem(deep(1_000_000), 'payload')?.problem).toMatch(/deeper than 200 levels/);
  });
});
