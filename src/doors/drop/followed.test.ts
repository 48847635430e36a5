import { expect, test } from 'vitest';
import { Followed } from './followed.ts';
import { jobIdOf } from './job-file.ts';
import type { Drop } from './room.ts';

const dropOf = (stem: string, version = 1n): Drop => ({
  stem,
  jobId: jobIdOf(stem, { ino: 1n, mtimeNs: version, size: 1n }, Buffer.from('{}')),
  startTime: 1,
  file: null,
  next: null,
  written: null,
});
const stems = (drops: readonly Drop[]) => drops.map(({ stem }) => stem).sort();

test('a few jobs are all looked at in every round', () => {
  const followed = new Followed();
  for (const stem of ['a', 'b', 'c']) followed.add(dropOf(stem));
  for (let round = 0; round < 3; round++) expect(stems(followed.turn())).toEqual(['a', 'b', 'c']);
});

test('of very many, each has its turn, and those that something happened to come at once', () => {
  const followed = new Followed();
  const drops = Array.from({ length: 1050 }, (_, i) => dropOf(`job-${i}`));
  for (const drop of drops) followed.add(drop);
  expect(followed.turn()).toHaveLength(1050);
  const seen = new Set<string>();
  for (let round = 0; round < 6; round++) {
    const turn = followed.turn();
    expect(turn).toHaveLength(200);
    for (const { stem } of turn) seen.add(stem);
  }
  expect(seen.size).toBe(1050);
  expect(followed.touch(drops[700]!.jobId, 1)).toBe(true);
  expect(stems(followed.turn())).toContain('job-700');
});

test('a job that something happened to while its end was written is looked at once more', () => {
  const followed = new Followed();
  const drop = dropOf('a');
  followed.add(drop);
  followed.turn();
  followed.touch(drop.jobId, 1);
  followed.ended(drop);
  expect(followed.turn()).toEqual([drop]);
  followed.ended(drop);
  expect(followed.has('a')).toBe(false);
  expect(followed.turn()).toEqual([]);
});

test('an ended job that a person retries is followed again', () => {
  const followed = new Followed();
  const drop = dropOf('a');
  followed.remember('a', drop.jobId);
  expect(followed.touch(drop.jobId, 7)).toBe(true);
  expect(followed.turn()).toEqual([{ ...drop, startTime: 7 }]);
});

test('an ended job whose name a newer file has is not followed again', () => {
  const followed = new Followed();
  const [old, fresh] = [dropOf('a'), dropOf('a', 2n)];
  followed.remember('a', old.jobId);
  followed.add(fresh);
  expect(followed.touch(old.jobId, 1)).toBe(false);
  expect(followed.turn()).toEqual([fresh]);
});

test('jobs of others are nobody here', () => {
  const followed = new Followed();
  followed.remember('a', 'hand-made');
  followed.remember('a', undefined);
  expect(followed.touch('hand-made', 1)).toBe(false);
  expect(followed.touch('something', 1)).toBe(false);
});

test('only so many ended jobs are remembered', () => {
  const followed = new Followed();
  const first = dropOf('job-0');
  for (let i = 0; i <= 10_000; i++) followed.remember(`job-${i}`, dropOf(`job-${i}`).jobId);
  expect(followed.touch(first.jobId, 1)).toBe(false);
  expect(followed.touch(dropOf('job-10000').jobId, 1)).toBe(true);
});
