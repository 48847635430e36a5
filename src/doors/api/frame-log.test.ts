import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FrameLog } from './frame-log.ts';
import type { JobFrame, JobNews } from './frames.ts';

/** Jobs of different ids are different jobs. */
const seqs = new Map<string, number>();
const seqOf = (jobId: string): number => {
  if (!seqs.has(jobId)) seqs.set(jobId, seqs.size + 1);
  return seqs.get(jobId)!;
};
const news = (jobId: string, progress: number, seq = seqOf(jobId)): JobNews => ({
  ...{ kind: 'job', at: '2026-01-31T00:00:00.000Z', jobId, seq, type: 't', queue: 'q', status: 'running', progress },
});
const all = () => true;
const ROOM = Number.MAX_SAFE_INTEGER;
const idAt = (log: FrameLog, n: number): string => log.gap('too-old', 0).id.replace(/\d+$/, String(n));

describe('a log of frames', () => {
  test('tells of each thing once, with the newest that is known, in the order of the last changes', () => {
    const log = new FrameLog(10);
    for (const [id, progress] of [
      ['a', 1],
      ['b', 1],
      ['a', 2],
      ['c', 1],
    ] as const)
      log.append(news(id, progress));
    const { entries, next } = log.read(0, log.head, all, ROOM);
    expect(entries.map(({ frame }) => [(frame as JobFrame).jobId, (frame as JobFrame).progress])).toEqual([
      ...[
        ['b', 1],
        ['a', 2],
        ['c', 1],
      ],
    ]);
    expect(next).toBe(4);
    expect(log.read(3, log.head, all, ROOM).entries).toHaveLength(1);
    expect(log.read(4, log.head, all, ROOM).entries).toEqual([]);
  });

  test('keeps jobs apart that had the same id one after the other', () => {
    const log = new FrameLog(10);
    log.append(news('again', 90, 1001));
    const { entries } = log.read(0, log.head, all, ROOM);
    log.learn(entries[0]!, { parentId: 'p', scheduleId: null, tenant: 'first' });
    log.append(news('again', 10, 1002));
    const both = log.read(0, log.head, all, ROOM).entries;
    expect(both.map(({ facts }) => facts?.tenant)).toEqual(['first', undefined]);
    expect(both.map(({ frame }) => (frame as JobFrame).progress)).toEqual([90, 10]);
    // What is learnt late of the first says nothing of the second.
    log.learn(both[0]!, { parentId: 'p', scheduleId: null, tenant: 'first' });
    expect(both[1]!.facts).toBeUndefined();
  });

  test('gives no more than there is room for, but always one', () => {
    const log = new FrameLog(100);
    for (let i = 0; i < 10; i++) log.append(news(`job-${i}`, i));
    const bytes = log.read(0, log.head, all, ROOM).entries[0]!.text!.length;
    const first = log.read(0, log.head, all, 3 * bytes);
    expect([first.entries.length, first.next]).toEqual([3, 3]);
    expect(log.read(first.next, log.head, all, 1)).toMatchObject({ next: 4, entries: [{ n: 4 }] });
    // What does not fit the reader takes no room.
    const last = log.read(0, log.head, ({ n }) => n > 8, 2 * bytes + 10);
    expect([last.entries.length, last.next]).toEqual([2, 10]);
  });

  test.each([
    ['nonsense', 'other-process'],
    ['', 'other-process'],
    ['000000000000-1', 'other-process'],
    ['-1', 'other-process'],
    [`${'9'.repeat(5000)}`, 'other-process'],
  ])('knows no place for %s', (id, reason) => {
    const log = new FrameLog(10);
    log.append(news('a', 1));
    expect(log.placeOf(id)).toBe(reason);
  });

  test('knows which places it has forgotten, and which are still to come', () => {
    const log = new FrameLog(5);
    for (let i = 1; i <= 11; i++) log.append(news(`job-${i}`, 1));
    expect(log.size).toBe(5);
    expect(log.placeOf(idAt(log, 11))).toBe(11);
    expect(log.placeOf(idAt(log, 6))).toBe(6);
    expect(log.placeOf(idAt(log, 5))).toBe('too-old');
    expect(log.placeOf(idAt(log, 12))).toBe('other-process');
    log.forget();
    expect(log.placeOf(idAt(log, 11))).toBe('too-old');
    expect(log.placeOf(idAt(log, 12))).toBe(12);
  });

  test('hands on what was looked up of a job, also while it was looked up', () => {
    const log = new FrameLog(10);
    const facts = { parentId: 'p', scheduleId: null, tenant: null };
    log.append(news('a', 1));
    const [first] = log.read(0, log.head, all, ROOM).entries;
    log.append(news('a', 2));
    log.learn(first!, facts);
    log.append(news('a', 3));
    expect(log.read(0, log.head, all, ROOM).entries).toMatchObject([{ n: 3, facts }]);
  });

  test('whatever happens, a reader ends with the newest of everything that it was not told to fetch anew', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ job: fc.integer({ min: 0, max: 12 }) }) },
      {
        weight: 2,
        arbitrary: fc.record({ reader: fc.integer({ min: 0, max: 2 }), bytes: fc.integer({ min: 1, max: 900 }) }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.integer({ min: 1, max: 6 }), (steps, capacity) => {
        const log = new FrameLog(capacity);
        const truth = new Map<string, number>();
        const readers = [0, 1, 2].map(() => ({ place: 0, seen: new Map<string, number>() }));
        const refetch = (reader: (typeof readers)[number]) => {
          reader.place = log.head;
          reader.seen = new Map(truth);
        };
        const read = (reader: (typeof readers)[number], bytes: number) => {
          if (log.isLost(reader.place)) return refetch(reader);
          const { entries, next } = log.read(reader.place, log.head, all, bytes);
          expect(entries.every(({ n }, i) => n > (entries[i - 1]?.n ?? reader.place))).toBe(true);
          for (const { frame } of entries) reader.seen.set((frame as JobFrame).jobId, (frame as JobFrame).progress!);
          reader.place = next;
        };
        let n = 0;
        for (const one of steps) {
          if ('job' in one) {
            truth.set(`j${one.job}`, ++n);
            log.append(news(`j${one.job}`, n));
          } else read(readers[one.reader]!, one.bytes);
          expect(log.size).toBeLessThanOrEqual(2 * capacity);
        }
        for (const reader of readers) {
          while (reader.place < log.head) read(reader, 500);
          expect(reader.seen).toEqual(truth);
        }
      }),
      { numRuns: 200 },
    );
  });
});
