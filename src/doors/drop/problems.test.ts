import { expect, test } from 'vitest';
import { Problems } from './problems.ts';

const heldClock = () => {
  let at = 1_000_000;
  const pass = (ms: number): void => {
    at += ms;
  };
  return { now: () => at + 5_000_000, monotonic: () => at, pass };
};

const failing = (code: string) => Object.assign(new Error(`it says ${code}`), { code });

const newProblems = () => {
  const clock = heldClock();
  const said: string[] = [];
  return { clock, said, problems: new Problems(clock, (kind, message) => said.push(`${kind} ${message}`)) };
};

test('what fails is tried again after a second, and then less and less often', () => {
  const { clock, problems } = newProblems();
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    problems.failed('x.job', failing('ENOSPC'));
    let waited = 0;
    for (; problems.mustWait('x.job'); waited += 500) clock.pass(500);
    waits.push(waited);
  }
  expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
});

test('a full disk is said once for all files, and once more when it is over', () => {
  const { said, problems } = newProblems();
  for (let i = 0; i < 100; i++) problems.failed(`${i}.job`, failing('ENOSPC'));
  problems.failed('0.job', failing('ENOSPC'));
  expect(said).toEqual(['problem 0.job: it says ENOSPC. It is tried again.']);
  for (let i = 0; i < 100; i++) problems.worked(`${i}.job`);
  expect(said.slice(1)).toEqual(['recovered 99.job: works again.']);
});

test('another kind of problem is said, too', () => {
  const { said, problems } = newProblems();
  problems.failed('x.job', failing('ENOSPC'));
  problems.failed('y.job', failing('EACCES'));
  expect(said).toHaveLength(2);
});

test('a file that is gone is no problem any more', () => {
  const { said, problems } = newProblems();
  problems.failed('x.job', failing('ENOSPC'));
  problems.keepOnly((what) => what !== 'x.job');
  expect(problems.mustWait('x.job')).toBe(false);
  problems.failed('y.job', failing('ENOSPC'));
  expect(said).toHaveLength(2);
});
