/**
 * The live feed over HTTP: `GET /api/events` as server-sent events, `/api/events/ws` as a WebSocket, with the same frames.
 *
 * The next frames are asked for when the last ones have left this process, so that a reader who does not read costs a socket and
 * nothing more; after a while it is let go.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Writable } from 'node:stream';
import { StandardBracketNotationSerializer } from '@orpc/openapi-client/standard';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BacklineError } from '../../job/backline-error.ts';
import { badRequest, notPermitted } from '../../job/errors.ts';
import { sleep } from '../../util/sleep.ts';
import { type Caller, permits } from '../api/access.ts';
import type { Served } from '../api/context.ts';
import { watchInput } from '../api/contract-live.ts';
import { type Batch, type Feed, type FeedOptions, feedOf, type WatchRequest } from '../api/feed.ts';
import { errorOfIssue } from '../api/issues.ts';
import { asOurs, problemOf } from '../api/problem.ts';
import { ROUTES } from '../api/routes.ts';
import { Listeners } from './listeners.ts';
import { mustBeOwnOrigin } from './origin.ts';
import { sendProblem } from './problems.ts';
import { readQuery } from './query.ts';
import { StandingWatch } from './standing-watch.ts';

export interface LiveOptions extends FeedOptions {
  /** Event streams and WebSockets that may be open at once, of all addresses. Default 2,000. */
  readonly maxListeners?: number;
  /** The same for one address, and for one token. Default 1,000. */
  readonly maxListenersPerAddress?: number;
  /** How often a silent stream shows that it lives, in milliseconds. Default 15,000. */
  readonly heartbeatMs?: number;
  /** How often the token that a stream came with is looked at again, in milliseconds; it ends when that ended. Default 2,000. */
  readonly recheckMs?: number;
  /** How long a reader may leave what was sent unread, in milliseconds; then it is cut off. Default 30,000. */
  readonly stallMs?: number;
}

interface Door {
  readonly feed: Feed;
  readonly callerOf: (request: FastifyRequest) => Caller;
  readonly standing: StandingWatch;
  /** Fires when the server closes. */
  readonly closing: AbortSignal;
  readonly onUnexpected: (error: unknown) => void;
}

type Limits = Required<Omit<LiveOptions, keyof FeedOptions>>;

const DEFAULTS: Limits = {
  ...{ maxListeners: 2000, maxListenersPerAddress: 1000 },
  ...{ heartbeatMs: 15_000, recheckMs: 2000, stallMs: 30_000 },
};

/** How soon a browser comes back after a break. */
const RETRY_MS = 3000;
const FULL: readonly string[] = ['TOO_MANY_LISTENERS', 'LISTENERS_FULL'];
/** How long a reader may take to say goodbye, or to take what was still sent. The end of the server waits for nobody longer. */
const PARTING_MS = 1000;
/** Nothing that a reader says is expected. */
const MAX_MESSAGE_BYTES = 1024;

const WS_PATH = /^\/api\/events\/ws\/?(\?|$)/;

/** Whether a request may become something else than HTTP. All others are answered as if they had not asked. */
export const mayUpgrade = ({
  url,
  headers,
}: {
  url?: string | undefined;
  headers: { upgrade?: string | undefined };
}): boolean => headers.upgrade?.toLowerCase() === 'websocket' && WS_PATH.test(url ?? '');

/** Puts both streams under /api of a server. */
export const addLive = async (
  server: FastifyInstance,
  client: Served,
  outside: Omit<Door, 'feed' | 'standing'>,
  options: LiveOptions = {},
): Promise<void> => {
  const limits = { ...DEFAULTS, ...options };
  const door = { ...outside, feed: feedOf(client, options), standing: new StandingWatch(limits.recheckMs) };
  const listeners = new Listeners(limits.maxListeners, limits.maxListenersPerAddress);
  const { default: webSockets } = await import('@fastify/websocket');
  await server.register(webSockets, {
    options: { maxPayload: MAX_MESSAGE_BYTES, perMessageDeflate: false, closeTimeout: PARTING_MS },
    // What is broken on a connection has ended it, with a code of its own.
    errorHandler: () => {},
    preClose: (done) => {
      server.websocketServer.close();
      done();
    },
  });
  await server.register(
    async (scope) => {
      scope.addHook('onRequest', async (request) => mustBeOwnOrigin(request));
      scope.setErrorHandler((error, _, reply) => {
        if (error instanceof BacklineError && FULL.includes(error.code)) reply.header('retry-after', RETRY_MS / 1000);
        return sendProblem(reply, error, door.onUnexpected);
      });
      addEventStream(scope, door, limits, listeners);
      addWebSocket(scope, door, limits, listeners);
    },
    { prefix: '/api/events' },
  );
};

