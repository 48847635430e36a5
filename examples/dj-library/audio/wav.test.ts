import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freshFolder, tone } from '../testing.ts';
import { readWavFormat, readWavWindow, wavOf } from './wav.ts';

const WHOLE = { maxSeconds: 180, targetRate: 22_050 };

/** Any kind of WAV file, by hand. */
const wav = (
  { tag = 1, channels = 1, rate = 8000, bits = 16, extensible = false, dataSize = -1 },
  frames: number,
  write: (bytes: Buffer, at: number, frame: number, channel: number) => void,
  before: Buffer = Buffer.alloc(0),
): Buffer => {
  const format = Buffer.alloc(extensible ? 40 : 16);
  format.writeUInt16LE(extensible ? 0xfffe : tag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE((rate * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  if (extensible) format.writeUInt16LE(tag, 24);
  const sound = Buffer.alloc((frames * channels * bits) / 8);
  for (let i = 0; i < frames; i++)
    for (let channel = 0; channel < channels; channel++)
      write(sound, ((i * channels + channel) * bits) / 8, i, channel);
  const head = (name: string, size: number) => {
    const bytes = Buffer.alloc(8);
    bytes.write(name, 'latin1');
    bytes.writeUInt32LE(size >>> 0, 4);
    return bytes;
  };
  const body = [Buffer.from('WAVE'), before, head('fmt ', format.length), format];
  const data = [head('data', dataSize < 0 ? sound.length : dataSize), sound];
  return Buffer.concat([head('RIFF', 36 + sound.length), ...body, ...data]);
};

const at = async (content: Buffer): Promise<string> => {
  const path = join(freshFolder(), 'a.wav');
  await writeFile(path, content);
  return path;
};

const near = (sound: Float32Array, expected: readonly number[]) =>
  expect([...sound].map((value) => Math.round(value * 100) / 100)).toEqual(expected);

test.each([
  ['PCM of 8 bits', { bits: 8 }, (b: Buffer, p: number, v: number) => b.writeUInt8(128 + v * 127, p)],
  ['PCM of 16 bits', {}, (b: Buffer, p: number, v: number) => b.writeInt16LE(v * 32_767, p)],
  ['PCM of 24 bits', { bits: 24 }, (b: Buffer, p: number, v: number) => b.writeIntLE(Math.round(v * 8_388_607), p, 3)],
  [
    'PCM of 32 bits',
    { bits: 32 },
    (b: Buffer, p: number, v: number) => b.writeInt32LE(Math.round(v * 2 ** 30 * 1.99), p),
  ],
  ['floats of 32 bits', { bits: 32, tag: 3 }, (b: Buffer, p: number, v: number) => b.writeFloatLE(v, p)],
  ['floats of 64 bits', { bits: 64, tag: 3 }, (b: Buffer, p: number, v: number) => b.writeDoubleLE(v, p)],
  ['the extensible form', { extensible: true }, (b: Buffer, p: number, v: number) => b.writeInt16LE(v * 32_767, p)],
])('%s are read', async (_, format, write) => {
  const values = [0, 0.5, -0.5, 1, -1];
  const path = await at(wav(format, 5, (bytes, place, i) => write(bytes, place, values[i]!)));
  const { samples, rate } = await readWavWindow(path, WHOLE);
  expect(rate).toBe(8000);
  expect([...samples].map((value) => Math.round(value * 50) / 50)).toEqual(values);
});

test('two channels are mixed, and a high rate is thinned out by a whole number', async () => {
  const path = await at(
    wav({ channels: 2, rate: 44_100 }, 6, (bytes, place, i, channel) =>
      bytes.writeInt16LE(channel === 0 ? 16_384 : i < 2 ? -16_384 : 0, place),
    ),
  );
  const { samples, rate } = await readWavWindow(path, WHOLE);
  expect(rate).toBe(22_050);
  near(samples, [0, 0.25, 0.25]);
});

test('of a long file the middle is read, in pieces, and it is known where that begins', async () => {
  const seconds = 400;
  const path = await at(
    wav({ rate: 4000, bits: 8 }, 4000 * seconds, (bytes, place, i) =>
      bytes.writeUInt8(128 + Math.floor(i / 4000 / 4), place),
    ),
  );
  const { samples, startsAt } = await readWavWindow(path, { maxSeconds: 180, targetRate: 22_050 });
  expect(samples.length).toBe(180 * 4000);
  expect(startsAt).toBe(110);
  near(samples.slice(0, 1), [Math.round((27 / 128) * 100) / 100]);
});

test('chunks in other orders and of odd length are walked over', async () => {
  const odd = Buffer.from('junk\x03\0\0\0abc\0', 'latin1');
  const path = await at(wav({}, 3, (bytes, place) => bytes.writeInt16LE(16_384, place), odd));
  near((await readWavWindow(path, WHOLE)).samples, [0.5, 0.5, 0.5]);
});

test.each([0, 0xffff_ffff, 999_999])('a size of %d means up to the end of the file', async (dataSize) => {
  const path = await at(wav({ dataSize }, 4, (bytes, place) => bytes.writeInt16LE(16_384, place)));
  expect(await readWavFormat(path)).toMatchObject({ frames: 4 });
});

test('samples that are no numbers are silence', async () => {
  const path = await at(
    wav({ bits: 32, tag: 3 }, 3, (bytes, place, i) => bytes.writeFloatLE(i === 1 ? Number.NaN : 0.5, place)),
  );
  near((await readWavWindow(path, WHOLE)).samples, [0.5, 0, 0.5]);
});

test('what is written is read again, with its tags', async () => {
  const path = await at(wavOf(tone(0.5, 22_050), 22_050, { INAM: 'Ä title' }));
  const { samples } = await readWavWindow(path, WHOLE);
  expect(Math.max(...samples)).toBeCloseTo(0.5, 2);
  expect(await readWavFormat(path)).toMatchObject({ channels: 1, rate: 22_050, bits: 16, frames: 11_025 });
});

const good = wav({}, 4, () => {});
test.each([
  ['an empty file', Buffer.alloc(0), 'WAV_BROKEN', 'it is empty'],
  ['a text', Buffer.from('this is no sound at all, is it?'), 'WAV_BROKEN', 'does not begin with RIFF'],
  ['a file that ends in its header', good.subarray(0, 30), 'WAV_BROKEN', 'in the middle of its format'],
  ['a file that ends before its sound', good.subarray(0, 44), 'WAV_BROKEN', 'it holds no sound'],
  [
    'no format',
    Buffer.concat([good.subarray(0, 12), good.subarray(36)]),
    'WAV_BROKEN',
    'the sound comes before its format',
  ],
  ['no sound', good.subarray(0, 36), 'WAV_BROKEN', 'no chunk "data"'],
  ['no channels', wav({ channels: 0 }, 4, () => {}), 'WAV_BROKEN', '0 channels'],
  ['a rate of nothing', wav({ rate: 0 }, 4, () => {}), 'WAV_BROKEN', 'at 0 Hz'],
  ['compressed sound', wav({ tag: 0x55 }, 4, () => {}), 'WAV_UNSUPPORTED', 'the format 85'],
  ['12 bits', wav({ bits: 16 }, 4, () => {}).fill(12, 34, 35), 'WAV_UNSUPPORTED', '12 bits'],
])('%s is refused with a code, the path and what is wrong', async (_, content, code, text) => {
  const path = await at(content);
  const refusal = expect(readWavWindow(path, WHOLE)).rejects;
  await refusal.toMatchObject({ code, message: expect.stringContaining(text) });
  await expect(readWavFormat(path)).rejects.toThrow(path);
});
