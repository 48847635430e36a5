import { execFileSync } from 'node:child_process';
import { lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { identityOf } from './files.ts';
import {
  CATALOG_FIELDS,
  isIdFor,
  isSafeStem,
  jobIdOf,
  MAX_JOB_FILE_BYTES,
  parseJobFile,
  readJobFile,
  sameContent,
  stemOf,
} from './job-file.ts';

const parse = (text: string | Uint8Array) =>
  parseJobFile('x.job', typeof text === 'string' ? Buffer.from(text) : text, CATALOG_FIELDS);

describe('the content of a job file', () => {
  test('a catalog job is taken as it is, with fields that nobody knows', () => {
    const content = {
      catalog_path: '/a.csv',
      audio_base_path: '/a',
      submitted_at: 1618514000.123,
      note: [1, { b: null }],
    };
    expect(parse(JSON.stringify(content))).toEqual({ payload: content });
  });

  test('a byte order mark, blanks around and optional fields that are null are tolerated', () => {
    expect(parse('\uFEFF\n {"catalog_path": "a.csv", "audio_base_path": null} \r\n')).toEqual({
      payload: { catalog_path: 'a.csv' },
    });
  });

  test.each<[string, string | Uint8Array, field: string, found: string]>([
    ['nothing', '', 'content', 'is empty'],
    ['half a file', '{"catalog_path": "/a', 'content', 'is no JSON'],
    ['other text', 'catalog_path=/a.csv', 'content', 'is no JSON'],
    ['broken UTF-8', Uint8Array.from([0x7b, 0xff, 0xfe, 0x7d]), 'content', 'is not UTF-8 text'],
    ['UTF-16', Buffer.from('\uFEFF{"catalog_path": "a"}', 'utf16le'), 'content', 'is not UTF-8 text'],
    ['a list', '[]', 'content', 'is []'],
    ['null', 'null', 'content', 'is null'],
    ['a text', '"a.csv"', 'content', 'is "a.csv"'],
    ['no catalog', '{}', 'catalog_path', 'is missing'],
    ['a catalog that is null', '{"catalog_path": null}', 'catalog_path', 'is null'],
    ['a number as path', '{"catalog_path": 3}', 'catalog_path', 'is 3'],
    ['an empty path', '{"catalog_path": " "}', 'catalog_path', 'is " "'],
    ['a path with a zero byte', '{"catalog_path": "a\\u0000b"}', 'catalog_path', 'is "a\\u0000b"'],
    ['an endless path', `{"catalog_path": "${'a'.repeat(5000)}"}`, 'catalog_path', 'is "aaa'],
    ['a list as folder', '{"catalog_path": "a", "audio_base_path": ["b"]}', 'audio_base_path', 'is ["b"]'],
    ['a date as text', '{"catalog_path": "a", "submitted_at": "2026-01-01"}', 'submitted_at', 'is "2026-01-01"'],
    ['milliseconds', '{"catalog_path": "a", "submitted_at": 1618514000123}', 'submitted_at', 'is 1618514000123'],
    ['a negative time', '{"catalog_path": "a", "submitted_at": -1}', 'submitted_at', 'is -1'],
    ['an endless number', '{"catalog_path": "a", "submitted_at": 1e999}', 'submitted_at', 'is Infinity'],
    [
      'a prototype',
      '{"catalog_path": "a", "__proto__": {"admin": true}}',
      '__proto__',
      'is a name that is not allowed',
    ],
    ['a prototype within', '{"catalog_path": "a", "x": [{"__proto__": 1}]}', 'x[0].__proto__', 'is a name that'],
    ['a deep nest', `{"catalog_path": "a", "x": ${'['.repeat(5000)}${']'.repeat(5000)}}`, 'x[0]', 'is nested deeper'],
  ])('%s is refused, naming the field, what was found and what is allowed', (_, text, field, found) => {
    const answer = parse(text);
    expect(answer).toMatchObject({ error: { code: 'BAD_JOB_FILE', field: expect.stringContaining(field) } });
    const { error } = answer as Extract<typeof answer, { error: unknown }>;
    expect(error.found).toContain(found);
    expect(error.allowed).toBeTruthy();
    expect(error.message).toContain('x.job: ');
  });

  test('only what half a file may look like counts as unfinished', () => {
    expect(parse('{"catalog_path": "/a')).toMatchObject({ unfinished: true });
    expect(parse('')).toMatchObject({ unfinished: true });
    expect(parse('{"catalog_path": 3}')).toMatchObject({ unfinished: false });
    expect(parse('[]')).toMatchObject({ unfinished: false });
  });

  test('another system brings its own table of fields', () => {
    const fields = {
      size: { required: true, allowed: 'a number', accepts: (value: unknown) => typeof value === 'number' },
    };
    expect(parseJobFile('x.job', Buffer.from('{"size": 3}'), fields)).toEqual({ payload: { size: 3 } });
    expect(parseJobFile('x.job', Buffer.from('{"catalog_path": "a"}'), fields)).toMatchObject({
      error: { field: 'size' },
    });
  });
});

describe('reading a job file', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'backline-drop-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const read = async () =>
    readJobFile(folder, 'x', await lstat(join(folder, 'x.job'), { bigint: true }), CATALOG_FIELDS);

  test('a good file has an id that does not change while the file does not', async () => {
    await writeFile(join(folder, 'x.job'), '{"catalog_path": "a"}');
    const first = await read();
    expect(first).toMatchObject({ kind: 'good', payload: { catalog_path: 'a' } });
    expect(await read()).toEqual(first);
  });

  test('a symbolic link is refused and not followed', async () => {
    await writeFile(join(folder, 'secret'), '{"catalog_path": "a"}');
    await symlink('secret', join(folder, 'x.job'));
    expect(await read()).toMatchObject({ kind: 'bad', error: { field: 'file', found: 'is a symbolic link' } });
  });

  test('a directory and a pipe are refused without being opened', async () => {
    await mkdir(join(folder, 'x.job'));
    expect(await read()).toMatchObject({ kind: 'bad', error: { found: 'is a directory' } });
    await rm(join(folder, 'x.job'), { recursive: true });
    execFileSync('mkfifo', [join(folder, 'x.job')]);
    expect(await read()).toMatchObject({ kind: 'bad', error: { found: 'is no ordinary file' } });
  });

  test('a file over the limit is refused unread', async () => {
    await writeFile(join(folder, 'x.job'), `{"catalog_path": "${'a'.repeat(MAX_JOB_FILE_BYTES)}"}`);
    expect(await read()).toMatchObject({ kind: 'bad', error: { field: 'size' }, unfinished: false });
  });

  test('a file that changed or vanished since it was seen is left for later', async () => {
    await writeFile(join(folder, 'x.job'), '{"catalog_path": "a"}');
    const seen = await lstat(join(folder, 'x.job'), { bigint: true });
    await writeFile(join(folder, 'x.job'), '{"catalog_path": "longer"}');
    expect(await readJobFile(folder, 'x', seen, CATALOG_FIELDS)).toEqual({ kind: 'moved' });
    await rm(join(folder, 'x.job'));
    expect(await readJobFile(folder, 'x', seen, CATALOG_FIELDS)).toEqual({ kind: 'moved' });
    await symlink('/etc/hostname', join(folder, 'x.job'));
    expect(await readJobFile(folder, 'x', seen, CATALOG_FIELDS)).toEqual({ kind: 'moved' });
  });
});

