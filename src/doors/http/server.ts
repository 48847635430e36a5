/** The server: the API under /api, the dashboard, and for probes and browsers without script /healthz, /readyz, /status and /status.json. */
import { isIP, type Socket } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { BacklineError } from '../../job/backline-error.ts';
import { badRequest, cannotListen, hostRefused, invalidOption, portTaken, routeNotFound } from '../../job/errors.ts';
import { systemClock } from '../../util/clock.ts';
import { maskSecrets } from '../../util/mask.ts';
import { sleep } from '../../util/sleep.ts';
import { actorOf, writeDown } from '../api/audited.ts';
import { clientFor } from '../api/bound.ts';
import type { Served, ShownSetting } from '../api/context.ts';
import { problemOf } from '../api/problem.ts';
import type { UploadDesk } from '../api/uploads.ts';
import { type AccessOptions, addAccess, LOOPBACK, nameOf } from './access.ts';
import { addApi } from './api.ts';
import { Failures } from './failures.ts';
import { addLive, type LiveOptions, mayUpgrade } from './live.ts';
import { OpenRequests } from './open-requests.ts';
import { statusPage, troublePage } from './page.ts';
import { addPages, type BuiltPages, readPages } from './pages.ts';
import { PROBLEM_TYPE, sendProblem } from './problems.ts';
import { addQueueEndpoints } from './queue-endpoints.ts';
import { addSignIn, PLAIN_SIGN_IN } from './sign-in.ts';
import { reportOn } from './status.ts';
import { STYLE } from './style.ts';
import { addUploads, type UploadDoor } from './upload.ts';

export interface ServerOptions {
  /** Where it listens. On other addresses than loopback only if there is a token that is valid. */
  readonly host: string;
  /** How an error calls the host. */
  readonly place?: string;
  /** Whether a token is needed on a loopback address, too. Default false: whoever is on this machine is its owner. */
  readonly requireToken?: boolean;
  /** As browsers know it, where a proxy or a name stands before it, such as `https://jobs.example.com`. */
  readonly publicUrl?: string | undefined;
  /** Further names by which it may be asked (the Host header), such as `backline` within a network of containers. */
  readonly allowedHosts?: readonly string[];
  /** Whether to believe the address in X-Forwarded-For, which only a proxy of yours may set. Default false. */
  readonly trustProxy?: boolean;
  /** Requests of one token in a minute. Default 6,000. */
  readonly maxRequestsPerMinute?: number;
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
  /** What the program was started with, for the page of settings; nothing secret. */
  readonly settings?: readonly ShownSetting[];
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
  await mayListen(client, host, options.place);
  const closing = new AbortController();
  const open = new OpenRequests();
  const found = await listen(
    () => makeServer(client, { ...options, host }, { closing: closing.signal, open }),
    host,
    port,
  );
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

/** Other machines must not come in before anybody can be told from anybody. @throws HOST_REFUSED. */
const mayListen = async (client: Served, host: string, place = 'host'): Promise<void> =>
  mustHaveToken(host, place, () => client.tokens.any());

/** @param any whether there is a token that is valid. @throws HOST_REFUSED. */
export const mustHaveToken = async (host: string, place: string, any: () => Promise<boolean>): Promise<void> => {
  if (LOOPBACK.includes(host) || (await any())) return;
  const next = 'For other machines, make a token first with: backline tokens create --name NAME --scope admin';
  throw hostRefused(place, host, LOOPBACK.join(', '), next);
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
  options: Omit<ServerOptions, 'port' | 'place'>,
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
  const access = accessOf(options);
  const server = Fastify({
    forceCloseConnections: 'idle',
    trustProxy: options.trustProxy === true,
    routerOptions: { ignoreTrailingSlash: true },
    bodyLimit: maxBodyBytes,
    // A body has a time of its own: what streams for an hour is not slow.
    requestTimeout: 0,
    http,
    clientErrorHandler: refuseGarbage,
    frameworkErrors: (error, _, reply) => void sendProblem(reply, error, onUnexpected),
  });
  await server.register(helmet, HELMET);
  server.addHook('onRequest', async (_, reply) => open.add(reply.raw));
  server.addHook('onRequest', async (request) => mustKnowName(request, access));
  // A handshake that was refused before the WebSocket's own hooks saw it: nobody else would ever end its connection.
  server.addHook('onResponse', async ({ raw }) => void (mayUpgrade(raw) && raw.socket.destroySoon()));
  await addAccess(server, client, access);
  server.addHook('onSend', async (_, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  server.setErrorHandler((error, request, reply) => {
    const signIn = isCode(error, 'NOT_AUTHENTICATED');
    if (signIn && isPage(request)) return reply.redirect(PLAIN_SIGN_IN, 303);
    if (signIn) reply.header('www-authenticate', 'Bearer realm="backline"');
    return sendProblem(reply, error, onUnexpected);
  });
  server.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?')[0]!.slice(0, 200);
    return sendProblem(reply, routeNotFound(request.method, path, 'Look at /, or at /api/docs.'), onUnexpected);
  });
  const pages = readPages();
  await addSignIn(server, client, access, pages?.index ?? null);
  const door = { closing, onUnexpected, callerOf: (request: FastifyRequest) => request.caller };
  await addLive(server, client, door, options.live);
  addRoutes(server, client, pages, now);
  const limits = { maxBytes: maxBodyBytes, timeoutMs: bodyTimeoutMs };
  await addQueueEndpoints(server, client, { ...limits, callerOf: door.callerOf });
  const { uploads = null, uploadIdleMs = 30_000, settings } = options;
  if (uploads) await addUploads(server, uploads, { ...door, idleMs: uploadIdleMs, tell: uploadsTold(client) });
  await addApi(server, client, { ...limits, closing, uploads, settings, onUnexpected });
  return server;
};

const HELMET = {
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      styleSrc: ["'self'"],
      baseUri: ["'none'"],
      formAction: ["'self'"],
      frameAncestors: ["'none'"],
    },
  },
  // Plain HTTP on loopback.
  strictTransportSecurity: false,
};

