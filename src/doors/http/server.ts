/** A small server for people and probes: a status page without script, /healthz, /readyz and /status.json. It only reads. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { BacklineError } from '../../job/backline-error.ts';
import { cannotListen, hostRefused, portTaken } from '../../job/errors.ts';
import { systemClock } from '../../util/clock.ts';
import { statusPage, troublePage } from './page.ts';
import { reportOn, type Watched } from './status.ts';
import { STYLE } from './style.ts';

export interface ServerOptions {
  /** A loopback address. */
  readonly host: string;
  /** 0 for any free one. */
  readonly port: number;
  /** Epoch milliseconds. */
  readonly now?: () => number;
}

export interface StatusServer {
  readonly url: string;
  /** Where it listens; another than was asked for if that was taken. */
  readonly port: number;
  /** Always settles. */
  close(): Promise<void>;
}

const LOOPBACK: readonly string[] = ['127.0.0.1', '::1', 'localhost'];
const PORTS_TRIED = 20;
const MAX_PORT = 65_535;

/** @throws HOST_REFUSED, PORT_TAKEN, CANNOT_LISTEN. */
export const startServer = async (
  manager: Watched,
  { host, port, now = systemClock.now }: ServerOptions,
): Promise<StatusServer> => {
  mustBeLoopback(host);
  const found = await listen(() => makeServer(manager, now), host, port);
  const { port: used } = found.server.address() as { port: number };
  const name = host.includes(':') ? `[${host}]` : host;
  return { url: `http://${name}:${used}`, port: used, close: () => found.close() };
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

const makeServer = async (manager: Watched, now: () => number): Promise<FastifyInstance> => {
  // Loaded only here: the other commands of the command line must not wait for it.
  const [{ default: Fastify }, { default: helmet }] = await Promise.all([import('fastify'), import('@fastify/helmet')]);
  const server = Fastify({
    forceCloseConnections: true,
    routerOptions: { ignoreTrailingSlash: true },
    bodyLimit: 1024,
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
  server.addHook('onRequest', refuseForeignNames);
  server.addHook('onSend', async (_, reply) => {
    reply.header('cache-control', 'no-store');
  });
  server.setErrorHandler((error, _, reply) => answerError(error, reply));
  server.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      code: 'NOT_FOUND',
      message: `There is nothing at ${request.method} ${request.url.slice(0, 200)}.`,
      next: 'Look at /',
    }),
  );
  addRoutes(server, manager, now);
  return server;
};

const addRoutes = (server: FastifyInstance, manager: Watched, now: () => number): void => {
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
const refuseForeignNames = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const name = request.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (!LOOPBACK.includes(name)) await answerError(hostRefused('The Host header', name), reply.code(421));
};

/** A coded answer, without a stack. */
const answerError = (error: unknown, reply: FastifyReply): FastifyReply => {
  const { statusCode } = error as { statusCode?: number };
  if (error instanceof BacklineError) {
    const { code, message, next } = error;
    return reply.code(reply.statusCode === 200 ? 503 : reply.statusCode).send({ code, message, next });
  }
  if (statusCode !== undefined && statusCode < 500)
    return reply.code(statusCode).send({ code: 'BAD_REQUEST', message: messageOf(error) });
  return reply
    .code(500)
    .send({ code: 'UNEXPECTED', message: messageOf(error), next: 'This is a mistake in backline: report it.' });
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
