import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freshFolder, tone } from '../testing.ts';
import { decode } from './decode.ts';
import { readTags } from './tags.ts';
import { wavOf } from './wav.ts';

const RATE = 22_050;
const WINDOW = { maxSeconds: 180, targetRate: RATE };
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasFfmpeg) console.log('Skipped: tests of compressed audio, for there is no ffmpeg (apt-get install ffmpeg).');

const make = (folder: string, name: string, ...args: string[]): string => {
  writeFileSync(join(folder, 'source.wav'), wavOf(tone(4, RATE), RATE));
  const path = join(folder, name);
  execFileSync('ffmpeg', ['-v', 'error', '-i', join(folder, 'source.wav'), ...args, `file:${path}`]);
  return path;
};

test('a WAV file needs no ffmpeg', async () => {
  const path = join(freshFolder(), 'a.WAV');
  writeFileSync(path, wavOf(tone(1, RATE), RATE));
  expect((await decode(path, { ...WINDOW, ffmpeg: '/nowhere/ffmpeg' })).samples.length).toBe(RATE);
});

test('without ffmpeg, any other file is one error that names the file and what to do', async () => {
  const path = join(freshFolder(), 'a.mp3');
  writeFileSync(path, 'not looked at');
  const refusal = expect(decode(path, { ...WINDOW, ffmpeg: '/nowhere/ffmpeg' })).rejects;
  await refusal.toMatchObject({ name: 'LibraryError', code: 'FFMPEG_MISSING' });
  await expect(decode(path, { ...WINDOW, ffmpeg: '/nowhere/ffmpeg' })).rejects.toThrow(path);
  await expect(decode(path, { ...WINDOW, ffmpeg: '/nowhere/ffmpeg' })).rejects.toThrow('Install ffmpeg');
});

test('a decoder that does not end is ended', async () => {
  const folder = freshFolder();
  const slow = join(folder, 'slow');
  writeFileSync(slow, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
  const slowly = decode(join(folder, 'a.mp3'), { ...WINDOW, ffmpeg: slow, timeoutMs: 50 });
  await expect(slowly).rejects.toMatchObject({ code: 'DECODE_TIMEOUT' });
});

test('a signal ends the decoder', async () => {
  const folder = freshFolder();
  const slow = join(folder, 'slow');
  writeFileSync(slow, '#!/bin/sh\nexec sleep 600\n', { mode: 0o755 });
  const controller = new AbortController();
  const decoding = decode(join(folder, 'a.mp3'), { ...WINDOW, ffmpeg: slow, signal: controller.signal });
  controller.abort();
  await expect(decoding).rejects.toMatchObject({ name: 'AbortError' });
});

test.runIf(hasFfmpeg).each([
  ['a.mp3', []],
  ['b.flac', []],
  ['c.ogg', ['-c:a', 'libopus']],
  ['strange: name #1.m4a', []],
  ['-d.aiff', []],
])('%s is decoded to one channel', async (name, args) => {
  const { samples, rate, startsAt } = await decode(make(freshFolder(), name, ...args), WINDOW);
  expect(Math.abs(samples.length / rate - 4)).toBeLessThan(0.1);
  expect(startsAt).toBe(0);
  expect(Math.max(...samples.subarray(rate, rate * 2))).toBeCloseTo(0.5, 1);
});

test.runIf(hasFfmpeg)('of a long file the middle is decoded', async () => {
  const path = make(freshFolder(), 'a.flac');
  const { samples, startsAt } = await decode(path, { maxSeconds: 1, targetRate: RATE, seconds: 4 });
  expect(startsAt).toBe(1.5);
  expect(samples.length).toBe(RATE);
});

test.runIf(hasFfmpeg)('compressed sound in a WAV file is decoded where it can be', async () => {
  const path = make(freshFolder(), 'a.wav', '-c:a', 'adpcm_ms');
  expect((await decode(path, WINDOW)).samples.length / RATE).toBeCloseTo(4, 0);
  await expect(decode(path, { ...WINDOW, ffmpeg: '/nowhere/ffmpeg' })).rejects.toMatchObject({
    code: 'WAV_UNSUPPORTED',
  });
});

test.runIf(hasFfmpeg)('what ffmpeg cannot read is an error with its last words', async () => {
  const path = join(freshFolder(), 'a.mp3');
  writeFileSync(path, 'this is no music');
  const refusal = expect(decode(path, WINDOW)).rejects;
  await refusal.toMatchObject({
    code: 'DECODE_FAILED',
    message: expect.stringContaining('a.mp3 could not be decoded: '),
  });
});

test.runIf(hasFfmpeg)('tags of compressed files are read', async () => {
  const tags = ['title=Ein Lied', 'artist=Söder', 'genre=House', 'date=1999'].flatMap((tag) => ['-metadata', tag]);
  const { seconds, ...said } = await readTags(make(freshFolder(), 'a.flac', ...tags));
  expect(said).toEqual({ title: 'Ein Lied', artist: 'Söder', album: null, genre: 'House', year: 1999, problem: null });
  expect(seconds).toBeCloseTo(4, 1);
});

test('tags of a WAV file are read, without control characters', async () => {
  const path = join(freshFolder(), 'a.wav');
  writeFileSync(path, wavOf(tone(1.5, RATE), RATE, { INAM: 'Two\nlines', IART: 'Söder' }));
  expect(await readTags(path)).toEqual({
    title: 'Two lines',
    artist: 'Söder',
    album: null,
    genre: null,
    year: null,
    seconds: 1.5,
    problem: null,
  });
});

test('a file without tags is called by its name, and one that cannot be read says why', async () => {
  const folder = freshFolder();
  writeFileSync(join(folder, 'My song.wav'), wavOf(tone(1, RATE), RATE));
  writeFileSync(join(folder, 'broken.flac'), 'this is no music');
  expect(await readTags(join(folder, 'My song.wav'))).toMatchObject({ title: 'My song', artist: null, problem: null });
  const broken = await readTags(join(folder, 'broken.flac'));
  expect(broken).toMatchObject({ title: 'broken', seconds: null, problem: expect.any(String) });
  await expect(readTags(join(folder, 'none.flac'))).rejects.toMatchObject({ code: 'ENOENT' });
});
