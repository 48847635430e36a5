/** The page's part: the typed client of the API over a port, with the events of the manager. Needs nothing of Node. */
import { createORPCClient, ORPCError } from '@orpc/client';
import { RPCLink } from '@orpc/client/message-port';
import type { EventName } from '../../engine/events.ts';
import { noPort, notOurApi, portClosed } from '../../job/api-errors.ts';
import { errorOf, isProblem } from '../api/from-wire.ts';
import type { ApiClient, CallContext } from '../api/http-client.ts';
import {
  CONNECT,
  CONNECTED,
  type EventPort,
  type Forwarded,
  type Methods,
  type Page,
  type PageMessage,
  type Port,
  type PortOperations,
  thisPage,
} from './channel.ts';

export type { Forwarded, Methods, Port } from './channel.ts';

import { guarded } from './guard.ts';

/** Every operation of the API, the manager's events, and the methods of the application. */
export type PortClient<M extends Methods = Methods> = ApiClient & {
  /** Hears an event of the manager. Resolves when it is heard from now on, with what ends that. @throws INVALID_OPTION. */
  on<E extends EventName>(event: E, listener: (event: Forwarded<E>) => void): Promise<() => void>;
  /** Calls a method of the application. @throws what it throws; UNKNOWN_OPTION if there is none of that name. */
  call<Name extends keyof M & string>(
    method: Name,
    ...args: Parameters<M[Name]>
  ): Promise<Awaited<ReturnType<M[Name]>>>;
  /** Closes the port; what still waits fails with PORT_CLOSED. */
  close(): void;
};

/** The client at this end of a port whose other end is served with `servePort`. */
export const connectPort = <M extends Methods = Methods>(port: Port): PortClient<M> => {
  const link = new RPCLink<CallContext>({
    port: guarded(port),
    headers: ({ context: { idempotencyKey } }): Record<string, string> =>
      idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey },
    interceptors: [
      async ({ next }) => {
        try {
          return await next();
        } catch (error) {
          throw inOurWords(error);
        }
      },
    ],
  });
  const api = createORPCClient(link) as unknown as ApiClient & PortOperations;
  port.start?.();
  const extra: Readonly<Record<string, unknown>> = {
    on: (event: EventName, listener: (event: unknown) => void) => listen(api, event, listener),
    call: (method: string, ...args: unknown[]) => api.port.call({ method, args }),
    close: () => port.close?.(),
  };
  return new Proxy(api, {
    get: (target, name) => {
      // What is awaited must not look like a promise.
      if (name === 'then') return undefined;
      return Object.hasOwn(extra, name) ? extra[String(name)] : Reflect.get(target, name);
    },
  }) as unknown as PortClient<M>;
};

/**
 * Asks the preload script for a port, and connects to it.
 * @param options `timeoutMs`: how long to wait for it at most. Default 5,000.
 * @throws NO_PORT if none comes.
 */
export const connect = async <M extends Methods = Methods>({
  page = thisPage(),
  timeoutMs = 5000,
}: {
  page?: Page;
  timeoutMs?: number;
} = {}): Promise<PortClient<M>> => {
  // Several parts of a page may ask at once.
  const id = `${Date.now()}-${Math.random()}`;
  const port = await new Promise<EventPort>((resolve, reject) => {
    const finish = (done: () => void): void => {
      clearTimeout(timer);
      page.removeEventListener('message', hear);
      done();
    };
    const hear = ({ source, data, ports: [port] }: PageMessage): void => {
      if (source === page && isFor(data, id) && port) finish(() => resolve(port));
    };
    const timer = setTimeout(() => finish(() => reject(noPort(timeoutMs))), timeoutMs);
    page.addEventListener('message', hear);
    page.postMessage({ kind: CONNECT, id }, '*');
  });
  return connectPort<M>(port);
};

const isFor = (data: unknown, id: string): boolean => {
  const { kind, id: asked } = (data ?? {}) as { kind?: unknown; id?: unknown };
  return kind === CONNECTED && asked === id;
};

const listen = async (api: PortOperations, event: EventName, listener: (event: unknown) => void) => {
  const controller = new AbortController();
  const events = (await api.port.listen({ event }, { signal: controller.signal }))[Symbol.asyncIterator]();
  const pump = async (): Promise<void> => {
    for (;;) {
      const { done, value } = await events.next();
      if (done || controller.signal.aborted) return;
      listener(value);
    }
  };
  // The end of the port ends it, too; whoever calls hears of that.
  pump().catch(() => {});
  return () => {
    controller.abort();
    void events.return?.();
  };
};

const inOurWords = (error: unknown): unknown => {
  if (error instanceof ORPCError)
    return isProblem(error.data) ? errorOf(error.data, error) : notOurApi('the port', `${error.status} ${error.code}`);
  // A port that closes ends all calls that wait in this way.
  return error instanceof Error && error.name === 'AbortError' ? portClosed(error) : error;
};
