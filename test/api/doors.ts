/** The doors of the API, opened on one manager, each as a way to call an operation by its name. */
import { MessageChannel } from 'node:worker_threads';
import { type JobManager, startServer, type Uploads } from 'backline';
import { createClient } from 'backline/client';
import { servePort } from 'backline/ipc';
import { connectPort } from 'backline/ipc/renderer';
import { expect } from 'vitest';
import type * as z from 'zod';
import { everyone } from '../../src/doors/api/access.ts';
import { contract } from '../../src/doors/api/contract.ts';
import { frame } from '../../src/doors/api/contract-live.ts';
import { errorOf, isProblem } from '../../src/doors/api/from-wire.ts';
import { localClient } from '../../src/doors/api/router.ts';
import { allRoutes } from '../../src/doors/api/routes.ts';

/** Calls an operation, such as `jobs.get`. Whatever it answers has the shape that the contract says. */
export type Call = (operation: string, input?: unknown, key?: string) => Promise<Answer>;
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type Answer = any;

export interface Door {
  readonly call: Call;
  close(): Promise<void>;
}

type Open = (manager: JobManager, uploads: Uploads) => Promise<Door>;
type Operation = (input: unknown, options: { context: { idempotencyKey?: string } }) => Promise<unknown>;

export const ROUTES = new Map(allRoutes());

/** Operations that were called over bare HTTP, as `METHOD path`. */
export const calledOverHttp = new Set<string>();

const shapeOf = (operation: string): z.ZodType => {
  const [group, name] = operation.split('.') as ['jobs', 'get'];
  return contract[group][name]['~orpc'].outputSchema as unknown as z.ZodType;
};

const checked =
  (ask: Call): Call =>
  async (operation, input, key) => {
    const answer = await ask(operation, input, key);
    if (operation === 'events.watch') return eachChecked(answer as AsyncIterator<unknown>);
    const { error } = shapeOf(operation).safeParse(answer);
    expect(error, `the answer of ${operation}`).toBeUndefined();
    return answer;
  };

async function* eachChecked(frames: AsyncIterator<unknown>): AsyncGenerator<unknown> {
  try {
    for (;;) {
      const { done, value } = await frames.next();
      if (done) return;
      expect(frame.safeParse(value).error, `the frame ${JSON.stringify(value)}`).toBeUndefined();
      yield value;
    }
  } finally {
    await frames.return?.();
  }
}

/** The data of an event stream, as a page gets it. */
async function* dataOf(body: ReadableStream<Uint8Array>): AsyncGenerator<unknown> {
  let text = '';
  for await (const chunk of body.pipeThrough(new TextDecoderStream() as never) as AsyncIterable<string>) {
    const events = (text + chunk).split('\n\n');
    text = events.pop()!;
    for (const event of events) {
      const data = /^data: (.*)$/m.exec(event)?.[1];
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}

const typed = (client: object): Call =>
  checked((operation, input, idempotencyKey) => {
    const [group, name] = operation.split('.') as [string, string];
    const groups = client as Record<string, Record<string, Operation>>;
    return groups[group]![name]!(input, { context: idempotencyKey === undefined ? {} : { idempotencyKey } });
  });

/** As somebody would who has read the reference, and nothing else. */
const bare = (url: string): Call =>
  checked(async (operation, input, key) => {
    const { method, path, successStatus = 200 } = ROUTES.get(operation)!;
    const rest = { ...(input as Record<string, unknown> | undefined) };
    const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
      const value = encodeURIComponent(String(rest[name]));
      delete rest[name];
      return value;
    });
    const query = method === 'GET' ? `?${queryOf(rest)}` : '';
    const hasBody = method !== 'GET' && Object.keys(rest).length > 0;
    const response = await fetch(`${url}/api${filled}${query}`, {
      method,
      headers: {
        ...(hasBody ? { 'content-type': 'application/json' } : {}),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
      },
      ...(hasBody ? { body: JSON.stringify(rest) } : {}),
    });
    calledOverHttp.add(`${method} ${path}`);
    if (response.headers.get('content-type')?.startsWith('text/event-stream')) return dataOf(response.body!);
    const body: unknown = await response.json();
    if (response.ok) {
      expect(response.status).toBe(successStatus);
      return body;
    }
    if (!isProblem(body)) throw new Error(`${operation} answered ${response.status} with ${JSON.stringify(body)}`);
    expect(response.headers.get('content-type')).toBe('application/problem+json; charset=utf-8');
    expect(body.status).toBe(response.status);
    throw errorOf(body);
  });

const queryOf = (fields: Readonly<Record<string, unknown>>): string =>
  Object.entries(fields)
    .flatMap(([name, value]) => [value].flat().map((one) => `${name}=${encodeURIComponent(String(one))}`))
    .join('&');

const overHttp =
  (callOf: (url: string) => Call): Open =>
  async (manager, uploads) => {
    const server = await startServer(manager, { host: '127.0.0.1', port: 0, uploads });
    return { call: callOf(server.url), close: () => server.close() };
  };

export const DOORS: Readonly<Record<string, Open>> = {
  'in process': async (manager, uploads) => ({
    call: typed(localClient({ client: manager, caller: everyone, uploads })),
    close: async () => {},
  }),
  'the typed client over HTTP': overHttp((url) => typed(createClient({ url }))),
  'bare HTTP': overHttp(bare),
  'a port': async (manager, uploads) => {
    const { port1, port2 } = new MessageChannel();
    const server = servePort(manager, port1, { uploads });
    const client = connectPort(port2);
    return {
      call: typed(client),
      close: async () => {
        client.close();
        server.close();
      },
    };
  },
};
