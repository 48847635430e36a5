/** The same handlers as in handlers.py: run in this process, in a thread and in a child. Their names say what they do. */
import { existsSync, writeFileSync } from 'node:fs';
import { type Context, job, NoRetryError, RetryAfterError } from '../../../src/worker.ts';

const untilAborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

export const jobs = {
  echo: job({ run: async (payload: unknown, ctx) => ({ payload, attempt: ctx.attempt, type: ctx.job.type }) }),
  nothing: () => {},
  fail: () => {
    const cause = Object.assign(new RangeError('the cause below'), { code: 'BELOW' });
    throw Object.assign(new TypeError('it fails', { cause }), { code: 'IT_FAILS' });
  },
  failOnce: (_: unknown, ctx: Context) => {
    if (ctx.attempt === 1) throw new TypeError('the first time');
    return ctx.attempt;
  },
  never: () => {
    throw new NoRetryError('no use');
  },
  later: (_: unknown, ctx: Context) => {
    if (ctx.attempt === 1) throw new RetryAfterError('not now', 120);
    return 'later';
  },
  tell: (_: unknown, ctx: Context) => {
    ctx.progress(25);
    ctx.log.warn({ n: 1 }, 'at work');
    ctx.progress({ done: 3, total: 4, message: 'three of four' });
    ctx.log.info('nearly done');
    return 'told';
  },
  cancelled: (_: unknown, ctx: Context) => ctx.cancel('enough'),
  /** Its first time: there is no such file yet. */
  snooze: (file: unknown, ctx: Context) => {
    if (existsSync(`${file}`)) return ctx.attempt;
    writeFileSync(`${file}`, '');
    return ctx.snooze(200);
  },
  /** Stops when it is asked to, and says why it was. */
  polite: async (_: unknown, ctx: Context) => {
    ctx.progress(1);
    await untilAborted(ctx.signal);
    const { code } = ctx.signal.reason as { code?: string };
    throw Object.assign(new Error('stopped as asked'), { code });
  },
  /** Hears nothing and never ends. */
  deaf: (_: unknown, ctx: Context) => {
    ctx.progress(1);
    return new Promise<void>(() => setInterval(() => {}, 1000));
  },
  /** Never gives the processor away. */
  busy: (_: unknown, ctx: Context) => {
    ctx.progress(1);
    for (;;);
  },
  /** Gives signs of life for so many milliseconds. */
  alive: async (ms: unknown, ctx: Context) => {
    for (const end = performance.now() + Number(ms); performance.now() < end; await pause(10)) ctx.heartbeat();
    return 'alive';
  },
  unstorable: () => ({ a: [1, Number.NaN] }),
  exit: (code: unknown) => {
    process.exit(Number(code));
  },
  elsewhere: async (_: unknown, ctx: Context) => {
    const code = (error: unknown) => (error as { code?: string }).code;
    return [await ctx.enqueue('echo').catch(code), await ctx.complete({} as never).catch(code)];
  },
  print: () => {
    console.log('{"kind":"result","run":1,"result":"not this"}');
    process.stdout.write('no end of line');
    return 'this';
  },
};
