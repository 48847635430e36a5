/** The API over HTTP: REST under /api, with its description and its reference. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { BacklineError } from '../../job/backline-error.ts';
import { methodNotAllowed, routeNotFound, unknownOption } from '../../job/errors.ts';
import type { Served, ShownSetting } from '../api/context.ts';
import { toWire } from '../api/problem.ts';
import { allRoutes } from '../api/routes.ts';
import type { UploadDesk } from '../api/uploads.ts';
import { type BodyLimits, readJsonBodies } from './body.ts';
import { mustBeOwnPage } from './origin.ts';
import { PROBLEM_TYPE, sendProblem } from './problems.ts';
import { readQuery } from './query.ts';

export interface ApiOptions extends BodyLimits {
  readonly uploads: UploadDesk | null;
  readonly settings?: readonly ShownSetting[] | undefined;
  /** Fires when the server closes: what still waits is answered. */
  readonly closing: AbortSignal;
  /** Called with what must not have happened; the caller of the API is told only that something has. */
  readonly onUnexpected: (error: unknown) => void;
}

const PREFIX = '/api';
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Puts the API under /api of a server. */
export const addApi = async (server: FastifyInstance, client: Served, options: ApiOptions): Promise<void> => {
  const handler = await makeHandler(options.onUnexpected);
  await server.register(
    async (scope) => {
      readJsonBodies(scope, options);
      scope.addHook('onRequest', async (request) => mustBeOwnPage(request));
      scope.addHook('onSend', async (_, reply) => {
        if (reply.statusCode >= 400) reply.type(PROBLEM_TYPE);
      });
      scope.setErrorHandler((error, _, reply) => {
        if (error instanceof BacklineError && error.code === 'NOT_AUTHENTICATED')
          reply.header('www-authenticate', 'Bearer realm="backline"');
        return sendProblem(reply, error, options.onUnexpected);
      });
      await addDocuments(scope);
      const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
        mustKnow(request);
        request.body ??= {};
        const { closing, uploads, settings } = options;
        const context = { client, caller: request.caller, closing, uploads, settings, idempotencyKey: keyOf(request) };
        const { matched } = await handler.handle(request, reply, { prefix: PREFIX, context });
        if (!matched) throw nothingAt(request);
        return reply;
      };
      scope.route({ method: METHODS, url: '/*', exposeHeadRoute: false, handler: answer });
      scope.route({ method: METHODS, url: '/', exposeHeadRoute: false, handler: answer });
    },
    { prefix: PREFIX },
  );
};

/** Node joins a header that stands twice with a comma, which is no key then. */
const keyOf = ({ headers }: FastifyRequest): string | undefined => headers['idempotency-key']?.toString();

/** The contract's own handler, with errors in our form and queries read by the schema they are for. */
const makeHandler = async (onUnexpected: (error: unknown) => void) => {
  const [{ OpenAPIHandler }, { router }] = await Promise.all([
    import('@orpc/openapi/fastify'),
    import('../api/router.ts'),
  ]);
  return new OpenAPIHandler(router, {
    interceptors: [
      async ({ next }) => {
        try {
          return await next();
        } catch (error) {
          if (!(error instanceof BacklineError)) onUnexpected(error);
          throw toWire(error);
        }
      },
    ],
    clientInterceptors: [
      ({ next, ...call }) => {
        const { route, inputSchema } = call.procedure['~orpc'];
        if (route.method !== 'GET') return next();
        return next({ ...call, input: readQuery(inputSchema as z.core.$ZodType | undefined, call.input) });
      },
    ],
    customErrorResponseBodyEncoder: (error) => error.data,
  });
};

/** The description for programs and the reference for people, made once. */
const addDocuments = async (scope: FastifyInstance): Promise<void> => {
  const load = () => Promise.all([import('../api/openapi.ts'), import('./reference.ts')]);
  let made: Promise<{ json: string; page: string }> | undefined;
  const make = async () => {
    const [{ describeApi }, { referencePage }] = await load();
    const description = await describeApi();
    return { json: JSON.stringify(description), page: referencePage(description) };
  };
  const documents = () => {
    made ??= make();
    return made;
  };
  scope.get('/openapi.json', async (_, reply) =>
    reply.type('application/json; charset=utf-8').send((await documents()).json),
  );
  scope.get('/docs', async (_, reply) => reply.type('text/html; charset=utf-8').send((await documents()).page));
};

/** `.` or `..` as a part of a path, as it stands or encoded. */
const DOTS = /(^|[/\\])(\.|%2e){1,2}($|[/\\])/i;

/** No path walks up. Only a GET is asked with a query; elsewhere it would be ignored without a word. */
const mustKnow = ({ method, query, url }: FastifyRequest): void => {
  const path = url.split('?')[0]!;
  // The contract's handler would walk them, and end where nobody has looked.
  if (DOTS.test(path)) throw routeNotFound(method, path.slice(0, 200), `See ${PREFIX}/docs for what there is.`);
  const [name] = Object.keys(query as object);
  if (method !== 'GET' && name !== undefined) throw unknownOption('The query of a request that is no GET', name, []);
};

const PATHS = allRoutes().map(([, { method, path }]) => ({
  method,
  matches: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}/?$`),
}));

const nothingAt = ({ method, url }: FastifyRequest): BacklineError => {
  const path = url.split('?')[0]!.slice(0, 200);
  const allowed = PATHS.filter(({ matches }) => matches.test(path.slice(PREFIX.length))).map((known) => known.method);
  if (allowed.length > 0) return methodNotAllowed(method, path, allowed.join(', '));
  return routeNotFound(method, path, `See ${PREFIX}/docs for what there is.`);
};
