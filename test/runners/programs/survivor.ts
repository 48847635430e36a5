/** Tells its process and that of a program it starts, then works until it is killed; or ends at once, if the payload says so. */
import { spawn } from 'node:child_process';
import type { Context } from '../../../src/worker.ts';

export default async (payload: unknown, ctx: Context) => {
  if (payload === 'end') return process.pid;
  const other = spawn('sleep', ['300'], { stdio: 'ignore' });
  ctx.progress({ done: 1, total: 100, message: `pids ${process.pid} ${other.pid}` });
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (process.argv[2] === 'busy') for (;;);
  return new Promise<void>(() => {});
};
