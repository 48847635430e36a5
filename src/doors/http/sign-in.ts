/** Signing in and out with a browser: a token is given once, and a session stands for it from then on. Forms without script, and JSON. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { badRequest, notAuthenticated } from '../../job/errors.ts';
import type { Served } from '../api/context.ts';
import { type AccessOptions, addressOf, mustNotGuess, mustSayOrigin } from './access.ts';
import { signInPage } from './page.ts';
import { sendIndex } from './pages.ts';
import { clearSession, setSession } from './session.ts';

const MOST_BYTES = 4096;

/** Where a person signs in who has no script. */
export const PLAIN_SIGN_IN = '/sign-in?plain';
/** And where such a person goes on. */
const PLAIN_PAGE = '/status';

/** @param index the page of the dashboard; null where that was not built. */
export const addSignIn = async (
  server: FastifyInstance,
  client: Served,
  options: AccessOptions,
  index: string | null,
): Promise<void> => {
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    const bounded = { parseAs: 'string', bodyLimit: MOST_BYTES } as const;
    scope.addContentTypeParser('application/x-www-form-urlencoded', bounded, async (_: FastifyRequest, body: string) =>
      new URLSearchParams(body).get('token'),
    );
    scope.addContentTypeParser('application/json', bounded, async (_: FastifyRequest, body: string) => tokenIn(body));
    scope.get('/sign-in', (request, reply) =>
      index === null || Object.hasOwn(request.query as object, 'plain')
        ? reply.type('text/html; charset=utf-8').send(signInPage(null))
        : sendIndex(index, request, reply),
    );
    scope.post('/sign-in', (request, reply) => signIn(request, reply, client, options));
    scope.post('/sign-out', async (request, reply) => {
      mustSayOrigin(request);
      if (request.session !== null) await client.tokens.endSession(request.session);
      clearSession(reply, options);
      return wantsJson(request) ? reply.send({ signedIn: false }) : reply.redirect(PLAIN_SIGN_IN, 303);
    });
  });
};

const tokenIn = (body: string): unknown => {
  try {
    return (JSON.parse(body) as { token?: unknown } | null)?.token;
  } catch {
    throw badRequest('has a body that is no JSON');
  }
};

const wantsJson = ({ headers }: FastifyRequest): boolean =>
  /json/.test(headers['content-type'] ?? '') || /json/.test(headers.accept ?? '');

const signIn = async (
  request: FastifyRequest,
  reply: FastifyReply,
  client: Served,
  options: AccessOptions,
): Promise<FastifyReply> => {
  // Else a page elsewhere could sign somebody in as somebody else.
  mustSayOrigin(request);
  const address = addressOf(request);
  mustNotGuess(options, address, reply);
  const token = typeof request.body === 'string' ? request.body.trim() : '';
  const found = await client.tokens.authenticate(token);
  if (!found || found.session !== null) {
    options.failures.failed(address);
    const error = notAuthenticated('The token is not valid');
    if (wantsJson(request)) throw error;
    return reply.code(401).type('text/html; charset=utf-8').send(signInPage(error.details.message));
  }
  // Always another secret than before: one that somebody planted is of no use.
  setSession(reply, await client.tokens.beginSession(found), client.now(), options);
  const { id, name, scope, queues, tenants } = found;
  await client.audit.record({ actor: `${name} (${id})`, door: 'http', action: 'sign-in' });
  return wantsJson(request)
    ? reply.send({ signedIn: true, id, name, scope, queues, tenants })
    : reply.redirect(PLAIN_PAGE, 303);
};