describe('names', () => {
  test.each([
    ['x.job', 'x'],
    ['a.b.job', 'a.b'],
    ['my songs.job', 'my songs'],
    ['x.txt', null],
    ['x.job.tmp', null],
    ['x.json', null],
    ['x.job.bad', null],
    ['.job', null],
    ['.x.job', null],
    ['x.JOB', null],
  ])('%s → %s', (name, stem) => expect(stemOf(name)).toBe(stem));

  test.each(['x', 'a.b', 'my songs', 'été', "it's"])('%s can name a job', (stem) =>
    expect(isSafeStem(stem)).toBe(true),
  );

  test.each([
    '',
    '.',
    '..',
    '.x',
    'a/b',
    '../x',
    'a\\b',
    'a\nb',
    'a\0b',
    'a\uFFFDb',
    'x'.repeat(201),
    'é'.repeat(101),
    '\uD800',
  ])('%j cannot name a job', (stem) => expect(isSafeStem(stem)).toBe(false));

  const identity = { ino: 7n, mtimeNs: 123n, size: 21n };
  const content = Buffer.from('{"catalog_path": "a"}');
  const id = jobIdOf('my songs/…', identity, content);

  test('an id is short, safe and readable', () => {
    expect(id).toMatch(/^drop-my-songs--[0-9a-f]{20}-[0-9a-f]{20}$/);
    expect(jobIdOf('é'.repeat(100), identity, content).length).toBeLessThan(200);
  });

  test('an id tells names, contents and versions apart', () => {
    const others = [
      jobIdOf('my songs/.', identity, content),
      jobIdOf('my songs/…', identity, Buffer.from('{"catalog_path": "b"}')),
      jobIdOf('my songs/…', { ...identity, ino: 8n }, content),
      jobIdOf('my songs/…', { ...identity, mtimeNs: 124n }, content),
    ];
    expect(new Set([id, ...others]).size).toBe(5);
    expect(others.map((other) => sameContent(id, other))).toEqual([false, false, true, true]);
  });

  test('an id is known again as one for its name, and no other text is', () => {
    expect(isIdFor('my songs/…', id)).toBe(true);
    expect(isIdFor('x', id)).toBe(false);
    expect(isIdFor('x', 'drop-x-1')).toBe(false);
    expect(isIdFor('x', undefined)).toBe(false);
  });

  test('an identity is that of the file behind the name', async () => {
    const stats = await lstat('.', { bigint: true });
    expect(identityOf(stats)).toEqual({ ino: stats.ino, mtimeNs: stats.mtimeNs, size: stats.size });
  });
});
