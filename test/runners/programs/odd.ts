/** Handlers of Node that break in ways of their own. */
import { threadId } from 'node:worker_threads';
import { z } from 'zod';
import { type Context, job } from '../../../src/worker.ts';

const kept: Buffer[] = [];

export default {
  where: () => ({ pid: process.pid, threadId, argv: process.argv.slice(2), env: process.env['ODD'] ?? null }),
  later: (_: unknown, ctx: Context) => {
    setTimeout(() => {
      throw new TypeError('thrown by a timer');
    });
    ctx.progress(1);
    return new Promise<void>(() => {});
  },
  hog: (what: unknown) => {
    const held: unknown[] = [];
    for (;;) held.push(what === 'buffers' ? Buffer.alloc(1e6, 1) : new Array(10_000).fill(held.length));
  },
  keep: () => {
    // Of a process counts what was touched; of a thread what was asked for.
    kept.push(threadId === 0 ? Buffer.alloc(160 * 2 ** 20, 1) : Buffer.alloc(160 * 2 ** 20));
  },
  checked: job({ input: z.object({ n: z.coerce.number() }), run: ({ n }) => n + 1 }),
  raw: (_: unknown, ctx: Context) => {
    process.stderr.write('before it broke');
    throw Object.assign(new Error(`in attempt ${ctx.attempt}`), { code: 42 });
  },
  notAnError: () => {
    throw { why: 'an object' };
  },
  unsendable: () => () => 'a function',
  badProgress: (_: unknown, ctx: Context) => ctx.progress(Number.NaN),
  badLog: (_: unknown, ctx: Context) => {
    const ring: Record<string, unknown> = { big: 10n, error: new TypeError('inside') };
    ctx.log.info(ring, 'described');
    ring['ring'] = ring;
    ctx.log.info(ring, 'unreadable');
  },
};
