/**
 * Who stands behind a request.
 *
 * 1. A bearer token is what its row says; one that is not valid is refused, also where none would be needed.
 * 2. The cookie of a session is the same for browsers; changes then need to come from this very page.
 * 3. Nothing at all: on a loopback address, from this machine and through no proxy, that is its owner, unless tokens are required.
 *    Everybody else is told to sign in.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { notAuthenticated, originRefused, tooManyRequests } from '../../job/errors.ts';
import { type Caller, everyone } from '../api/access.ts';
import type { Served } from '../api/context.ts';
import type { Failures } from './failures.ts';
import { mustBeOwnOrigin } from './origin.ts';
import { clearSession, keepSession, sessionOf } from './session.ts';
import type { Standing } from './standing-watch.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whoever asks gets it. */
    public?: true;
  }
  interface FastifyRequest {
    /** Set for every route that is not public. */
    caller: Caller;
    /** Of a request that came with the cookie of a session. */
    session: string | null;
    standing: Standing | null;
  }
}

export interface AccessOptions {
  /** Whether it can be reached from this machine alone. */
  readonly loopback: boolean;
  /** Tokens are needed here, too. */
  readonly requireToken: boolean;
  /** As browsers know it, such as `https://jobs.example.com`; null for the address that it listens on. */
  readonly publicUrl: URL | null;
  /** Further names by which it may be asked, in small letters. */
  readonly allowedHosts: readonly string[];
  /** Requests of one token in a minute. */
  readonly maxPerMinute: number;
  /** Failed tries to come in, with a token, a cookie or at the sign-in. */
  readonly failures: Failures;
}

/** Without a caller: whether it lives, how to become one, and what pages are made of, which is the same for everybody. */
const PUBLIC = ['/healthz', '/readyz', '/sign-in', '/style.css', '/favicon.ico'];

/** Requests of an address that has not said who it is, in a minute. */
const STRANGERS_PER_MINUTE = 120;

/** What proxies add: then this machine is not where the request comes from. */
const FORWARDED = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'via'];

/** Only a page can set it, and only for its own origin: for another one a browser asks first, and is not allowed. */
export const PAGE_HEADER = 'x-backline-page';

/** Tells every request of the server who its caller is. To be registered before all routes. */
export const addAccess = async (server: FastifyInstance, client: Served, options: AccessOptions): Promise<void> => {
  server.decorate('ownOrigin', options.publicUrl?.origin ?? null);
  server.decorateRequest('caller');
  server.decorateRequest('session', null);
  server.decorateRequest('standing', null);
  server.addHook('onRequest', async (request, reply) => {
    if (isPublic(request)) return;
    request.caller = await callerOf(request, reply, client, options);
  });
  await limitRequests(server, options);
};

export const isPublic = ({ url, routeOptions }: FastifyRequest): boolean =>
  routeOptions.config.public === true || PUBLIC.includes(url.split('?')[0]!.replace(/(?<=.)\/$/, ''));

const limitRequests = async (server: FastifyInstance, { maxPerMinute }: AccessOptions): Promise<void> => {
  const { default: rateLimit } = await import('@fastify/rate-limit');
  await server.register(rateLimit, {
    max: (request: FastifyRequest) => (request.caller ? maxPerMinute : STRANGERS_PER_MINUTE),
    timeWindow: 60_000,
    // A part of an IPv6 address that one household has.
    keyGenerator: (request: FastifyRequest) =>
      request.caller ? `token ${request.caller.id}` : `address ${addressOf(request)}`,
    allowList: (request: FastifyRequest) =>
      request.caller === everyone || (isPublic(request) && request.method === 'GET'),
    errorResponseBuilder: (_, { ttl }) => tooManyRequests('requests', ttl),
  });
};

/** @throws NOT_AUTHENTICATED, TOO_MANY_REQUESTS, ORIGIN_REFUSED. */
const callerOf = async (
  request: FastifyRequest,
  reply: FastifyReply,
  client: Served,
  options: AccessOptions,
): Promise<Caller> => {
  const token = bearerOf(request);
  const cookie = token === undefined ? sessionOf(request) : undefined;
  const presented = token ?? cookie;
  if (presented === undefined) {
    if (isOwner(request, options)) return everyone;
    throw notAuthenticated('This needs a token, or to sign in');
  }
  const address = addressOf(request);
  mustNotGuess(options, address, reply);
  const found = await client.tokens.authenticate(presented);
  if (!found || (token !== undefined) !== (found.session === null)) {
    options.failures.failed(address);
    if (cookie !== undefined) clearSession(reply, options);
    throw notAuthenticated(token === undefined ? 'The session has ended' : 'The token is not valid');
  }
  const { id, name, scope, queues, tenants, session } = found;
  const isValid = async () => (await client.tokens.authenticate(presented)) !== null;
  request.standing = { key: `${id} ${session?.id ?? ''}`, isValid };
  if (session) {
    mustBeOwnForm(request);
    request.session = session.id;
    await keepSession(reply, client, found, options);
  }
  return { id, name, scope, queues, tenants };
};

/** @throws TOO_MANY_REQUESTS. */
export const mustNotGuess = ({ failures }: AccessOptions, address: string, reply: FastifyReply): void => {
  const waitMs = failures.waitMs(address);
  if (waitMs === 0) return;
  reply.header('retry-after', Math.ceil(waitMs / 1000));
  throw tooManyRequests('failed tries from this address', waitMs);
};

const bearerOf = ({ headers }: FastifyRequest): string | undefined => {
  const { authorization } = headers;
  if (authorization === undefined) return undefined;
  return /^Bearer ([\x21-\x7e]{1,200})$/i.exec(authorization)?.[1] ?? '';
};

const isOwner = (request: FastifyRequest, { loopback, requireToken, publicUrl }: AccessOptions): boolean =>
  loopback &&
  !requireToken &&
  publicUrl === null &&
  // By another name somebody else may have been asked, who asks here in turn.
  LOOPBACK.includes(nameOf(request)) &&
  !FORWARDED.some((name) => request.headers[name] !== undefined);

export const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

/** The name that a request asks for. */
export const nameOf = ({ hostname }: FastifyRequest): string => hostname.replace(/^\[|\]$/g, '').toLowerCase();

/**
 * A cookie comes along whoever makes the browser send the request. It is SameSite=Strict; besides, a change must say that it comes
 * from this origin, and carry a header that a page elsewhere may not set without being asked for it. @throws ORIGIN_REFUSED.
 */
const mustBeOwnForm = (request: FastifyRequest): void => {
  const { method, headers, url } = request;
  if (method === 'GET' || method === 'HEAD') return;
  mustSayOrigin(request);
  if (url.startsWith('/api/') && headers[PAGE_HEADER] === undefined)
    throw originRefused(`nowhere: ${PAGE_HEADER} is missing`);
};

/** Browsers say where a request comes from; who has signed in with one must say it. @throws ORIGIN_REFUSED. */
export const mustSayOrigin = (request: FastifyRequest): void => {
  const { origin, 'sec-fetch-site': site } = request.headers;
  if (origin === undefined && site !== 'same-origin') throw originRefused('nowhere');
  mustBeOwnOrigin(request);
};

/** What stands for an address: of IPv6 its first half, because a household has all of the other. */
export const addressOf = ({ ip }: FastifyRequest): string =>
  ip.includes(':') && !ip.startsWith('::ffff:') ? ip.split(':').slice(0, 4).join(':') : ip;
