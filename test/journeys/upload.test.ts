/** A file sent to the service becomes a job of the watched folder: from the form to its result. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { until } from '../wait.ts';
import { Folder, linesOf } from './command-line.ts';

let folder: Folder;

beforeAll(() => {
  folder = new Folder();
  folder.write(
    'backline.config.ts',
    `import { readFileSync } from 'node:fs';
import { defineConfig, job } from 'backline';

const rows = async ({ catalog_path }: { catalog_path: string }) => ({ rows: readFileSync(catalog_path, 'utf8').split('\\n').length });
export default defineConfig({ jobs: { catalog: job({ run: rows }) } });
`,
  );
});

afterAll(() => folder.remove());

test('a catalog that is uploaded is kept, becomes a job of the folder that a variable names, and its result is shown', async () => {
  const service = folder.start(['start', '--port', '0', '--json', '--drop-type', 'catalog'], {
    env: { JOB_SCHEDULER_DIR: 'inbox' },
  });
  await service.says(/"kind":"started"/);
  const { url } = linesOf(service.stdout).find(({ kind }) => kind === 'started')!;
  const form = new FormData();
  form.append('file', new Blob(['title\none\ntwo']), 'catalog.csv');
  const response = await fetch(`${url}/api/uploads?id=first`, { method: 'POST', body: form });
  expect([response.status, await response.json()]).toMatchObject([201, { id: 'first', state: 'received' }]);
  expect(readdirSync(folder.at('uploads/catalogs'))).toEqual(['first_catalog.csv']);
  expect(readFileSync(folder.at('uploads/catalogs/first_catalog.csv'), 'utf8')).toBe('title\none\ntwo');
  const ask = async () => (await (await fetch(`${url}/api/uploads/first`)).json()) as { state: string; status: object };
  await until(async () => (await ask()).state === 'completed', 'completed', 30_000);
  expect((await ask()).status).toMatchObject({ result: { rows: 3 }, progress: 100 });
  expect(existsSync(folder.at('inbox/first.status'))).toBe(true);
  expect((await service.end('SIGTERM')).code).toBe(143);
});
