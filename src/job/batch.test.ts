import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type BatchCounts,
  type BatchState,
  callbacksOf,
  type FailurePolicy,
  failurePolicyCheck,
  lossesToSpare,
  movesToSpare,
  noteOf,
  policyText,
  progressOf,
  unfinishedOf,
  verdictOf,
} from './batch.ts';

const GOES_ON = { kind: 'goes-on' } as const;

const NONE: BatchCounts = { total: 0, completed: 0, failed: 0, timeout: 0, cancelled: 0 };

/** `3c 1f` of 5: three completed, one failed, one unfinished. */
const counts = (text: string, total: number): BatchCounts => {
  const of = (letter: string) => Number(new RegExp(`(\\d+)${letter}`).exec(text)?.[1] ?? 0);
  return { total, completed: of('c'), failed: of('f'), timeout: of('t'), cancelled: of('x') };
};

const verdict = (policy: FailurePolicy, ended: string, total: number, given: Partial<BatchState> = {}): string => {
  const state = { id: 'b', policy, open: false, counts: counts(ended, total), cancelReason: null, timedOutAt: null };
  const said = verdictOf({ ...state, ...given });
  return said.kind === 'ends' ? said.status : said.kind;
};

const open = { open: true };
const asked = { cancelReason: 'enough' };
const late = { timedOutAt: 0 };

describe('what becomes of a batch', () => {
  test.each<[FailurePolicy, string, number, Partial<BatchState>, string]>([
    ['finish', '', 0, {}, 'completed'],
    ['finish', '', 0, open, 'goes-on'],
    ['finish', '', 3, {}, 'goes-on'],
    ['finish', '2c', 3, {}, 'goes-on'],
    ['finish', '1c 1f', 3, {}, 'goes-on'],
    ['finish', '3c', 3, {}, 'completed'],
    ['finish', '3c', 3, open, 'goes-on'],
    ['finish', '2c 1f', 3, {}, 'completed'],
    ['finish', '3f', 3, {}, 'completed'],
    ['finish', '1f 2x', 3, {}, 'completed'],
    ['finish', '3x', 3, {}, 'cancelled'],
    ['finish', '3x', 3, open, 'goes-on'],
    ['fail-fast', '', 0, {}, 'completed'],
    ['fail-fast', '2c', 3, {}, 'goes-on'],
    ['fail-fast', '1f', 3, {}, 'cancel-rest'],
    ['fail-fast', '1t', 3, {}, 'cancel-rest'],
    ['fail-fast', '1x', 3, {}, 'cancel-rest'],
    ['fail-fast', '1f', 3, open, 'cancel-rest'],
    ['fail-fast', '3c', 3, {}, 'completed'],
    ['fail-fast', '1c 1f 1x', 3, {}, 'failed'],
    ['fail-fast', '1c 2x', 3, {}, 'failed'],
    ['fail-fast', '1f 2x', 3, open, 'failed'],
    ['fail-fast', '3x', 3, {}, 'cancelled'],
    [{ atLeast: 2 }, '1c', 3, {}, 'goes-on'],
    [{ atLeast: 2 }, '2c', 3, {}, 'goes-on'],
    [{ atLeast: 2 }, '1f', 3, {}, 'goes-on'],
    [{ atLeast: 2 }, '2f', 3, {}, 'cancel-rest'],
    [{ atLeast: 2 }, '2f', 3, open, 'goes-on'],
    [{ atLeast: 2 }, '2c 1f', 3, {}, 'completed'],
    [{ atLeast: 2 }, '1c 1f 1t', 3, {}, 'failed'],
    [{ atLeast: 2 }, '1c 1f 1t', 3, open, 'goes-on'],
    [{ atLeast: 2 }, '3x', 3, {}, 'cancelled'],
    [{ atLeast: 2 }, '', 0, {}, 'failed'],
    [{ atLeast: 5 }, '', 3, {}, 'cancel-rest'],
    // A requested cancel outweighs everything, a time-out all the rest.
    ['finish', '1c', 3, asked, 'cancel-rest'],
    ['finish', '1c', 3, { ...asked, ...open }, 'cancel-rest'],
    ['finish', '3c', 3, asked, 'cancelled'],
    ['finish', '', 0, { ...asked, ...open }, 'cancelled'],
    ['fail-fast', '1f 2x', 3, { ...asked, ...late }, 'cancelled'],
    ['finish', '1c', 3, late, 'cancel-rest'],
    ['finish', '1c 2x', 3, late, 'timeout'],
    ['finish', '3c', 3, late, 'timeout'],
    ['finish', '3x', 3, late, 'timeout'],
    [{ atLeast: 1 }, '1c 2f', 3, late, 'timeout'],
    ['finish', '', 0, { ...late, ...open }, 'timeout'],
  ])('%j, ended %j of %i, %j: %s', (policy, ended, total, given, expected) => {
    expect(verdict(policy, ended, total, given)).toBe(expected);
  });

  test('a batch that failed says under which policy, and how its jobs ended', () => {
    const state = { id: 'b', policy: { atLeast: 4 }, open: false, cancelReason: null, timedOutAt: null } as const;
    const said = verdictOf({ ...state, counts: counts('3c 1f 1t 1x', 6) });
    expect(said).toMatchObject({ status: 'failed' });
    expect((said as { error: string }).error).toContain('at least 4');
    expect((said as { error: string }).error).toContain('3 of 6 completed, 1 failed, 1 timed out, 1 cancelled');
  });

  test('whoever is cancelled with the rest is told why', () => {
    const state = { id: 'b', policy: 'finish', open: false, counts: counts('1c', 2), timedOutAt: null } as const;
    expect(verdictOf({ ...state, cancelReason: 'enough' })).toEqual({ kind: 'cancel-rest', reason: 'batch b: enough' });
  });
});

