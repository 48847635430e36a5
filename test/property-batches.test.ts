/**
 * As property.test.ts, with trees, batches and batches of batches, under random failures, cancels, time-outs, dead workers and dead
 * runners, retries and removals: every batch ends as its policy says, its progress is never wrong and never falls, and its callbacks
 * come once per life.
 */
import { test } from 'vitest';
import { runHistories } from './conformance/model/histories.ts';

test('2,500 random histories of batches agree with the model', () => runHistories('batches', 2500), 300_000);
