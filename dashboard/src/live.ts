/**
 * What changes while one looks.
 *
 * 1. One event stream per browser: the tab that holds a lock keeps it open and hands frames on to the others. A hidden tab lets it go.
 * 2. Frames reach the views four times a second at most, and of each job only the newest.
 * 3. Where no stream is to be had, the views are told to look anew every five seconds, by a frame of the kind `tick`.
 * 4. After a pause, a gap or a loss they are told the same, once.
 */
import { computed, signal } from '@preact/signals';
import type { Frame as Told } from '../../src/client.ts';
import { apiUrl } from './api.ts';
import { heard, lastHeard, lost, missing } from './heard.ts';
import { now } from './time.ts';

/** Something happened, as the server tells it; those of the whole service, `tick` and `gap` mean that anything may have. */
export type Frame =
  | Told
  | { readonly kind: 'tick' }
  | { readonly kind: 'gap' }
  /** A page of this browser changed something that the server does not tell of. */
  | { readonly kind: 'changed'; readonly what: 'schedules' };

export type LiveState = 'connecting' | 'live' | 'paused' | 'reconnecting' | 'stale';

const FLUSH_MS = 250;
const POLL_MS = 5000;
const RETRY_MS = 3000;
/** How long a stream that could not be had is not asked for again. */
const BLOCKED_MS = 60_000;
const STALE_MS = 10_000;
/** Frames may come with their kind as the name of the event, or with none. */
const EVENTS = ['message', 'job', 'queue', 'worker', 'service', 'gap'] as const;
const LOCK = `backline-stream ${apiUrl('')}`;

export const paused = signal(false);
type Stream = 'none' | 'open' | 'lost' | 'blocked';
const stream = signal<Stream>('none');

export const liveState = computed((): LiveState => {
  if (paused.value) return 'paused';
  if (missing.value || stream.value === 'lost')
    return lastHeard.value !== null && now.value - lastHeard.value < STALE_MS ? 'reconnecting' : 'stale';
  return lastHeard.value === null ? 'connecting' : 'live';
});

/** The views look every few seconds, since there is no stream. */
export const polling = computed(() => stream.value !== 'open');

type Listener = (frames: readonly Frame[]) => void;
const listeners = new Set<Listener>();

/** Frames as they come, in small lots. @returns ends it. */
export const onFrames = (listener: Listener): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export const isWide = ({ kind }: Frame): boolean => kind === 'tick' || kind === 'gap' || kind === 'service';
export const isOfJob = (frame: Frame, id: string): boolean => frame.kind === 'job' && frame.jobId === id;

let waiting = new Map<string, Frame>();
let due = false;

const take = (frame: Frame): void => {
  if (paused.peek() || document.hidden) return;
  waiting.set(subjectOf(frame), frame);
  if (!due) setTimeout(flush, FLUSH_MS);
  due = true;
};

/** What a frame is about: the newest of each is handed on. */
const subjectOf = (frame: Frame): string => {
  if (frame.kind === 'job') return `job ${frame.jobId}`;
  if (frame.kind === 'queue') return `queue ${frame.queue}`;
  return frame.kind === 'worker' ? `worker ${frame.worker}` : frame.kind;
};

const flush = (): void => {
  due = false;
  const frames = [...waiting.values()];
  waiting = new Map();
  if (paused.peek()) return;
  for (const listener of listeners) listener(frames);
};

export const togglePause = (): void => {
  paused.value = !paused.value;
  if (!paused.value) take({ kind: 'gap' });
};

/** Says to every tab of this browser that a page has changed something. */
export const tellChanged = (what: 'schedules'): void => {
  const frame = { kind: 'changed', what } as const;
  take(frame);
  channel?.postMessage({ changed: frame });
};

// --- the stream, and who keeps it ---

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel(LOCK) : null;
let release: (() => void) | undefined;
let source: EventSource | undefined;
let blockedUntil = 0;

const tell = (state: Stream): void => {
  stream.value = state;
  channel?.postMessage({ state });
};

const open = (): void => {
  if (Date.now() < blockedUntil) return tell('blocked');
  source = new EventSource(apiUrl('/events'));
  source.onopen = () => {
    heard();
    // Whatever happened before it was open was not told.
    take({ kind: 'gap' });
    tell('open');
  };
  const onFrame = ({ data }: MessageEvent<string>): void => {
    heard();
    const frame = parse(data);
    if (!frame) return;
    take(frame);
    channel?.postMessage({ frame });
  };
  for (const name of EVENTS) source.addEventListener(name, onFrame);
  source.onerror = () => {
    // The browser tries again by itself unless the answer was no stream at all.
    if (source?.readyState !== EventSource.CLOSED) {
      lost();
      return tell('lost');
    }
    close();
    blockedUntil = Date.now() + BLOCKED_MS;
    tell('blocked');
  };
};

const parse = (data: string): Frame | null => {
  try {
    const found: unknown = JSON.parse(data);
    return typeof found === 'object' && found !== null && 'kind' in found ? (found as Frame) : null;
  } catch {
    return null;
  }
};

const close = (): void => {
  source?.close();
  source = undefined;
};

/** Somebody else looks now: what was refused before may be had. */
export const restartLive = (): void => {
  blockedUntil = 0;
  release?.();
  lead();
};

/** Waits for the lock and keeps the stream open while it holds it. Without locks each tab has a stream of its own. */
const lead = (): void => {
  if (document.hidden || release) return;
  const leave = new AbortController();
  release = () => {
    leave.abort();
    close();
    release = undefined;
  };
  if (!navigator.locks || !channel) return open();
  const held = navigator.locks.request(LOCK, { signal: leave.signal }, () => {
    open();
    return new Promise<void>((done) => leave.signal.addEventListener('abort', () => done()));
  });
  // Left before it was our turn.
  held.catch(() => {});
};

const onMessage = ({ data }: MessageEvent<{ state?: Stream; frame?: Frame; changed?: Frame }>): void => {
  if (data.changed) take(data.changed);
  if (source) return;
  if (data.state) stream.value = data.state;
  if (data.frame) {
    heard();
    stream.value = 'open';
    take(data.frame);
  }
};

/** Looks anew where nobody tells: at once after a loss, and every few seconds without a stream. */
const poll = (): void => {
  if (document.hidden || paused.value) return;
  if (stream.value === 'blocked' && !source && release && Date.now() > blockedUntil) open();
  if (missing.value || stream.value !== 'open') take({ kind: 'tick' });
};

export const startLive = (): void => {
  channel?.addEventListener('message', onMessage);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return release?.();
    lead();
    take({ kind: 'gap' });
  });
  lead();
  const again = (): void => {
    poll();
    setTimeout(again, missing.value ? RETRY_MS : POLL_MS);
  };
  setTimeout(again, POLL_MS);
};
