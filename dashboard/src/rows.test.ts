import { describe, expect, test } from 'vitest';
import type { JobView } from '../../src/client.ts';
import { BacklineError } from '../../src/client.ts';
import { type Asked, JobRows, PAGE, type Source } from './rows.ts';

/** Jobs by number, newest last, as a server has them; some numbers may be missing. */
class Server implements Source {
  seqs: number[];
  readonly asked: Asked[] = [];
  away = false;

  constructor(seqs: number[]) {
    this.seqs = seqs;
  }

  async list(asked: Asked) {
    this.asked.push(asked);
    if (this.away) throw new BacklineError('API_UNREACHABLE', { message: 'no' });
    const { order, after, limit, id } = asked;
    if (id) return { jobs: id.map((one) => jobOf(Number(one), 'completed')), next: null };
    const from = after === undefined ? null : Number(after);
    const found =
      order === 'newest'
        ? this.seqs.filter((seq) => from === null || seq < from).toReversed()
        : this.seqs.filter((seq) => from === null || seq > from);
    return { jobs: found.slice(0, limit).map((seq) => jobOf(seq)), next: found.length > limit ? 'more' : null };
  }

  async count() {
    return this.seqs.length;
  }
}

const jobOf = (seq: number, status = 'queued'): JobView =>
  ({ seq, id: String(seq), status, shown: status, payload: 'large', error: null, allowed: [] }) as unknown as JobView;

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

const open = async (seqs: number[], q = '') => {
  const server = new Server(seqs);
  const rows = new JobRows(q, server);
  const shifts: number[] = [];
  rows.onShift = (by) => shifts.push(by);
  await rows.reload();
  return { server, rows, shifts };
};

const seqsOf = (rows: JobRows): number[] => rows.known.rows.map(({ seq }) => seq);

/** Newest first and without a gap, compared with what the server has. */
const expectWhole = (rows: JobRows, server: Server) => {
  const known = seqsOf(rows);
  const all = server.seqs.toReversed();
  const at = all.indexOf(known[0]!);
  expect(known).toEqual(all.slice(at, at + known.length));
};

describe('the list of jobs', () => {
  test('knows its length from the counters, and its first page', async () => {
    const { rows } = await open(range(1, 1000));
    expect([rows.length, rows.exact, rows.at(0)?.seq, rows.at(199)?.seq, rows.at(200)]).toEqual([
      ...[1000, true, 1000, 801],
      undefined,
    ]);
  });

  test('keeps no inputs and results', async () => {
    const { rows } = await open(range(1, 3));
    expect(JSON.stringify(rows.known.rows)).not.toContain('large');
  });

  test('goes on where one scrolls, page by page', async () => {
    const { rows, server } = await open(range(1, 1000));
    await rows.need(180, 220);
    expect(rows.at(220)?.seq).toBe(780);
    expectWhole(rows, server);
  });

  test('whose length nobody counted ends where it ends', async () => {
    const { rows } = await open(range(1, 250), 'error:x');
    expect([rows.length, rows.exact]).toEqual([201, false]);
    await rows.need(190, 200);
    expect([rows.length, rows.exact]).toEqual([250, true]);
  });

  test('goes on after a failure when it is asked again', async () => {
    const { rows, server } = await open(range(1, 1000));
    server.away = true;
    await rows.need(190, 210);
    expect(rows.trouble.value?.code).toBe('API_UNREACHABLE');
    expect(rows.at(0)?.seq).toBe(1000);
    server.away = false;
    await rows.need(190, 210);
    expect(rows.trouble.value).toBeNull();
    expect(rows.at(210)?.seq).toBe(790);
  });
});

describe('a jump', () => {
  test('far away is one question, and lands where it was meant', async () => {
    const { rows, server, shifts } = await open(range(1, 100_000));
    await rows.need(0, 1);
    const before = server.asked.length;
    await rows.need(50_000, 50_030);
    expect(rows.at(50_000)?.seq).toBe(50_000);
    expect(server.asked.length - before).toBeLessThanOrEqual(2);
    expect(shifts).toEqual([]);
    await rows.need(70_000, 70_030);
    expect(server.asked.length - before).toBeLessThanOrEqual(3);
    expect(rows.at(70_000)?.seq).toBe(30_000);
  });

  test('to the end reaches the last job', async () => {
    const { rows } = await open(range(1, 100_000));
    await rows.need(99_970, 99_999);
    expect(rows.at(99_999)?.seq).toBe(1);
    expect(rows.length).toBe(100_000);
  });

  test('back to the top is exact', async () => {
    const { rows } = await open(range(1, 100_000));
    await rows.need(50_000, 50_030);
    await rows.need(0, 30);
    expect(rows.at(0)?.seq).toBe(100_000);
  });

  test('where jobs are missing is put right at the ends, and nothing seen moves', async () => {
    // Nine of ten of the older half are gone.
    const seqs = range(1, 20_000).filter((seq) => seq > 10_000 || seq % 10 === 0);
    const { rows, server } = await open(seqs);
    const marks: number[] = [];
    let moved = 0;
    rows.onShift = (by) => {
      moved += by;
    };
    await rows.need(8000, 8030);
    expectWhole(rows, server);
    // Up to the top: each step looks at the line above the window.
    for (let i = 0; i < 200 && !(rows.known.start === 0 && rows.at(0)?.seq === 20_000); i++) {
      const seen = rows.at(rows.known.start)!;
      const place = rows.known.start;
      moved = 0;
      await rows.need(place - 1, place + 20);
      // What was seen is where it was, as the list was told.
      if (rows.indexOf(seen.id) >= 0) expect(rows.indexOf(seen.id)).toBe(place + moved);
      marks.push(rows.known.start);
    }
    expect(rows.at(0)?.seq).toBe(20_000);
    expectWhole(rows, server);
  });

  test('keeps no more than sixty pages', async () => {
    const { rows, server } = await open(range(1, 100_000));
    for (let i = 0; i < 100; i++) {
      const end = rows.known.start + rows.known.rows.length;
      await rows.need(end - 30, end);
    }
    expect(rows.known.rows.length).toBe(60 * PAGE);
    expectWhole(rows, server);
    expect(rows.at(rows.known.start)?.seq).toBe(100_000 - rows.known.start);
  });
});

describe('what comes in', () => {
  test('waits until it is asked for, and then stands at the top', async () => {
    const { rows, server } = await open(range(1, 500));
    server.seqs = range(1, 503);
    await rows.look();
    expect([rows.fresh.value.length, rows.at(0)?.seq, rows.length]).toEqual([3, 500, 500]);
    await rows.takeFresh();
    expect([rows.fresh.value.length, rows.at(0)?.seq, rows.at(3)?.seq, rows.length]).toEqual([0, 503, 500, 503]);
  });

  test('is shown from the top if that is far away', async () => {
    const { rows, server } = await open(range(1, 10_000));
    await rows.need(5000, 5030);
    server.seqs = range(1, 10_002);
    await rows.look();
    expect(rows.fresh.value.length).toBe(2);
    await rows.takeFresh();
    expect(rows.at(0)?.seq).toBe(10_002);
  });

  test('to an empty list is seen', async () => {
    const { rows, server } = await open([]);
    expect(rows.length).toBe(0);
    server.seqs = [1];
    await rows.look();
    expect(rows.at(0)?.seq).toBe(1);
  });

  test('changes a job in its place', async () => {
    const { rows } = await open(range(1, 10));
    await rows.refresh(['9']);
    expect([rows.at(1)?.id, rows.at(1)?.shown, rows.at(0)?.shown]).toEqual(['9', 'completed', 'queued']);
  });
});
