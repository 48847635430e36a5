/** The server: the API under /api, and for people and probes a status page without script, /healthz, /readyz and /status.json. */
import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { badRequest, cannotListen, hostRefused, portTaken, routeNotFound } from '../../job/errors.ts';
import { systemClock } from '../../util/clock.ts';
import { sleep } from '../../util/sleep.ts';
import { everyone } from '../api/access.ts';
import type { Served } from '../api/context.ts';
import { problemOf } from '../api/problem.ts';
import type { UploadDesk } from '../api/uploads.ts';
import { addApi } from './api.ts';
import { addLive, type LiveOptions, mayUpgrade } from './live.ts';
import { OpenRequests } from './open-requests.ts';
import { statusPage, troublePage } from './page.ts';
import { PROBLEM_TYPE, sendProblem } from './problems.ts';
import { addQueueEndpoints } from './queue-endpoints.ts';
import { reportOn } from './status.ts';
import { STYLE } from './style.ts';
import { addUploads } from './upload.ts';

export interface ServerOptions {
  /** A loopback address. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
  /** The longest body of a request, in bytes. Default 16 MiB. */
  readonly maxBodyBytes?: number;
  /** How long a body may take to arrive, in milliseconds. Default 20 s. */
  readonly bodyTimeoutMs?: number;
  /** Limits of event streams and WebSockets. */
  readonly live?: LiveOptions;
  /** Takes files that become jobs; without it, uploads are refused. */
  readonly uploads?: UploadDesk;
  /** How long next to nothing of an upload may come, in milliseconds. Default 30 s. */
  readonly uploadIdleMs?: number;
  /** Called with what must not have happened; whoever asked is told only that something has. */
  readonly onUnexpected?: (error: unknown) => void;
}

export interface RunningServer {
  readonly url: string;
  /** Where it listens; another than was asked for if that was taken. */
  readonly port: number;
  /** Answers what is open, for a few seconds at most, and closes. Always settles. */
  close(): Promise<void>;
}

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];
const PORTS_TRIED = 20;
const MAX_PORT = 65_535;
const CLOSE_MS = 5000;
const HEADERS_MS = 10_000;
const LOOK_MS = 1000;

/** @throws HOST_REFUSED, PORT_TAKEN, CANNOT_LISTEN. */
export const startServer = async (
  client: Served,
  { host, port, ...options }: ServerOptions,
): Promise<RunningServer> => {
  mustBeLoopback(host);
  const closing = new AbortController();
  const open = new OpenRequests();
  const found = await listen(() => makeServer(client, options, { closing: closing.signal, open }), host, port);
  const { port: used } = found.server.address() as { port: number };
  const name = host.includes(':') ? `[${host}]` : host;
  const close = async (): Promise<void> => {
    closing.abort();
    const closed = found.close();
    await Promise.race([open.none(), sleep(CLOSE_MS, { keepAlive: false })]);
    // A browser keeps connections open that nothing was asked on.
    found.server.closeAllConnections();
    await closed;
  };
  return { url: `http://${name}:${used}`, port: used, close };
};

/** Other machines must not see the page before there is a sign-in. @throws HOST_REFUSED. */
export const mustBeLoopback = (host: string, place = 'host'): void => {
  if (!LOOPBACK.includes(host)) throw hostRefused(place, host);
};

/** Takes the port that was asked for, or the next free one. A server that could not listen is of no more use. */
const listen = async (make: () => Promise<FastifyInstance>, host: string, port: number): Promise<FastifyInstance> => {
  const last = port === 0 ? 0 : Math.min(port + PORTS_TRIED - 1, MAX_PORT);
  for (let candidate = port; candidate <= last; candidate++) {
    const server = await make();
    try {
      await server.listen({ host, port: candidate });
      return server;
    } catch (error) {
      await server.close();
      if ((error as { code?: unknown }).code !== 'EADDRINUSE') throw cannotListen(host, candidate, error);
    }
  }
  throw portTaken(port, last - port + 1);
};

