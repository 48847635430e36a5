import { describe, expect, test } from 'vitest';
import type { BacklineError } from './backline-error.ts';
import { checkFilter, checkPage, isEmptyFilter, type JobFilter } from './filter.ts';

const refusal = (check: () => unknown): BacklineError => {
  try {
    check();
  } catch (error) {
    return error as BacklineError;
  }
  return expect.unreachable('it was not refused');
};

describe('a filter', () => {
  test.each<[JobFilter | undefined, object]>([
    [undefined, {}],
    [{}, {}],
    [{ status: 'failed' }, { status: ['failed'] }],
    [
      { status: ['failed', 'timeout'], type: 'mail' },
      { status: ['failed', 'timeout'], type: ['mail'] },
    ],
    [
      { id: ['a', 'b'], queue: 'q', priority: 1 },
      { id: ['a', 'b'], queue: ['q'], priority: [1] },
    ],
    [{ id: [] }, { id: [] }],
    [
      { parent: 'p', tag: 't', userInitiated: false },
      { parent: 'p', tag: 't', userInitiated: false },
    ],
    [
      { createdAfter: new Date(5), createdBefore: '1970-01-01T00:00:01Z' },
      { createdAfter: 5, createdBefore: 1000 },
    ],
    [{ error: 'SMTP 4%' }, { error: 'SMTP 4%' }],
    [
      { payload: { 'user.id': 42, 'items.0.sku': 'x', on: true, off: null } },
      {
        payload: [
          { path: ['user', 'id'], value: 42 },
          { path: ['items', '0', 'sku'], value: 'x' },
          { path: ['on'], value: true },
          { path: ['off'], value: null },
        ],
      },
    ],
  ])('%j', (filter, checked) => {
    expect(checkFilter(filter)).toEqual(checked);
  });

  test.each<[unknown, string]>([
    [{ status: 'done' }, 'status'],
    [{ status: ['failed', 'done'] }, 'status[1]'],
    [{ status: null }, 'status'],
    [{ id: '' }, 'id'],
    [{ id: ['ok', 'not ok'] }, 'id[1]'],
    [{ id: new Array(1001).fill('a') }, 'id'],
    [{ fingerprint: 'abc' }, 'fingerprint'],
    [{ fingerprint: 7 }, 'fingerprint'],
    [{ batch: 'yes' }, 'batch'],
    [{ priority: 0 }, 'priority'],
    [{ priority: 11 }, 'priority'],
    [{ priority: '5' }, 'priority'],
    [{ userInitiated: 1 }, 'userInitiated'],
    [{ createdAfter: 'yesterday' }, 'createdAfter'],
    [{ createdBefore: '2026-01-01T00:00:00' }, 'createdBefore'],
    [{ error: '' }, 'error'],
    [{ payload: 5 }, 'payload'],
    [{ payload: [] }, 'payload'],
    [{ payload: { '': 1 } }, 'payload path'],
    [{ payload: { 'a..b': 1 } }, 'payload path'],
    [{ payload: { 'a"]': 1 } }, 'payload path'],
    [{ payload: { a: {} } }, 'payload.a'],
    [{ payload: { a: Number.NaN } }, 'payload.a'],
    [{ payload: { a: undefined } }, 'payload.a'],
    [null, 'filter'],
    ['failed', 'filter'],
    [[], 'filter'],
  ])('%j is refused, naming the field', (filter, field) => {
    expect(refusal(() => checkFilter(filter))).toMatchObject({ code: 'INVALID_OPTION', field });
  });

  test('an unknown name gets a suggestion', () => {
    expect(refusal(() => checkFilter({ stauts: 'failed' }))).toMatchObject({
      code: 'UNKNOWN_OPTION',
      next: 'Did you mean "status"?',
    });
  });

  test('only a filter that says nothing is empty', () => {
    expect(isEmptyFilter(checkFilter({}))).toBe(true);
    expect(isEmptyFilter(checkFilter({ status: undefined }))).toBe(true);
    expect(isEmptyFilter(checkFilter({ id: [] }))).toBe(false);
    expect(isEmptyFilter(checkFilter({ userInitiated: false }))).toBe(false);
  });
});

describe('a page', () => {
  test('begins with the newest hundred', () => {
    expect(checkPage({})).toEqual({ order: 'newest', limit: 100, after: undefined });
    expect(checkPage(undefined)).toEqual({ order: 'newest', limit: 100, after: undefined });
  });

  test.each<[unknown, string]>([
    [{ order: 'random' }, 'order'],
    [{ limit: 0 }, 'limit'],
    [{ limit: 1001 }, 'limit'],
    [{ limit: 1.5 }, 'limit'],
    [{ after: '' }, 'after'],
    [{ after: 5 }, 'after'],
    [5, 'page'],
  ])('%j is refused, naming the field', (page, field) => {
    expect(refusal(() => checkPage(page))).toMatchObject({ code: 'INVALID_OPTION', field });
  });
});