const addEventStream = (scope: FastifyInstance, door: Door, limits: Limits, listeners: Listeners): void => {
  scope.get('/', { exposeHeadRoute: false }, async (request, reply) => {
    const watch = requestOf(request, door);
    const leave = listeners.enter(whoseOf(request));
    const standing = door.standing.enter(request);
    const gone = new AbortController();
    reply.raw.once('close', () => {
      leave();
      standing.leave();
      gone.abort();
    });
    const signal = AbortSignal.any([gone.signal, door.closing, standing.signal]);
    const batches = door.feed.batches({ ...watch, signal });
    reply.hijack();
    begin(reply);
    await stream(reply.raw, batches, limits, door);
  });
};

const begin = (reply: FastifyReply): void => {
  reply.raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    // For nginx, which would hold it back.
    'x-accel-buffering': 'no',
  });
  reply.raw.write(`retry: ${RETRY_MS}\n\n`);
};

const stream = async (
  raw: ServerResponse,
  batches: AsyncIterable<Batch>,
  { heartbeatMs, stallMs }: Limits,
  { closing, onUnexpected }: Door,
): Promise<void> => {
  const heart = setInterval(() => {
    if (!raw.writableNeedDrain && !raw.socket?.writableNeedDrain) raw.write(':\n\n');
  }, heartbeatMs);
  try {
    for await (const batch of batches) {
      const to = send(raw, batch);
      if (to.writableNeedDrain && !(await isDrained(to, stallMs, closing)) && !closing.aborted) raw.destroy();
    }
  } catch (error) {
    onUnexpected(error);
    raw.write(`event: error\ndata: ${JSON.stringify(problemOf(asOurs(error)))}\n\n`);
  } finally {
    clearInterval(heart);
    end(raw);
  }
};

/** Who does not read will not hear that it is over either. */
const end = (raw: ServerResponse): void => {
  const timer = setTimeout(() => raw.destroy(), PARTING_MS);
  raw.once('close', () => clearTimeout(timer));
  raw.end();
};

/** @returns false if nothing moved for so long, the reader is gone, or the server closes. */
const isDrained = async (to: Writable, stallMs: number, closing: AbortSignal): Promise<boolean> => {
  const ends = new AbortController();
  try {
    const { signal } = ends;
    return await Promise.race([
      once(to, 'drain', { signal }).then(() => true),
      once(to, 'close', { signal }).then(() => false),
      sleep(stallMs, { signal: AbortSignal.any([signal, closing]), keepAlive: false }).then(() => false),
    ]);
  } catch {
    return false;
  } finally {
    ends.abort();
  }
};

/** The events of a batch, bare, and as a piece of a chunked answer. */
interface Encoded {
  readonly bytes: Buffer;
  readonly piece: Buffer;
}

const encoded = new WeakMap<Batch, Encoded>();

/** Readers that are given the same frames are sent the same bytes. */
const eventsOf = (batch: Batch): Encoded => {
  const known = encoded.get(batch);
  if (known) return known;
  const text = batch.frames.map(({ id }, i) => `event: message\nid: ${id}\ndata: ${batch.texts[i]}\n\n`).join('');
  const length = Buffer.byteLength(text);
  const piece = Buffer.from(`${length.toString(16)}\r\n${text}\r\n`);
  const bytes = piece.subarray(piece.length - 2 - length, -2);
  const made = { bytes, piece };
  encoded.set(batch, made);
  return made;
};

/**
 * One write of one buffer that all readers share. Node's own `write` puts each piece of a chunked answer together anew for each reader,
 * its length, the bytes and their end.
 * @returns what was written to: it says whether that was more than it takes now.
 */
const send = (raw: ServerResponse, batch: Batch): Writable => {
  const { bytes, piece } = eventsOf(batch);
  const { socket } = raw;
  // An answer that waits for another on its connection has no socket yet; one of HTTP/1.0 has no pieces.
  const isPlain = !raw.chunkedEncoding || !socket || raw.writableLength !== socket.writableLength;
  const to = isPlain ? raw : socket;
  to.write(isPlain ? bytes : piece);
  return to;
};

