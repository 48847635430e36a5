/**
 * Asks a MusicBrainz web service who wrote a recording: recording → work → its writers.
 * Politely: one request at a time, so many a second and no more, with a time-out; and when it does not answer, it is left alone
 * for a while instead of being asked for every row.
 */
import {
  BrokenCircuitError,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  retry,
  TaskCancelledError,
  TimeoutStrategy,
  timeout,
  wrap,
} from 'cockatiel';
import { artistsOf, normaliseArtist, shortTitle } from './normalise.ts';

export interface MusicBrainzOptions {
  /** Address of the service, such as `https://musicbrainz.example/ws/2`. */
  readonly url: string;
  /** Requests a second. The public service allows one. Default 1. */
  readonly perSecond?: number;
  /** Milliseconds for one answer. Default 10,000. */
  readonly timeoutMs?: number;
  /** An address or page by which the service's operators can reach you. */
  readonly contact?: string;
  /** Failures in a row after which the service is left alone. Default 5. */
  readonly failures?: number;
  /** How long it is left alone, in milliseconds. Default 30,000. */
  readonly pauseMs?: number;
}

export interface Wanted {
  readonly title: string;
  readonly artist: string;
  readonly isrc?: string;
  readonly recordingId?: string;
}

/** `none`: it does not know. `failed`: it did not answer. `skipped`: it is left alone at the moment. */
export type Answer =
  | { readonly kind: 'found'; readonly songwriters: readonly string[]; readonly evidence: string }
  | { readonly kind: 'none' | 'failed' | 'skipped' };

const REMEMBERED = 10_000;
const MAX_WAIT_MS = 60_000;

export class MusicBrainz {
  readonly #options: Required<MusicBrainzOptions>;
  readonly #policy: ReturnType<typeof policyFor>;
  readonly #answers = new Map<string, Answer>();
  #turn: Promise<void> = Promise.resolve();
  #nextAt = 0;

  constructor(options: MusicBrainzOptions) {
    this.#options = {
      perSecond: 1,
      timeoutMs: 10_000,
      contact: 'no contact given',
      failures: 5,
      pauseMs: 30_000,
      ...options,
    };
    this.#policy = policyFor(this.#options);
  }

  /** Never fails because of the service; only by the signal. */
  async find(wanted: Wanted, signal: AbortSignal): Promise<Answer> {
    const key = [wanted.recordingId, wanted.isrc, shortTitle(wanted.title), normaliseArtist(wanted.artist)].join('\n');
    const known = this.#answers.get(key);
    if (known) return known;
    try {
      const answer = await this.#ask(wanted, signal);
      this.#answers.set(key, answer);
      if (this.#answers.size > REMEMBERED) this.#answers.delete(this.#answers.keys().next().value ?? '');
      return answer;
    } catch (error) {
      signal.throwIfAborted();
      return { kind: error instanceof BrokenCircuitError ? 'skipped' : 'failed' };
    }
  }

  async #ask(wanted: Wanted, signal: AbortSignal): Promise<Answer> {
    const recording = wanted.recordingId ?? (await this.#search(wanted, signal));
    if (recording === undefined) return { kind: 'none' };
    const found = await this.#get(
      `recording/${encodeURIComponent(recording)}?inc=work-rels+work-level-rels+artist-rels`,
      signal,
    );
    const writers = new Set<string>();
    for (const { work } of listOf(found?.['relations'], isWorkRelation)) {
      const relations =
        work.relations ??
        (await this.#get(`work/${encodeURIComponent(work.id)}?inc=artist-rels`, signal))?.['relations'];
      for (const { type, artist } of listOf(relations, isArtistRelation))
        if (WRITERS.has(type)) writers.add(artist.name);
    }
    if (writers.size === 0) return { kind: 'none' };
    return { kind: 'found', songwriters: [...writers], evidence: `MusicBrainz recording ${recording}` };
  }

  /** The recording that is meant, if the service is sure of it: title and artist must fit, not only its score. */
  async #search({ title, artist, isrc }: Wanted, signal: AbortSignal): Promise<string | undefined> {
    const query = isrc === undefined ? `recording:${phrase(title)} AND artist:${phrase(artist)}` : `isrc:${isrc}`;
    const found = await this.#get(`recording?query=${encodeURIComponent(query)}&limit=5`, signal);
    const names = artistsOf(artist);
    return listOf(found?.['recordings'], isRecording).find(
      (recording) =>
        Number(recording.score ?? 100) >= 90 &&
        (isrc !== undefined || shortTitle(recording.title) === shortTitle(title)) &&
        listOf(recording['artist-credit'], isCredit).some(({ name }) => names.includes(normaliseArtist(name))),
    )?.id;
  }

  /** One request. @returns null where there is no such thing. */
  #get(path: string, signal: AbortSignal): Promise<Record<string, unknown> | null> {
    const { url, timeoutMs, contact } = this.#options;
    const address = `${url.replace(/\/+$/, '')}/${path}&fmt=json`;
    const headers = { accept: 'application/json', 'user-agent': `songwriter-credits/1.0 ( ${contact} )` };
    const inTime = timeout(timeoutMs, TimeoutStrategy.Aggressive);
    return this.#policy.execute(async ({ signal: stop }) => {
      await this.#myTurn(stop);
      return inTime.execute(({ signal }) => this.#fetch(address, headers, signal), stop);
    }, signal);
  }

  async #fetch(
    address: string,
    headers: Record<string, string>,
    signal: AbortSignal,
  ): Promise<Record<string, unknown> | null> {
    try {
      const response = await fetch(address, { headers, signal });
      if (response.ok) return object(await response.json());
      await response.body?.cancel();
      if (response.status === 404 || response.status === 400) return null;
      this.#slowDown(response.headers.get('retry-after'));
      throw new NoAnswer(`HTTP ${response.status}`);
    } catch (error) {
      signal.throwIfAborted();
      // A refused connection, one cut half-way, a proxy's error page: they are all no answer.
      throw error instanceof NoAnswer ? error : new NoAnswer('no answer', { cause: error });
    }
  }

  /** Waits until the next request is allowed. Those who wait are served in turn. */
  #myTurn(signal: AbortSignal): Promise<void> {
    const mine = this.#turn.then(async () => {
      await pause(this.#nextAt - performance.now(), signal);
      this.#nextAt = Math.max(this.#nextAt, performance.now() + 1000 / this.#options.perSecond);
    });
    this.#turn = mine.catch(() => {});
    return mine;
  }

  #slowDown(retryAfter: string | null): void {
    const seconds = Number(retryAfter ?? 0);
    if (seconds > 0) this.#nextAt = performance.now() + Math.min(MAX_WAIT_MS, seconds * 1000);
  }
}