const POLICIES = fc.oneof(
  fc.constantFrom<FailurePolicy>('finish', 'fail-fast'),
  fc.integer({ min: 1, max: 12 }).map((atLeast) => ({ atLeast })),
);
const small = fc.nat(4);
const COUNTS = fc
  .record({ completed: small, failed: small, timeout: small, cancelled: small, rest: small })
  .map(({ rest, ...ended }) => ({ ...ended, total: rest + Object.values(ended).reduce((sum, n) => sum + n) }));
const STATE = fc.record({
  ...{ id: fc.constant('b'), policy: POLICIES, open: fc.boolean(), counts: COUNTS },
  ...{ cancelReason: fc.constantFrom(null, null, 'enough'), timedOutAt: fc.constantFrom(null, null, 7) },
});

describe('every verdict', () => {
  test('ends a batch only when nothing is unfinished, and always then unless more may come', () => {
    fc.assert(
      fc.property(STATE, (state) => {
        const { kind } = verdictOf(state);
        const left = unfinishedOf(state.counts);
        if (kind === 'ends') expect(left).toBe(0);
        else if (left === 0) expect([state.open, kind]).toEqual([true, 'goes-on']);
      }),
    );
  });

  test('is completed only where the policy is met', () => {
    fc.assert(
      fc.property(STATE, (state) => {
        const said = verdictOf(state);
        if (said.kind !== 'ends' || said.status !== 'completed') return;
        const { policy, counts: ended, cancelReason, timedOutAt } = state;
        expect([cancelReason, timedOutAt]).toEqual([null, null]);
        if (policy === 'fail-fast') expect(ended.completed).toBe(ended.total);
        if (typeof policy === 'object') expect(ended.completed).toBeGreaterThanOrEqual(policy.atLeast);
      }),
    );
  });
});

