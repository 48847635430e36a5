import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Compiles what is here. @returns what the compiler has to say. */
const compile = (): Promise<string> =>
  new Promise((resolve) =>
    execFile(
      process.execPath,
      [at('../../node_modules/typescript/bin/tsc'), '-p', at('.'), '--pretty', 'false'],
      { timeout: 120_000 },
      (error, stdout, stderr) => resolve(error ? `${stdout}${stderr}${error.message}` : stdout),
    ),
  );

test('the compiler accepts what is right, and refuses every line that is marked as wrong', async () => {
  expect(readFileSync(at('typed.ts'), 'utf8').match(/@ts-expect-error/g)!.length).toBeGreaterThan(25);
  expect(await compile()).toBe('');
}, 120_000);
