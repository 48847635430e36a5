/**
 * The API over a port, at the end where the manager is: Electron's main process, the thread or process that owns the database.
 * Beside the operations of the contract a port carries the manager's events, and methods of the application.
 */
import { os } from '@orpc/server';
import { RPCHandler } from '@orpc/server/message-port';
import type { EventName } from '../../engine/events.ts';
import { BacklineError } from '../../job/backline-error.ts';
import { isRecord } from '../../job/check.ts';
import { invalidOption, notPermitted, unknownOption } from '../../job/errors.ts';
import { messageOf } from '../../util/text.ts';
import { type Caller, everyone, permits } from '../api/access.ts';
import { mustSeeAll } from '../api/bound.ts';
import type { Context, Served } from '../api/context.ts';
import { toWire } from '../api/problem.ts';
import { router } from '../api/router.ts';
import type { UploadDesk } from '../api/uploads.ts';
import { CONNECT, type Methods, type Port } from './channel.ts';
import { guarded } from './guard.ts';

export type { Methods, Port } from './channel.ts';

/** What a port needs of a JobManager. */
export type Heard = Served;

export interface PortOptions {
  /** Who is at the other end; everybody on this machine may do everything if not given. */
  readonly caller?: Caller;
  /** What tells of uploads. They themselves come over HTTP. */
  readonly uploads?: UploadDesk;
  /** Methods of the application that the other end may call. */
  readonly methods?: Methods;
  /** Called with what must not have happened; the other end is told only that something has. */
  readonly onUnexpected?: (error: unknown) => void;
}

export interface PortServer {
  /** Ends what still waits; the manager is not touched. */
  close(): void;
}

interface PortContext extends Context {
  readonly heard: Pick<Heard, 'on' | 'off'>;
  readonly methods: Methods;
}

/**
 * Serves one port.
 *
 * @example
 * const { port1, port2 } = new MessageChannel();
 * servePort(manager, port1);
 * const client = connectPort(port2);
 */
export const servePort = (manager: Heard, port: Port, options: PortOptions = {}): PortServer => {
  const { caller = everyone, methods = {}, uploads, onUnexpected = () => {} } = options;
  const closing = new AbortController();
  const handler = new RPCHandler<PortContext>(
    { ...router, port: operations },
    {
      interceptors: [
        async ({ next, ...request }) => {
          try {
            const idempotencyKey = request.request.headers['idempotency-key']?.toString();
            return await next({ ...request, context: { ...request.context, idempotencyKey } });
          } catch (error) {
            if (!(error instanceof BacklineError)) onUnexpected(error);
            throw toWire(error);
          }
        },
      ],
    },
  );
  handler.upgrade(guarded(port), {
    context: { client: manager, caller, door: 'ipc', methods, uploads, heard: manager, closing: closing.signal },
  });
  port.start?.();
  return {
    close: () => {
      closing.abort();
      port.close?.();
    },
  };
};

/** What Electron's `ipcMain` has for us. */
export interface MainLike {
  on(channel: string, listener: (event: AskEvent) => void): unknown;
  removeListener(channel: string, listener: (event: AskEvent) => void): unknown;
}

export interface AskEvent {
  readonly ports: readonly Port[];
  /** The frame that asked; null if it is gone already. */
  readonly senderFrame: { readonly url: string } | null;
}

export interface MainOptions extends PortOptions {
  /** Whether a frame with this address may have a port. What is loaded from elsewhere should not. */
  readonly allow: (url: string) => boolean;
}

/** Serves every window that asks for a port through the preload script. Who is not allowed gets a port that is closed. */
export const serveMain = (manager: Heard, ipcMain: MainLike, { allow, ...options }: MainOptions): PortServer => {
  const open = new Set<PortServer>();
  const onAsk = ({ ports: [port], senderFrame }: AskEvent): void => {
    if (!port) return;
    if (!senderFrame || !allow(senderFrame.url)) return port.close?.();
    const server = servePort(manager, port, options);
    open.add(server);
    // A window that is closed or loaded anew is forgotten.
    onClose(port, () => open.delete(server));
  };
  ipcMain.on(CONNECT, onAsk);
  return {
    close: () => {
      ipcMain.removeListener(CONNECT, onAsk);
      for (const server of open) server.close();
    },
  };
};

const onClose = (port: Port, listener: () => void): void => {
  if ('addEventListener' in port) port.addEventListener('close', listener);
  else port.on('close', listener);
};

/** A child process, or this process in its parent's eyes, as a port. */
export interface ProcessLike {
  send?(message: unknown, callback?: (error: Error | null) => void): boolean;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** @param other a process made with `fork`, or `process` within one. */
export const processPort = (other: ProcessLike): Port => ({
  on: (event, listener) =>
    event === 'message'
      ? other.on('message', (data: unknown) => listener({ data }))
      : other.on('disconnect', () => listener()),
  // What can no longer be sent is told by the disconnect.
  postMessage: (message) => void other.send?.(message, () => {}),
});

const base = os.$context<PortContext>();

const operations = {
  // It hears from here on, before it answers.
  listen: base.handler(async ({ input, context: { heard, caller, closing }, signal }) => {
    // They tell of all jobs; events.watch tells each caller of its own.
    mustSeeAll(caller, 'the events of the manager');
    const event = (isRecord(input) ? input['event'] : undefined) as EventName;
    const until = AbortSignal.any([signal, closing].filter((one) => one !== undefined));
    const queue: object[] = [];
    let wake = () => {};
    const hear = (happened: object): void => {
      queue.push(forwarded(happened));
      wake();
    };
    heard.on(event, hear);
    until.addEventListener('abort', () => {
      heard.off(event, hear);
      wake();
    });
    return (async function* () {
      try {
        while (!until.aborted) {
          yield* queue.splice(0);
          if (queue.length === 0 && !until.aborted)
            await new Promise<void>((resolve) => {
              wake = resolve;
            });
        }
      } finally {
        heard.off(event, hear);
      }
    })();
  }),
  call: base.handler(async ({ input, context: { methods, caller } }) => {
    const { method, args } = isRecord(input) ? input : {};
    if (typeof method !== 'string' || !Object.hasOwn(methods, method))
      throw unknownOption('The application', String(method), Object.keys(methods));
    if (!Array.isArray(args)) throw invalidOption('args', args, 'a list');
    if (!permits(caller, 'operate')) throw notPermitted(method, 'operate', caller.scope);
    return methods[method]!(...(args as never[]));
  }),
};

/** Only data crosses: an error becomes its text. */
const forwarded = (event: object): object =>
  'error' in event && event.error instanceof Error ? { ...event, error: messageOf(event.error) } : event;