describe('progress', () => {
  test.each([
    ['', 0, 0, '0 of 0'],
    ['', 3, 0, '0 of 3'],
    ['1c', 3, 33, '1 of 3'],
    ['1c 1f', 3, 66, '2 of 3, 1 failed'],
    ['3c', 3, 99, '3 of 3'],
    ['34c 2f 1t 1x', 200, 19, '38 of 200, 2 failed, 1 timed out, 1 cancelled'],
    ['999c', 1000, 99, '999 of 1000'],
  ])('%j of %i is %i percent, "%s"', (ended, total, percent, note) => {
    expect(progressOf(counts(ended, total))).toBe(percent);
    expect(noteOf(counts(ended, total))).toBe(note);
  });
});

describe('what nobody needs to count for', () => {
  /** One child ends, comes or goes. */
  const MOVE = fc.constantFrom('completed', 'failed', 'timeout', 'cancelled', 'added', 'removed');
  const move = (now: BatchCounts, what: string): BatchCounts | null => {
    if (what === 'added') return { ...now, total: now.total + 1 };
    if (unfinishedOf(now) === 0) return null;
    return what === 'removed' ? { ...now, total: now.total - 1 } : { ...now, [what]: now[what as 'completed'] + 1 };
  };

  test('changes neither the percent nor what the policy says, whatever moves', () => {
    const many = fc.nat(300).map((total) => ({ ...NONE, total }));
    fc.assert(
      fc.property(fc.oneof(COUNTS, many), POLICIES, fc.array(MOVE, { maxLength: 60 }), (first, policy, moves) => {
        const state = { id: 'b', policy, open: false, cancelReason: null, timedOutAt: null };
        let [at, progress] = [first, progressOf(first)];
        let spare = { moves: movesToSpare(at, progress, GOES_ON), losses: lossesToSpare(policy, at) };
        for (const what of moves) {
          const next = move(at, what);
          if (!next) continue;
          const looks = spare.moves <= 1 || (!['completed', 'added'].includes(what) && spare.losses < 1);
          const before = verdictOf({ ...state, counts: at }).kind;
          const after = verdictOf({ ...state, counts: next }).kind;
          if (!looks && unfinishedOf(next) > 0) {
            expect(Math.max(progress, progressOf(next))).toBe(progress);
            if (before === 'goes-on') expect(after).toBe('goes-on');
          }
          at = next;
          progress = Math.max(progress, progressOf(next));
          const lost = ['completed', 'added'].includes(what) ? 0 : 1;
          spare = looks
            ? { moves: movesToSpare(at, progress, GOES_ON), losses: lossesToSpare(policy, at) }
            : { moves: spare.moves - 1, losses: spare.losses - lost };
        }
      }),
    );
  });

  test('is most of what a large batch does', () => {
    let [at, looks, spare] = [{ ...NONE, total: 100_000 } as BatchCounts, 0, 0];
    while (unfinishedOf(at) > 0) {
      at = { ...at, completed: at.completed + 1 };
      if (--spare > 0) continue;
      looks++;
      spare = movesToSpare(at, progressOf(at), GOES_ON);
    }
    expect(looks).toBeLessThan(105);
  });
});

test('an end calls its own kind, then those who want to hear of any', () => {
  expect(callbacksOf('completed')).toEqual(['success', 'end']);
  for (const status of ['failed', 'timeout', 'cancelled'] as const)
    expect(callbacksOf(status)).toEqual(['failure', 'end']);
});

describe('a failure policy', () => {
  test.each(['finish', 'fail-fast', { atLeast: 1 }, { atLeast: 100 }])('may be %j', (policy) => {
    expect(failurePolicyCheck(policy, 'failurePolicy')).toEqual(policy);
  });

  test.each([
    undefined,
    'Finish',
    {},
    { atLeast: 0 },
    { atLeast: 1.5 },
    { atLeast: '1' },
    { atLeast: 1, atMost: 2 },
    3,
  ])('is not %j', (policy) => {
    expect(() => failurePolicyCheck(policy, 'failurePolicy')).toThrow(/failurePolicy is/);
  });

  test('is said in plain words', () => {
    expect(['finish' as const, { atLeast: 3 }].map(policyText)).toEqual(['finish', 'at least 3']);
  });
});
