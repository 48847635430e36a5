/** Handlers of Node that break in ways of their own. */
import { threadId } from 'node:worker_threads';
import { z } from 'zod';
import { type Context, job } from '../../../src/worker.ts';

export default {
  where: () => ({ pid: process.pid, threadId, argv: process.argv.slice(2), env: process.env['ODD'] ?? null }),
  later: (_: unknown, ctx: Context) => {
    setTimeout(() => {
      throw new TypeError('thrown by a timer');
    });
    ctx.progress(1);
    return new Promise<void>(() => {});
  },
  hog: () => {
    const held: unknown[] = [];
    for (;;) held.push(new Array(10_000).fill(held.length));
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
