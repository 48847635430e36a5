import { describe, expect, test } from 'vitest';
import { newId, newOwner } from './ids.ts';

describe('ids', () => {
  test('time-ordered ids are unique, valid and strictly increasing', () => {
    const ids = Array.from({ length: 20_000 }, () => newId('uuid-v7'));
    expect(new Set(ids).size).toBe(ids.length);
    expect([...ids].sort()).toEqual(ids);
    for (const id of ids.slice(0, 50))
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(Math.abs(Number.parseInt(ids[0]!.replaceAll('-', '').slice(0, 12), 16) - Date.now())).toBeLessThan(60_000);
  });

  test('random ids are version 4', () => {
    expect(newId('uuid-v4')).toMatch(/^[0-9a-f-]{14}4[0-9a-f]{3}-[89ab]/);
  });

  test('two starts of a worker of one name are told apart', () => {
    expect(newOwner('w')).toMatch(/^w#/);
    expect(newOwner('w')).not.toBe(newOwner('w'));
  });
});
