import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { treeMemoryMb } from './memory.ts';

test('the memory of a process is counted with that of all below it', async () => {
  const hold = `const held = Buffer.alloc(100 * 2 ** 20, 1); console.log(held.length); setInterval(() => {}, 1000);`;
  const nested = `const { spawn } = require('node:child_process');
    spawn(process.execPath, ['-e', ${JSON.stringify(hold)}], { stdio: 'inherit' }); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', nested], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  onTestFinished(() => void process.kill(-child.pid!, 'SIGKILL'));
  await once(child.stdout, 'data');
  expect(treeMemoryMb(child.pid!)).toBeGreaterThan(130);
  expect(treeMemoryMb(child.pid!)).toBeLessThan(600);
});

test('a process that is gone holds none', () => {
  expect(treeMemoryMb(2 ** 22 + 1)).toBe(0);
});
