import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { TagReader } from './tags.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credits-'));
  await mkdir(join(folder, 'audio', 'album'), { recursive: true });
});
afterEach(() => rm(folder, { recursive: true }));

const reader = async () => (await TagReader.open(join(folder, 'audio')))!;

/** An MP3 file with an ID3v2.4 tag and one silent frame. */
const mp3 = (tags: Readonly<Record<string, string>>): Buffer => {
  const frames = Object.entries(tags).map(([id, text]) => {
    const body = Buffer.concat([Buffer.from([3]), Buffer.from(text)]);
    return Buffer.concat([Buffer.from(id), synchsafe(body.length), Buffer.from([0, 0]), body]);
  });
  const tag = Buffer.concat(frames);
  const audio = Buffer.alloc(417);
  audio.set([0xff, 0xfb, 0x90, 0x00]);
  return Buffer.concat([Buffer.from('ID3'), Buffer.from([4, 0, 0]), synchsafe(tag.length), tag, audio]);
};

const synchsafe = (n: number): Buffer => Buffer.from([(n >> 21) & 127, (n >> 14) & 127, (n >> 7) & 127, n & 127]);

/** A FLAC file without audio, with a Vorbis comment. */
const flac = (tags: readonly string[]): Buffer => {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const count = Buffer.alloc(4);
  count.writeUInt32LE(tags.length);
  const comment = Buffer.concat([text('test'), count, ...tags.map(text)]);
  const head = (type: number, length: number) =>
    Buffer.from([type, (length >> 16) & 255, (length >> 8) & 255, length & 255]);
  const info = Buffer.alloc(34);
  info.set([0x10, 0x00, 0x10, 0x00]);
  info.set([0x0a, 0xc4, 0x42, 0xf0], 10);
  return Buffer.concat([Buffer.from('fLaC'), head(0, 34), info, head(0x84, comment.length), comment]);
};

test('composers and lyricists of an MP3 file are its songwriters, each once', async () => {
  await writeFile(
    join(folder, 'audio', 'a.mp3'),
    mp3({ TCOM: 'Ada Lovelace; Grace Hopper', TEXT: 'Ada Lovelace', TSRC: 'GBAYA6500001' }),
  );
  expect(await (await reader()).read('a.mp3')).toEqual({
    kind: 'read',
    songwriters: ['Ada Lovelace', 'Grace Hopper'],
    isrc: 'GBAYA6500001',
  });
});

test('a FLAC file in a folder below is read, too', async () => {
  await writeFile(
    join(folder, 'audio', 'album', 'b.flac'),
    flac(['COMPOSER=Ada Lovelace', 'LYRICIST=Émilie du Châtelet', 'TITLE=x']),
  );
  expect(await (await reader()).read('album/b.flac')).toEqual({
    kind: 'read',
    songwriters: ['Ada Lovelace', 'Émilie du Châtelet'],
  });
});

test('a file without writers has none', async () => {
  await writeFile(join(folder, 'audio', 'a.mp3'), mp3({ TIT2: 'x' }));
  expect(await (await reader()).read('a.mp3')).toEqual({ kind: 'read', songwriters: [] });
});

test('a missing file is missing, and other files are unreadable', async () => {
  await writeFile(join(folder, 'audio', 'text.mp3'), 'no audio at all');
  await writeFile(join(folder, 'audio', 'empty.flac'), '');
  const tags = await reader();
  expect(await tags.read('none.mp3')).toEqual({ kind: 'missing' });
  expect(await tags.read('album/none/none.mp3')).toEqual({ kind: 'missing' });
  for (const name of ['text.mp3', 'empty.flac', 'album'])
    expect(['unreadable', 'read']).toContain((await tags.read(name)).kind);
});

test.each([
  '../secret.mp3',
  '/etc/hostname',
  'album/../../secret.mp3',
  '..',
  '.',
  '',
  'album/link.mp3',
  'out/secret.mp3',
])('the path %j leads out of the folder and is refused', async (path) => {
  await writeFile(join(folder, 'secret.mp3'), mp3({ TCOM: 'Nobody' }));
  await symlink(join(folder, 'secret.mp3'), join(folder, 'audio', 'album', 'link.mp3'));
  await symlink(folder, join(folder, 'audio', 'out'));
  expect(await (await reader()).read(path)).toEqual({ kind: 'outside' });
});

test('a folder that does not exist has no reader', async () => {
  expect(await TagReader.open(join(folder, 'none'))).toBeNull();
});