/** Whom its stream is counted for. */
const whoseOf = ({ ip, standing, caller }: FastifyRequest): string[] => (standing ? [ip, `token ${caller.id}`] : [ip]);

/** What a request asks to watch. @throws NOT_PERMITTED, INVALID_OPTION, UNKNOWN_OPTION. */
const requestOf = (request: FastifyRequest, { callerOf }: Door): WatchRequest => {
  const caller = callerOf(request);
  const { scope } = ROUTES.events.watch;
  if (!permits(caller, scope)) throw notPermitted('events.watch', scope, caller.scope);
  // As the rest of the API reads a query: `type=a,b`, `type=a&type=b` and `type[0]=a` are lists.
  const query = new URL(request.url, 'http://localhost').searchParams;
  const given = readQuery(watchInput, new StandardBracketNotationSerializer().deserialize([...query]));
  const { data, error } = watchInput.safeParse(given);
  if (!data) throw errorOfIssue(error.issues[0]!, watchInput, given);
  const { lastEventId, ...filter } = data;
  const header = request.headers['last-event-id'];
  return { filter, caller, lastEventId: typeof header === 'string' && header !== '' ? header : lastEventId };
};

// --- WebSocket ---

/** What we need of a WebSocket. */
interface Wire {
  send(text: string, done: (error?: Error | null) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

const CODES = { goingAway: 1001, notThisKind: 1003, policy: 1008, failed: 1011 } as const;

const addWebSocket = (scope: FastifyInstance, door: Door, limits: Limits, listeners: Listeners): void => {
  const watches = new WeakMap<FastifyRequest, WatchRequest>();
  const admit = async (request: FastifyRequest): Promise<void> => {
    if (!request.ws) throw badRequest('is no handshake of a WebSocket; as an event stream it is at /api/events');
    watches.set(request, requestOf(request, door));
    request.raw.socket.once('close', listeners.enter(whoseOf(request)));
  };
  scope.get('/ws', { websocket: true, exposeHeadRoute: false, preValidation: admit }, (socket, request) =>
    converse(socket as unknown as Wire, request, watches.get(request)!, door, limits),
  );
};

const converse = async (
  wire: Wire,
  request: FastifyRequest,
  watch: WatchRequest,
  door: Door,
  { heartbeatMs, stallMs }: Limits,
) => {
  const gone = new AbortController();
  const standing = door.standing.enter(request);
  wire.on('close', () => {
    standing.leave();
    gone.abort();
  });
  wire.on('message', (_: unknown, isBinary: boolean) =>
    isBinary
      ? wire.close(CODES.notThisKind, 'binary messages are not understood')
      : wire.close(CODES.policy, 'nothing is expected from here'),
  );
  let heard = true;
  wire.on('pong', () => {
    heard = true;
  });
  const heart = setInterval(() => {
    if (!heard) return wire.terminate();
    heard = false;
    wire.ping();
  }, heartbeatMs);
  const signal = AbortSignal.any([gone.signal, door.closing, standing.signal]);
  const batches = door.feed.batches({ ...watch, signal });
  try {
    for await (const { texts } of batches)
      if (!(await isSent(wire, texts, stallMs, door.closing)) && !door.closing.aborted) wire.terminate();
    if (standing.signal.aborted) wire.close(CODES.policy, 'the token is not valid any more');
    else wire.close(CODES.goingAway, 'the service is stopping');
  } catch (error) {
    door.onUnexpected(error);
    wire.close(CODES.failed, 'something happened inside that should not');
  } finally {
    clearInterval(heart);
  }
};

/** Whether all of it left this process in time. */
const isSent = async (
  wire: Wire,
  texts: readonly string[],
  stallMs: number,
  closing: AbortSignal,
): Promise<boolean> => {
  const ends = new AbortController();
  const sent = texts.map((text) => new Promise<boolean>((resolve) => wire.send(text, (error) => resolve(!error))));
  const late = sleep(stallMs, { signal: AbortSignal.any([ends.signal, closing]), keepAlive: false }).then(() => false);
  const all = Promise.all(sent).then((each) => each.every(Boolean));
  const inTime = await Promise.race([all, late]);
  ends.abort();
  return inTime;
};
