/**
 * WAV files, read in pieces and written whole: PCM of 8, 16, 24 and 32 bits and floating point of 32 and 64, any number of channels.
 *
 * 1. `readWavFormat` walks the chunks of the header, which come in any order and may lie (see below), without reading the sound.
 * 2. `readWavWindow` reads a part of the sound, mixes its channels, and thins it out to about `targetRate`; memory depends on the
 *    length of that part alone.
 *
 * Programs that write to a pipe cannot go back to fill in sizes: a size that is 0, all ones or beyond the end of the file means
 * "up to the end of the file".
 */
import { type FileHandle, open } from 'node:fs/promises';
import { LibraryError } from '../errors.ts';
import type { Sound, Window } from './sound.ts';

export interface WavFormat {
  readonly channels: number;
  /** Frames a second. */
  readonly rate: number;
  readonly bits: number;
  readonly isFloat: boolean;
  /** Where the sound begins, in bytes, and how many frames there are. */
  readonly offset: number;
  readonly frames: number;
}

const PCM = 1;
const FLOAT = 3;
const EXTENSIBLE = 0xfffe;
const UNKNOWN_SIZE = 0xffff_ffff;
const MAX_CHUNKS = 10_000;
const BLOCK_BYTES = 1 << 20;

/** @throws LibraryError WAV_BROKEN, WAV_UNSUPPORTED; what the system says of the file. */
export const readWavFormat = (path: string): Promise<WavFormat> => within(path, (file) => formatOf(file, path));

/** The part of a file that `window` asks for. @throws as `readWavFormat`. */
export const readWavWindow = (path: string, window: Window): Promise<Sound> =>
  within(path, (file) => soundOf(file, path, window));

const within = async <T>(path: string, read: (file: FileHandle) => Promise<T>): Promise<T> => {
  const file = await open(path);
  try {
    return await read(file);
  } finally {
    await file.close();
  }
};

const soundOf = async (file: FileHandle, path: string, { maxSeconds, targetRate }: Window): Promise<Sound> => {
  const format = await formatOf(file, path);
  const { channels, rate, bits, frames } = format;
  const wanted = Math.min(frames, Math.floor(maxSeconds * rate));
  const first = Math.floor((frames - wanted) / 2);
  const every = Math.max(1, Math.round(rate / targetRate));
  const samples = new Float32Array(Math.floor(wanted / every));
  const frameBytes = (channels * bits) / 8;
  const sampleOf = readerOf(format);
  const framesAtOnce = Math.max(every, Math.floor(BLOCK_BYTES / frameBytes / every) * every);
  const block = Buffer.alloc(framesAtOnce * frameBytes);
  for (let out = 0; out < samples.length; ) {
    const length = Math.min(block.length, (samples.length - out) * every * frameBytes);
    const at = format.offset + (first + out * every) * frameBytes;
    const { bytesRead } = await file.read(block, 0, length, at);
    if (bytesRead < length) throw broken(path, 'it became shorter while it was read');
    for (let byte = 0; byte < length; out++) {
      let sum = 0;
      for (let i = every * channels; i > 0; i--, byte += bits / 8) sum += sampleOf(block, byte);
      samples[out] = sum / (every * channels);
    }
  }
  return { samples, rate: rate / every, startsAt: first / rate };
};

/** A mono file of 16 bits, with the tags that `INFO` has a word for. */
export const wavOf = (samples: Float32Array, rate: number, tags: Readonly<Record<string, string>> = {}): Buffer => {
  const info = Buffer.concat(Object.entries(tags).map(([name, text]) => chunk(name, Buffer.from(`${text}\0`, 'utf8'))));
  const format = Buffer.alloc(16);
  format.writeUInt16LE(PCM, 0);
  format.writeUInt16LE(1, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE(rate * 2, 8);
  format.writeUInt16LE(2, 12);
  format.writeUInt16LE(16, 14);
  const sound = Buffer.alloc(samples.length * 2);
  for (let i = 0; i < samples.length; i++)
    sound.writeInt16LE(Math.round(Math.max(-1, Math.min(1, samples[i]!)) * 32_767), i * 2);
  // Code page 65001 is UTF-8; without it, readers take the tags for Latin-1.
  const charset = chunk('CSET', Buffer.from([0xe9, 0xfd, 0, 0, 0, 0, 0, 0]));
  const list = info.length > 0 ? [charset, chunk('LIST', Buffer.concat([Buffer.from('INFO'), info]))] : [];
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), chunk('fmt ', format), ...list, chunk('data', sound)]));
};

