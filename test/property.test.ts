/**
 * Random histories of everything that can happen to jobs, against a small model of the rules: nothing is lost, nobody has a job
 * of another, limits hold, what is final stays final, counters are exact, and in the end nothing is stuck.
 */
import { test } from 'vitest';
import { runHistories } from './conformance/model/histories.ts';

test('6,500 random histories agree with the model', () => runHistories('everything', 6500), 300_000);
