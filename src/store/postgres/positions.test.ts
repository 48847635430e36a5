import { describe, expect, test } from 'vitest';
import { type Place, Positions } from './positions.ts';

const NOW = 1_000_000;
const place = (runAt: number, seq: number, type = 'mail'): Place => ({ queue: 'q', type, priority: 5, runAt, seq });
const MANY = 1_000_000;

/** Positions that are in use, with these lanes. */
const inUse = (...places: Place[]) => {
  const positions = new Positions(() => {});
  positions.looked(positions.from(NOW), [], MANY);
  expect(positions.surveyed({ places, blocks: MANY })).toBe(true);
  return positions;
};

describe('positions', () => {
  test('are not used while a look reads no more than it needs', () => {
    const surveys: number[] = [];
    const positions = new Positions(() => surveys.push(1));
    positions.looked(positions.from(NOW), [place(1, 1)], 300);
    expect([positions.from(NOW).places, surveys]).toEqual([null, []]);
  });

  test('are asked for once by a look that reads far more', () => {
    const surveys: number[] = [];
    const positions = new Positions(() => surveys.push(1));
    for (let i = 0; i < 3; i++) positions.looked(positions.from(NOW), [], MANY);
    expect(surveys).toEqual([1]);
    expect(positions.from(NOW).places).toBeNull();
  });

  test('move to the first row that a look got in each lane', () => {
    const positions = inUse(place(1, 1), place(2, 2, 'report'));
    positions.looked(positions.from(NOW), [place(10, 4), place(11, 5), place(20, 6, 'report')], 10);
    expect(positions.from(NOW).places).toEqual([place(10, 4), place(20, 6, 'report')]);
  });

  test('go back to what this process put behind them, and know its new lanes', () => {
    const positions = inUse(place(100, 9));
    positions.lower([place(100, 7), place(200, 1), place(50, 3, 'report')]);
    expect(positions.from(NOW).places).toEqual([place(100, 7), place(50, 3, 'report')]);
  });

  test('are not moved by a look that began before something was put behind them', () => {
    const positions = inUse(place(100, 9));
    const start = positions.from(NOW);
    positions.lower([place(50, 1)]);
    positions.looked(start, [place(300, 20)], 10);
    expect(positions.from(NOW).places).toEqual([place(50, 1)]);
  });

  test('stay behind what is just being committed', () => {
    const positions = inUse(place(NOW, 9));
    const [start] = positions.from(NOW).places!;
    expect(start!.runAt).toBeLessThan(NOW);
    expect(start!.seq).toBe(0);
  });

  test('go back to what the next survey found', () => {
    const positions = inUse(place(100, 9));
    expect(positions.surveyed({ places: [place(40, 2)], blocks: MANY })).toBe(true);
    expect(positions.from(NOW).places).toEqual([place(40, 2)]);
  });

  test.each([
    ['the dead rows are gone', { places: [place(1, 1)], blocks: 20 }],
    ['it failed', null],
  ])('are dropped when a survey finds that %s', (_, found) => {
    const positions = inUse(place(100, 9));
    expect(positions.surveyed(found)).toBe(false);
    expect(positions.active).toBe(false);
  });
});
