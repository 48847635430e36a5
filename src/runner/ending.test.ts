import { describe, expect, test } from 'vitest';
import { workerGarbage, workerOutOfMemory } from '../job/errors.ts';
import { RemoteError, Stop } from '../job/outcome.ts';
import { type Ending, errorOfEnding, thrownByEnding } from './ending.ts';

const V8 = 'FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory';

describe('an end', () => {
  test.each<[Partial<Ending>, string, crashed: boolean]>([
    [{ code: 0 }, 'WORKER_ENDED_WITHOUT_RESULT', false],
    [{ code: 1 }, 'WORKER_EXITED', true],
    [{ code: 137 }, 'WORKER_EXITED', true],
    [{}, 'WORKER_EXITED', true],
    [{ signal: 'SIGKILL' }, 'WORKER_SIGNALLED', true],
    [{ signal: 'SIGABRT' }, 'WORKER_SIGNALLED', true],
    [{ signal: 'SIGABRT', output: V8 }, 'WORKER_OUT_OF_MEMORY', true],
    [{ signal: 'SIGTERM', output: V8 }, 'WORKER_SIGNALLED', true],
    [{ signal: 'SIGKILL', fault: workerOutOfMemory('too much') }, 'WORKER_OUT_OF_MEMORY', true],
    [{ signal: 'SIGKILL', fault: workerGarbage('x', 'is not JSON') }, 'WORKER_GARBAGE', false],
  ])('%j is %s', (given, code, crashed) => {
    const ending = { code: null, signal: null, fault: null, output: '', ...given };
    const error = errorOfEnding(ending);
    expect(error.code).toBe(code);
    const thrown = thrownByEnding(error, 'last words');
    expect(thrown).toBeInstanceOf(crashed ? Stop : RemoteError);
    const failure =
      thrown instanceof Stop ? (thrown.outcome as { failure: object }).failure : (thrown as RemoteError).failure;
    expect(failure).toMatchObject({ code, message: error.message, output: 'last words' });
  });

  test('without output keeps none', () => {
    const thrown = thrownByEnding(workerGarbage('x', 'is not JSON'), '') as RemoteError;
    expect('output' in thrown.failure).toBe(false);
  });
});
