/** Any audio file → the middle of its sound. WAV is read here; everything else by ffmpeg, where it is installed. */
import { spawn } from 'node:child_process';
import { extname } from 'node:path';
import { LibraryError } from '../errors.ts';
import type { Sound, Window } from './sound.ts';
import { readWavWindow } from './wav.ts';

export interface DecodeOptions extends Window {
  /** Length of the file, from its tags; without it the window begins at the start. */
  readonly seconds?: number | null;
  /** Name or path of ffmpeg. */
  readonly ffmpeg?: string;
  /** How long ffmpeg may take for one file. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

/** @throws LibraryError WAV_BROKEN, WAV_UNSUPPORTED, FFMPEG_MISSING, DECODE_FAILED, DECODE_TIMEOUT; what the system says of the file. */
export const decode = async (path: string, options: DecodeOptions): Promise<Sound> => {
  if (!/^\.wave?$/i.test(extname(path))) return decodeWithFfmpeg(path, options);
  try {
    return await readWavWindow(path, options);
  } catch (error) {
    // Compressed sound in a WAV file is rare, and no reason to give up where ffmpeg is there.
    if (!(error instanceof LibraryError && error.code === 'WAV_UNSUPPORTED')) throw error;
    return await decodeWithFfmpeg(path, options).catch((second) => {
      throw second instanceof LibraryError && second.code === 'FFMPEG_MISSING' ? error : second;
    });
  }
};

const STDERR_CHARS = 2000;

const decodeWithFfmpeg = (path: string, options: DecodeOptions): Promise<Sound> => {
  const { maxSeconds, targetRate, seconds, ffmpeg = 'ffmpeg', timeoutMs = 120_000, signal } = options;
  const start = seconds ? Math.max(0, (seconds - maxSeconds) / 2) : 0;
  const args = ['-nostdin', '-v', 'error', '-ss', start.toFixed(3), '-t', String(maxSeconds)];
  // `file:` keeps a name with a colon in it from being taken for an address.
  args.push('-i', `file:${path}`, '-map', '0:a:0', '-ac', '1', '-ar', String(targetRate), '-f', 'f32le', 'pipe:1');
  return new Promise((resolve, reject) => {
    const child = spawn(ffmpeg, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, killSignal: 'SIGKILL' });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    const samples = new Float32Array(Math.ceil(maxSeconds * targetRate) + targetRate);
    const bytes = Buffer.from(samples.buffer);
    let filled = 0;
    let said = '';
    child.stdout.on('data', (part: Buffer) => {
      filled += part.copy(bytes, filled);
    });
    child.stderr.on('data', (part: Buffer) => {
      said = (said + part.toString()).slice(-STDERR_CHARS);
    });
    child.once('error', (error) => reject(isMissing(error) ? ffmpegMissing(path, ffmpeg, error) : error));
    child.once('close', (code, killedBy) => {
      clearTimeout(timer);
      const sound = { samples: samples.subarray(0, Math.floor(filled / 4)), rate: targetRate, startsAt: start };
      if (code === 0 && sound.samples.length > 0) return resolve(sound);
      if (killedBy === 'SIGKILL') return reject(tooSlow(path, timeoutMs));
      reject(undecodable(path, said.trim().split('\n').at(-1) || `ffmpeg ended with ${killedBy ?? code} and no sound`));
    });
  });
};

const isMissing = (error: Error): boolean => (error as { code?: unknown }).code === 'ENOENT';

const ffmpegMissing = (path: string, ffmpeg: string, cause: Error): LibraryError =>
  new LibraryError(
    'FFMPEG_MISSING',
    `${path} needs ffmpeg to be read, and there is no program "${ffmpeg}": only WAV files do without. Install ffmpeg, then retry the job.`,
    { cause },
  );

const tooSlow = (path: string, timeoutMs: number): LibraryError =>
  new LibraryError('DECODE_TIMEOUT', `${path}: ffmpeg was not done within ${timeoutMs / 1000} s, and was ended.`);

const undecodable = (path: string, why: string): LibraryError =>
  new LibraryError('DECODE_FAILED', `${path} could not be decoded: ${why}`);
