import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BacklineError } from '../job/backline-error.ts';
import { loadConfigFile } from './file.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'backline-config-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, text: string | Buffer) => writeFileSync(join(folder, name), text);

describe('the config file', () => {
  test('may be missing', async () => {
    expect(await loadConfigFile(folder)).toBeNull();
  });

  test.each([
    ['backline.config.ts', 'const port: number = 5000;\nexport default { port };'],
    ['backline.config.mts', 'export default { port: 5000 as number };'],
    ['backline.config.js', 'export default { port: 5000 };'],
    ['backline.config.mjs', 'export default { port: 5000 };'],
  ])('%s is found in the working directory', async (name, text) => {
    write('package.json', '{ "type": "module" }');
    write(name, text);
    expect(await loadConfigFile(folder)).toEqual({ path: join(folder, name), name, config: { port: 5000 } });
  });

  test('can be named, relative to the working directory', async () => {
    mkdirSync(join(folder, 'etc'));
    write('etc/mine.mjs', 'export default { port: 5001, jobs: {} };');
    expect(await loadConfigFile(folder, 'etc/mine.mjs')).toMatchObject({
      name: 'etc/mine.mjs',
      config: { port: 5001 },
    });
  });

  test.each<[string, Record<string, string | Buffer>, string | undefined, RegExp]>([
    ['that is named but missing', {}, 'none.ts', /none\.ts does not exist/],
    ['that is a folder', {}, '.', /is not a file/],
    ['of another kind', { 'config.json': '{}' }, 'config.json', /must end in \.ts, \.mts, \.js, \.mjs/],
    [
      'beside another',
      { 'backline.config.js': '', 'backline.config.mjs': '' },
      undefined,
      /stands beside backline\.config\.mjs: keep one/,
    ],
    ['with a mistake in its syntax', { 'backline.config.mjs': 'export default {' }, undefined, /cannot be loaded: ./],
    [
      'that throws',
      { 'backline.config.mjs': 'throw new Error("no disk.")' },
      undefined,
      /cannot be loaded: no disk\.$/,
    ],
    [
      'that throws nothing at all',
      { 'backline.config.mjs': 'throw undefined' },
      undefined,
      /cannot be loaded: it threw undefined\.$/,
    ],
    [
      'that imports what is not there',
      { 'backline.config.mjs': 'import "no-such-package"' },
      undefined,
      /cannot be loaded: .*no-such-package/,
    ],
    [
      'without a default export',
      { 'backline.config.mjs': 'export const port = 1' },
      undefined,
      /must export its settings/,
    ],
    [
      'that exports a function',
      { 'backline.config.mjs': 'export default () => ({})' },
      undefined,
      /must export its settings/,
    ],
    ['that exports null', { 'backline.config.mjs': 'export default null' }, undefined, /must export its settings/],
    ['that exports a list', { 'backline.config.mjs': 'export default []' }, undefined, /must export its settings/],
    ['whose jobs are a list', { 'backline.config.mjs': 'export default { jobs: [] }' }, undefined, /job types by name/],
    [
      'whose schedules are no list',
      { 'backline.config.mjs': 'export default { jobs: { a: {} }, schedules: { nightly: {} } }' },
      undefined,
      /must hold under "schedules" a list of schedules/,
    ],
    [
      'with schedules and nothing that they could start',
      { 'backline.config.mjs': 'export default { schedules: [{ id: "a", type: "b", cron: "@daily" }] }' },
      undefined,
      /holds schedules, but under "jobs" no job type/,
    ],
    [
      'of bytes that are no text',
      { 'backline.config.mjs': Buffer.from([0xff, 0xfe, 0x00]) },
      undefined,
      /cannot be loaded/,
    ],
  ])('%s is refused', async (_, files, named, message) => {
    for (const [name, text] of Object.entries(files)) write(name, text);
    const error = await loadConfigFile(folder, named).then(
      () => undefined,
      (thrown: BacklineError) => thrown,
    );
    expect(error).toMatchObject({ code: 'BAD_CONFIG_FILE', field: 'config' });
    expect(error?.message).toMatch(message);
    expect(error?.message).not.toMatch(/\n|\.\.$/);
  });
});