const uploadsTold =
  (client: Served): UploadDoor['tell'] =>
  (caller, action, target, detail) =>
    writeDown(client, { actor: actorOf(caller), door: 'http', action, target, count: 1, detail });

const addRoutes = (server: FastifyInstance, manager: Served, pages: BuiltPages | null, now: () => number): void => {
  if (pages) addPages(server, pages);
  // Without script, and in place of the dashboard where that was not built.
  for (const url of pages ? ['/status'] : ['/', '/status']) addStatusPage(server, url, manager, now);
  server.get('/style.css', (_, reply) => reply.type('text/css; charset=utf-8').send(STYLE));
  server.get('/favicon.ico', (_, reply) => reply.code(204).send());
  server.get('/status.json', ({ caller }) => reportOn(clientFor(caller, manager), now()));
  // Alive: this process answers. Ready: its database answers too, and its worker takes jobs.
  server.get('/healthz', () => ({ status: 'ok' }));
  server.get('/readyz', async (_, reply) => {
    const { ok, database, loop } = await manager.health();
    reply.code(ok ? 200 : 503);
    return { ready: ok, database: { ok: database.ok, problem: database.problem }, loop };
  });
};

const addStatusPage = (server: FastifyInstance, url: string, manager: Served, now: () => number): void => {
  server.get(url, async (request, reply) => {
    const refresh = (request.query as { refresh?: unknown }).refresh !== 'off';
    reply.type('text/html; charset=utf-8');
    try {
      return statusPage(await reportOn(clientFor(request.caller, manager), now()), refresh);
    } catch (error) {
      if (isCode(error, 'BEYOND_REACH')) throw error;
      reply.code(503);
      return troublePage(messageOf(error), new Date(now()).toISOString(), refresh);
    }
  });
};

const accessOf = (options: Omit<ServerOptions, 'port' | 'place'>): AccessOptions => {
  const { host, requireToken = false, publicUrl, allowedHosts = [], maxRequestsPerMinute = 6000 } = options;
  const loopback = LOOPBACK.includes(host);
  return {
    loopback,
    requireToken,
    publicUrl: urlOf(publicUrl),
    allowedHosts: allowedHosts.map((name) => name.toLowerCase()),
    maxPerMinute: maxRequestsPerMinute,
    failures: new Failures(),
  };
};

const urlOf = (given: string | undefined): URL | null => {
  if (given === undefined) return null;
  const url = URL.parse(given);
  if (!url || !/^https?:$/.test(url.protocol) || url.pathname !== '/' || url.search !== '' || url.username !== '')
    throw invalidOption('publicUrl', maskSecrets(given), 'an address such as https://jobs.example.com');
  return url;
};

/**
 * A page elsewhere could point a name of its own at this machine, and read the answers as its own. So a request must name what the
 * service is known by; an address in numbers is no name that anybody could point.
 */
const mustKnowName = (request: FastifyRequest, { loopback, publicUrl, allowedHosts }: AccessOptions): void => {
  // Of several, this server and one in front of it might each believe another.
  const given = request.raw.headersDistinct['host'] ?? [];
  if (given.length !== 1) throw badRequest(`has ${given.length === 0 ? 'no' : 'more than one'} Host header`);
  const name = nameOf(request);
  const names = [...LOOPBACK, ...(publicUrl ? [publicUrl.hostname] : []), ...allowedHosts];
  if (names.includes(name) || (!loopback && isIP(name) !== 0)) return;
  throw hostRefused(
    'The Host header',
    name,
    [...names, ...(loopback ? [] : ['an address in numbers'])].join(', '),
    'Set publicUrl to the address by which browsers know it, or name it in allowedHosts.',
  );
};

const isCode = (error: unknown, code: string): boolean => error instanceof BacklineError && error.code === code;

/** A person, who has not to read JSON. */
const isPage = ({ method, url, headers }: FastifyRequest): boolean =>
  method === 'GET' && !url.startsWith('/api') && /text\/html/.test(headers.accept ?? '');

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
