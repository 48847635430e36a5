/** Payloads checked by the schema libraries that people bring. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { type } from 'arktype';
import { job } from 'backline';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { codeOf, freshFile, refusalOf, startManager } from './managers.ts';

interface Input {
  user: { name: string; age: number };
  tags?: string[];
}

/** The same five schemas, by three libraries. */
interface Library {
  readonly plain: StandardSchemaV1<Input, Input>;
  /** Text in, a number out. */
  readonly transforming: StandardSchemaV1<{ n: string }, { n: number }>;
  /** A default for what is not there. */
  readonly defaulting: StandardSchemaV1<{ n?: number }, { n: number }>;
  /** Answers with a promise: only even numbers; null if the library has none. */
  readonly late: StandardSchemaV1<number, number> | null;
}

const libraries: [string, Library][] = [
  [
    'zod',
    {
      plain: z.object({
        user: z.object({ name: z.string(), age: z.number().min(0) }),
        tags: z.array(z.string()).optional(),
      }),
      transforming: z.object({ n: z.string().transform(Number).pipe(z.number()) }),
      defaulting: z.object({ n: z.number().default(7) }),
      late: z.number().refine(async (n) => n % 2 === 0, 'must be even'),
    },
  ],
  [
    'valibot',
    {
      plain: v.object({
        user: v.object({ name: v.string(), age: v.pipe(v.number(), v.minValue(0)) }),
        tags: v.optional(v.array(v.string())),
      }),
      transforming: v.object({ n: v.pipe(v.string(), v.transform(Number), v.number()) }),
      defaulting: v.object({ n: v.optional(v.number(), 7) }),
      late: v.pipeAsync(
        v.number(),
        v.checkAsync(async (n) => n % 2 === 0, 'must be even'),
      ),
    },
  ],
  [
    'arktype',
    {
      plain: type({ user: { name: 'string', age: 'number >= 0' }, 'tags?': 'string[]' }),
      transforming: type({ n: 'string.numeric.parse' }),
      defaulting: type({ n: 'number = 7' }),
      late: null,
    },
  ],
];

describe.each(libraries)('%s', (_, { plain, transforming, defaulting, late }) => {
  test('lets pass what fits', async () => {
    const manager = await startManager({ jobs: { task: job({ input: plain, run: (payload) => payload.user.name }) } });
    const payload = { user: { name: 'Ada', age: 36 }, tags: ['x'] };
    const { id } = await manager.enqueue('task', payload);
    expect(await manager.result(id)).toBe('Ada');
    expect((await manager.get(id))!.payload).toEqual(payload);
  });

  test.each<[unknown, string]>([
    [{ user: { name: 5, age: 36 } }, 'payload.user.name'],
    [{ user: { name: 'Ada', age: -1 } }, 'payload.user.age'],
    [{ user: { name: 'Ada' } }, 'payload.user.age'],
    [{}, 'payload.user'],
    [{ user: { name: 'Ada', age: 36 }, tags: ['x', 5] }, 'payload.tags.1'],
    [null, 'payload'],
    ['text', 'payload'],
  ])('refuses %j, naming the path, and writes nothing', async (payload, field) => {
    const manager = await startManager({ jobs: { task: job({ input: plain, run: () => 1 }) } });
    const error = await refusalOf(() => manager.enqueue('task', payload as Input));
    expect(error).toMatchObject({ code: 'INVALID_PAYLOAD', field });
    expect(error.message).toMatch(/^payload\S* does not fit its schema: \S/);
    expect(await manager.count()).toBe(0);
  });

  test('stores the input, and gives the handler what the schema makes of it', async () => {
    const seen: unknown[] = [];
    const manager = await startManager({
      jobs: {
        number: job({ input: transforming, run: ({ n }) => void seen.push(n) }),
        preset: job({ input: defaulting, run: ({ n }) => void seen.push(n) }),
      },
    });
    const text = await manager.enqueue('number', { n: '42' });
    const empty = await manager.enqueue('preset', {});
    await manager.result(text);
    await manager.result(empty);
    expect(seen).toEqual([42, 7]);
    expect((await manager.get(text.id))!.payload).toEqual({ n: '42' });
    expect((await manager.get(empty.id))!.payload).toEqual({});
    expect(await refusalOf(() => manager.enqueue('number', { n: 'many' }))).toMatchObject({ field: 'payload.n' });
  });

  test('checks again where the job runs: the schema may have changed since', async () => {
    const file = freshFile();
    const before = await startManager({ worker: false }, file);
    const { id } = await before.enqueue('task', { user: 'an older shape' });
    const after = await startManager({ jobs: { task: job({ input: plain, run: () => 1 }) } }, file);
    await after.result(id).catch(() => {});
    expect(await after.get(id)).toMatchObject({
      status: 'failed',
      attempts: 1,
      error: expect.stringContaining('does not fit its schema'),
    });
  });

  if (late === null) return;
  test('may answer with a promise', async () => {
    const manager = await startManager({ jobs: { task: job({ input: late, run: (n) => n * 2 }) } });
    expect(await manager.result(await manager.enqueue('task', 4))).toBe(8);
    expect(await refusalOf(() => manager.enqueue('task', 5))).toMatchObject({
      code: 'INVALID_PAYLOAD',
      message: expect.stringContaining('must be even'),
    });
    expect(
      await refusalOf(() =>
        manager.enqueueMany([
          { type: 'task', payload: 2 },
          { type: 'task', payload: 3 },
        ]),
      ),
    ).toMatchObject({ code: 'INVALID_PAYLOAD', field: 'jobs[1].payload' });
    expect(await manager.count()).toBe(1);
  });
});

test('without a schema every payload that JSON can hold passes', async () => {
  const manager = await startManager({ jobs: { task: job({ run: (payload: unknown) => payload }) } });
  const { id } = await manager.enqueue('task', { any: ['thing', null] });
  expect(await manager.result(id)).toEqual({ any: ['thing', null] });
});

test('a schema that fails itself is a refusal with a code, and not the end of the process', async () => {
  const broken = z.string().transform(() => {
    throw new Error('a bug in the schema');
  });
  const manager = await startManager({ jobs: { task: job({ input: broken, run: () => 1 }) } });
  expect(await codeOf(() => manager.enqueue('task', 'x'))).toBe('INVALID_PAYLOAD');
});
