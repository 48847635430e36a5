/** The client of a service that runs elsewhere, over HTTP. For programs and pages: it needs `fetch`, and nothing of Node. */
import { createORPCClient } from '@orpc/client';
import { type AnyContractProcedure, type ContractRouterClient, oc } from '@orpc/contract';
import { OpenAPILink } from '@orpc/openapi-client/fetch';
import { apiUnreachable, notOurApi } from '../../job/api-errors.ts';
import type { Contract } from './contract.ts';
import { errorOf, isProblem } from './from-wire.ts';
import { ROUTES, type Route } from './routes.ts';

/** What may be said of one call, as `{ context }` behind its input. */
export interface CallContext {
  /** Of calls that make something: sent again with the same key, the call gives the same answer and makes nothing new. */
  readonly idempotencyKey?: string;
}

/** Every operation of the API, by group; a call may be given up with `{ signal }`. */
export type ApiClient = ContractRouterClient<Contract, CallContext>;

export interface ClientOptions {
  /** What `backline start` prints, such as `http://127.0.0.1:4700`; with a path before `/api` where a proxy adds one. */
  readonly url: string | URL;
  /** Sent as a bearer token with every request. */
  readonly token?: string;
  /** Instead of the global `fetch`. */
  readonly fetch?: (request: Request, init?: RequestInit) => Promise<Response>;
}

/**
 * A client of a service. Errors are thrown as `BacklineError`, with the codes that the library itself throws.
 *
 * @throws API_UNREACHABLE if the address is none; its calls also throw API_UNREACHABLE and NOT_OUR_API.
 *
 * @example
 * const client = createClient({ url: 'http://127.0.0.1:4700' });
 * const { id } = await client.jobs.enqueue({ type: 'welcome', payload: { email: 'ada@example.test' } });
 * const { result } = await client.jobs.result({ id });
 */
export const createClient = ({ url, token, fetch = globalThis.fetch }: ClientOptions): ApiClient => {
  const address = addressOf(url);
  const link = new OpenAPILink<CallContext>(bareContract(), {
    url: `${address}/api`,
    headers: ({ context }) => ({
      // A page elsewhere could not set it: see src/doors/http/access.ts.
      'x-backline-page': '1',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(context.idempotencyKey === undefined ? {} : { 'idempotency-key': context.idempotencyKey }),
    }),
    // A redirect would carry the token elsewhere.
    fetch: (request, init) => answerOf(address, request, () => fetch(request, { ...init, redirect: 'manual' })),
  });
  return createORPCClient(link);
};

const addressOf = (url: string | URL): string => {
  try {
    const { protocol, href } = new URL(url);
    if (protocol === 'http:' || protocol === 'https:') return href.replace(/[?#].*$/, '').replace(/\/+$/, '');
  } catch {
    // Told below.
  }
  throw apiUnreachable(String(url), 'it is no address with http:// or https://');
};

/** The contract as far as a client needs it: where each operation lives. The shapes are for the compiler. */
const bareContract = (): Contract => {
  const groups = Object.entries<Readonly<Record<string, Route>>>(ROUTES).map(([group, operations]) => {
    const entries = Object.entries(operations).map(([name, { method, path }]): [string, AnyContractProcedure] => [
      name,
      oc.route({ method, path }),
    ]);
    return [group, Object.fromEntries(entries)];
  });
  return Object.fromEntries(groups) as Contract;
};

/** @throws what the service says, as the error it is; API_UNREACHABLE; NOT_OUR_API; the reason of the caller's signal. */
const answerOf = async (url: string, request: Request, send: () => Promise<Response>): Promise<Response> => {
  const response = await send().catch((error: unknown) => {
    if (request.signal.aborted) throw error;
    const { cause } = error as { cause?: unknown };
    throw apiUnreachable(url, cause instanceof Error && cause.message ? cause : error);
  });
  const type = response.headers.get('content-type') ?? 'no content type';
  if (response.ok && /^(application\/json|text\/event-stream)\b/.test(type)) return response;
  const body: unknown = /\bjson\b/.test(type) ? await response.json().catch(() => null) : null;
  if (!response.ok && isProblem(body)) throw errorOf(body);
  throw notOurApi(url, `it answers ${response.status} with ${type}`);
};
