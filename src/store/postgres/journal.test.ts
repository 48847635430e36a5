import { describe, expect, test } from 'vitest';
import type { StoreChange } from '../store.ts';
import { Journal } from './journal.ts';

const change = (id: string): StoreChange => ({
  ...{ kind: 'status', seq: 1, id, type: 't', queue: 'q', at: 0, from: null, to: 'queued', attempts: 0, runAt: 0 },
});
const row = (xmin: number, n: number | null, origin = 'other') => ({
  ...{ xmin: String(xmin), n, origin, body: JSON.stringify([change(`${n}`)]) },
});

const opened = () => {
  const told: string[] = [];
  const journal = new Journal('me', (changes) => told.push(...changes.map(({ id }) => id)));
  /** What was told so far, once everything in line has had its turn. */
  const settled = async () => {
    await journal.tell(Promise.resolve([]));
    return told;
  };
  return { journal, settled, missed: () => journal.reading().params['missed'] };
};

describe('the journal', () => {
  test('tells what others wrote once, in order, and not what is its own', async () => {
    const { journal, settled } = opened();
    expect(journal.heard([row(10, 1), row(10, 2, 'me'), row(10, 3)])).toBe(true);
    expect(journal.heard([row(10, 1), row(10, 2, 'me'), row(10, 3)])).toBe(false);
    expect(await settled()).toEqual(['1', '3']);
  });

  test('asks again for a number whose transaction is not over, however many others are', async () => {
    const { journal, settled, missed } = opened();
    journal.heard([row(10, 2)]);
    journal.heard([row(500, null)]);
    expect(missed()).toBe('{1}');
    journal.heard([row(501, 1)]);
    expect([await settled(), missed()]).toEqual([['2', '1'], '{}']);
  });

  test('gives a number up when every transaction is over that could have taken it', () => {
    const { journal, missed } = opened();
    journal.heard([row(10, 2)]);
    // Ours that began before the number was missed says nothing; one that began after it is younger than whoever took it.
    journal.heard([row(11, null)], { xid: '20', begunAt: 0 });
    journal.heard([row(30, null)]);
    expect(missed()).toBe('{1}');
    journal.heard([row(31, null)], { xid: '40', begunAt: performance.now() + 1 });
    journal.heard([row(39, null)]);
    expect(missed()).toBe('{1}');
    journal.heard([row(40, null)]);
    expect(missed()).toBe('{}');
  });

  test('tells what was committed in the order in which the commits were sent, whichever is answered first', async () => {
    const { journal, settled } = opened();
    let answer!: (changes: StoreChange[]) => void;
    const first = new Promise<StoreChange[]>((resolve) => {
      answer = resolve;
    });
    void journal.tell(first);
    void journal.tell(Promise.resolve([change('b')]));
    journal.heard([row(10, 7)]);
    answer([change('a')]);
    expect(await settled()).toEqual(['a', 'b', '7']);
  });
});
