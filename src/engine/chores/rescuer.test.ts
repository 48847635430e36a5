import { describe, expect, test } from 'vitest';
import { type Sighting, sightings } from './rescuer.ts';

/** Looks again and again, and tells for how long the worker's beat has stood still. */
const watch = (beats: readonly (readonly [at: number, beat: number])[]): number[] => {
  let seen: ReadonlyMap<string, Sighting> = new Map();
  return beats.map(([at, beat]) => {
    seen = sightings(seen, [{ owner: 'w', beat }], at, 1000);
    return seen.get('w')!.stillMs;
  });
};

describe("how long a worker's heartbeat has stood still", () => {
  test('is nothing at first sight, however old the beat may be', () => {
    expect(watch([[1_000_000, 7]])).toEqual([0]);
  });

  test('grows while the beat is the same, and begins anew when it moves', () => {
    expect(
      watch([
        [0, 1],
        [500, 1],
        [900, 1],
        [1000, 2],
        [1400, 2],
      ]),
    ).toEqual([0, 500, 900, 0, 400]);
  });

  test('begins anew for a beat that falls, as after a restart under the same name', () => {
    expect(
      watch([
        [0, 9],
        [500, 9],
        [600, 1],
      ]),
    ).toEqual([0, 500, 0]);
  });

  test('does not grow by more than one look allows: a process that was itself paused has seen nothing', () => {
    expect(
      watch([
        [0, 1],
        [500, 1],
        [60_500, 1],
        [60_900, 1],
      ]),
    ).toEqual([0, 500, 1500, 1900]);
  });

  test('is kept for each worker, and forgotten with it', () => {
    let seen: ReadonlyMap<string, Sighting> = new Map();
    seen = sightings(
      seen,
      [
        { owner: 'a', beat: 1 },
        { owner: 'b', beat: 1 },
      ],
      0,
      1000,
    );
    seen = sightings(seen, [{ owner: 'a', beat: 1 }], 400, 1000);
    expect([...seen.keys()]).toEqual(['a']);
    seen = sightings(
      seen,
      [
        { owner: 'a', beat: 1 },
        { owner: 'b', beat: 1 },
      ],
      700,
      1000,
    );
    expect([seen.get('a')!.stillMs, seen.get('b')!.stillMs]).toEqual([700, 0]);
  });
});
