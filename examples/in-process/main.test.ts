import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

test('the example runs, ends by itself, and logs what it does', async () => {
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    ['--conditions=backline-source', at('./main.ts')],
    { timeout: 20_000, env: { ...process.env, LOG_LEVEL: 'INFO' } },
  );
  // Once at once, and then at least once more, by itself.
  expect(stdout.match(/ingested 3 documents/g)!.length).toBeGreaterThan(1);
  expect(stdout).toMatch(/ingest: interval, next \d{4}-/);
  expect(stdout).toContain('sent "Welcome" to ada@example.test');
  expect(stdout).toContain('sent "Your report" to ada@example.test');
  expect(stdout).toContain('sendEmail: once, next 2099-01-01T08:00:00.000Z');
  expect(stdout).toContain('{ documents: 3 }');
  expect(stdout).not.toContain('Reminder');
  expect(stderr).toContain('job ingest_1 was added: ingest runs at once; its function is in memory');
  expect(stderr).toContain('the job manager has shut down');
});

test('the document shows it as it is', () => {
  expect(readFileSync(at('../../docs/in-one-process.md'), 'utf8')).toContain(
    `\`\`\`ts\n${readFileSync(at('./main.ts'), 'utf8').split('\n').slice(1).join('\n')}\`\`\``,
  );
});
