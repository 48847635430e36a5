/** As property.test.ts, with keys and queues that are full most of the time. A file of its own, so that both run at once. */
import { test } from 'vitest';
import { runHistories } from './conformance/model/histories.ts';

test('3,500 random histories behind full limits agree with the model', () => runHistories('limits', 3500), 300_000);
