/** What users import in their tests: `backline/testing`. */
export { type TestClock, testClock } from './engine/test-clock.ts';
export type { Clock } from './util/clock.ts';