const chunk = (name: string, content: Buffer): Buffer => {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
};

const formatOf = async (file: FileHandle, path: string): Promise<WavFormat> => {
  const { size } = await file.stat();
  const head = Buffer.alloc(12);
  await file.read(head, 0, 12, 0);
  const [riff, wave] = [head.toString('latin1', 0, 4), head.toString('latin1', 8, 12)];
  if ((riff !== 'RIFF' && riff !== 'RF64') || wave !== 'WAVE')
    throw broken(path, size === 0 ? 'it is empty' : 'it does not begin with RIFF and WAVE');
  let fields: Omit<WavFormat, 'offset' | 'frames'> | undefined;
  let at = 12;
  for (let n = 0; n < MAX_CHUNKS && at + 8 <= size; n++) {
    await file.read(head, 0, 8, at);
    const name = head.toString('latin1', 0, 4);
    const length = head.readUInt32LE(4);
    if (name === 'fmt ') fields = await fieldsOf(file, path, at + 8, length);
    if (name === 'data') {
      if (!fields) throw broken(path, 'the sound comes before its format');
      const rest = size - at - 8;
      const bytes = length === 0 || length === UNKNOWN_SIZE ? rest : Math.min(length, rest);
      const frames = Math.floor(bytes / ((fields.channels * fields.bits) / 8));
      if (frames === 0) throw broken(path, 'it holds no sound');
      return { ...fields, offset: at + 8, frames };
    }
    at += 8 + length + (length % 2);
  }
  throw broken(path, fields ? 'it has no chunk "data"' : 'it has no chunk "fmt "');
};

const fieldsOf = async (file: FileHandle, path: string, at: number, length: number) => {
  if (length < 16) throw broken(path, `its format has ${length} bytes instead of 16 or more`);
  const head = Buffer.alloc(26);
  const { bytesRead } = await file.read(head, 0, Math.min(26, length), at);
  if (bytesRead < 16) throw broken(path, 'it ends in the middle of its format');
  const tag = head.readUInt16LE(0);
  // The extensible form says the true format in the first two bytes of an identifier.
  const kind = tag === EXTENSIBLE && bytesRead >= 26 ? head.readUInt16LE(24) : tag;
  const [channels, rate, align, bits] = [
    head.readUInt16LE(2),
    head.readUInt32LE(4),
    head.readUInt16LE(12),
    head.readUInt16LE(14),
  ];
  const isKnown = kind === PCM ? [8, 16, 24, 32].includes(bits) : kind === FLOAT && [32, 64].includes(bits);
  if (!isKnown)
    throw new LibraryError(
      'WAV_UNSUPPORTED',
      `${path}: the format ${kind} with ${bits} bits is not one that is read here: PCM of 8 to 32 bits, floating point of 32 or 64.`,
    );
  if (channels === 0 || rate < 1000 || rate > 768_000 || align !== (channels * bits) / 8)
    throw broken(path, `its format says ${channels} channels at ${rate} Hz in frames of ${align} bytes`);
  return { channels, rate, bits, isFloat: kind === FLOAT };
};

const readerOf = ({ bits, isFloat }: WavFormat): ((bytes: Buffer, at: number) => number) => {
  if (isFloat && bits === 32) return (bytes, at) => finite(bytes.readFloatLE(at));
  if (isFloat) return (bytes, at) => finite(bytes.readDoubleLE(at));
  if (bits === 8) return (bytes, at) => (bytes[at]! - 128) / 128;
  if (bits === 16) return (bytes, at) => bytes.readInt16LE(at) / 2 ** 15;
  if (bits === 24) return (bytes, at) => bytes.readIntLE(at, 3) / 2 ** 23;
  return (bytes, at) => bytes.readInt32LE(at) / 2 ** 31;
};

/** A sample that is no number would make a whole analysis none. */
const finite = (value: number): number => (Number.isFinite(value) ? value : 0);

const broken = (path: string, what: string): LibraryError =>
  new LibraryError('WAV_BROKEN', `${path} is no WAV file that can be read: ${what}.`);