class NoAnswer extends Error {}

const isNoAnswer = (error: unknown): boolean => error instanceof NoAnswer || error instanceof TaskCancelledError;

const policyFor = ({ failures, pauseMs }: Required<MusicBrainzOptions>) =>
  wrap(
    retry(handleWhen(isNoAnswer), {
      maxAttempts: 2,
      backoff: new ExponentialBackoff({ initialDelay: 200, maxDelay: 2000 }),
    }),
    circuitBreaker(handleWhen(isNoAnswer), { breaker: new ConsecutiveBreaker(failures), halfOpenAfter: pauseMs }),
  );

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    if (ms <= 0) return resolve();
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });

const phrase = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

// --- what we believe of the service's JSON ---

const WRITERS: ReadonlySet<string> = new Set(['composer', 'lyricist', 'writer']);

const object = (value: unknown): Record<string, unknown> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new NoAnswer('no JSON object');
  return value as Record<string, unknown>;
};

const listOf = <T>(value: unknown, is: (item: unknown) => item is T): T[] =>
  Array.isArray(value) ? value.filter(is) : [];

const has = (value: unknown, ...fields: string[]): value is Record<string, unknown> =>
  typeof value === 'object' &&
  value !== null &&
  fields.every((field) => typeof (value as Record<string, unknown>)[field] === 'string');

interface Recording {
  readonly id: string;
  readonly title: string;
  readonly score?: unknown;
  readonly 'artist-credit'?: unknown;
}
const isRecording = (value: unknown): value is Recording => has(value, 'id', 'title');
const isCredit = (value: unknown): value is { readonly name: string } => has(value, 'name');
const isWorkRelation = (
  value: unknown,
): value is { readonly work: { readonly id: string; readonly relations?: unknown } } =>
  typeof value === 'object' && value !== null && has((value as { work?: unknown }).work, 'id');
const isArtistRelation = (
  value: unknown,
): value is { readonly type: string; readonly artist: { readonly name: string } } =>
  has(value, 'type') && has((value as { artist?: unknown }).artist, 'name');