const makeServer = async (
  client: Served,
  options: Omit<ServerOptions, 'host' | 'port'>,
  { closing, open }: { readonly closing: AbortSignal; readonly open: OpenRequests },
): Promise<FastifyInstance> => {
  const { now = systemClock.now, maxBodyBytes = 2 ** 24, bodyTimeoutMs = 20_000, onUnexpected = () => {} } = options;
  // Loaded only here: the other commands of the command line must not wait for it.
  const [{ default: Fastify }, { default: helmet }] = await Promise.all([import('fastify'), import('@fastify/helmet')]);
  const http = {
    ...{ headersTimeout: HEADERS_MS, connectionsCheckingInterval: LOOK_MS, requestTimeout: 0 },
    // Refused below, in our words.
    requireHostHeader: false,
    // Newer than the types: a client that would rather speak another protocol is answered in this one.
    shouldUpgradeCallback: mayUpgrade,
  };
  const server = Fastify({
    forceCloseConnections: 'idle',
    routerOptions: { ignoreTrailingSlash: true },
    bodyLimit: maxBodyBytes,
    // A body has a time of its own: what streams for an hour is not slow.
    requestTimeout: 0,
    http,
    clientErrorHandler: refuseGarbage,
    frameworkErrors: (error, _, reply) => void sendProblem(reply, error, onUnexpected),
  });
  await server.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Plain HTTP on loopback.
    strictTransportSecurity: false,
  });
  server.addHook('onRequest', async (_, reply) => open.add(reply.raw));
  server.addHook('onRequest', refuseForeignNames);
  server.addHook('onSend', async (_, reply) => {
    reply.header('cache-control', 'no-store');
  });
  server.setErrorHandler((error, _, reply) => sendProblem(reply, error, onUnexpected));
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!.slice(0, 200);
    return sendProblem(reply, routeNotFound(request.method, path, 'Look at /, or at /api/docs.'), onUnexpected);
  });
  const door = { closing, onUnexpected, callerOf: () => everyone };
  await addLive(server, client, door, options.live);
  addRoutes(server, client, now);
  const limits = { maxBytes: maxBodyBytes, timeoutMs: bodyTimeoutMs };
  await addQueueEndpoints(server, client, { ...limits, callerOf: () => everyone });
  const { uploads = null, uploadIdleMs = 30_000 } = options;
  if (uploads) await addUploads(server, uploads, { ...door, idleMs: uploadIdleMs });
  await addApi(server, client, { ...limits, closing, uploads, onUnexpected });
  return server;
};

const addRoutes = (server: FastifyInstance, manager: Served, now: () => number): void => {
  server.get('/', async (request, reply) => {
    const refresh = (request.query as { refresh?: unknown }).refresh !== 'off';
    reply.type('text/html; charset=utf-8');
    try {
      return statusPage(await reportOn(manager, now()), refresh);
    } catch (error) {
      reply.code(503);
      return troublePage(messageOf(error), new Date(now()).toISOString(), refresh);
    }
  });
  server.get('/style.css', (_, reply) => reply.type('text/css; charset=utf-8').send(STYLE));
  server.get('/favicon.ico', (_, reply) => reply.code(204).send());
  server.get('/status.json', () => reportOn(manager, now()));
  // Alive: this process answers. Ready: its database answers too, and its worker takes jobs.
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', async (_, reply) => {
    const { ok, database, loop } = await manager.health();
    reply.code(ok ? 200 : 503);
    return { ready: ok, database: { ok: database.ok, problem: database.problem }, loop };
  });
};

/** A page elsewhere could point a name of its own at this machine, and read the answers as its own. */
const refuseForeignNames = async (request: FastifyRequest): Promise<void> => {
  // Of several, this server and one in front of it might each believe another.
  const names = request.raw.headersDistinct['host'] ?? [];
  if (names.length !== 1) throw badRequest(`has ${names.length === 0 ? 'no' : 'more than one'} Host header`);
  const name = request.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (!LOOPBACK.includes(name)) throw hostRefused('The Host header', name);
};

const GARBAGE: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 'came too slowly',
  HPE_HEADER_OVERFLOW: 'has headers or an address that are too long',
};

/** What is no HTTP at all, or comes too slowly to be a request. */
const refuseGarbage = ({ code }: { code?: string }, socket: Socket): void => {
  if (code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const problem = problemOf(badRequest(GARBAGE[code ?? ''] ?? 'is no HTTP'));
  const body = JSON.stringify(problem);
  const head = `HTTP/1.1 400 Bad Request\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}`;
  socket.end(`${head}\r\ncache-control: no-store\r\nconnection: close\r\n\r\n${body}`);
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
