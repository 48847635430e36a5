/** What both ends of a port know: the words they agree on, and what a port is. */
import type { EventMap, EventName } from '../../engine/events.ts';

/** Asks the preload script for a port; and names the message that carries it. */
export const CONNECT = 'backline:connect';
export const CONNECTED = 'backline:port';

interface AnyPort {
  postMessage(message: unknown): void;
  start?(): void;
  close?(): void;
}

/** A port that speaks of events: a page's, a worker's, or one of `worker_threads`. */
export interface EventPort extends AnyPort {
  addEventListener(type: string, listener: (event: { readonly data?: unknown }) => void): void;
}

/** A port that speaks of messages: of Electron's main process; and what `processPort` makes of a child process. */
export interface MessagingPort extends AnyPort {
  on(event: string, listener: (event?: { readonly data: unknown }) => void): unknown;
}

export type Port = EventPort | MessagingPort;

/** What we need of the window of a page. */
export interface Page {
  addEventListener(type: 'message', listener: (event: PageMessage) => void): void;
  removeEventListener(type: 'message', listener: (event: PageMessage) => void): void;
  postMessage(message: unknown, targetOrigin: string, transfer?: EventPort[]): void;
}

export interface PageMessage {
  readonly source: unknown;
  readonly data: unknown;
  readonly ports: readonly EventPort[];
}

/** The window of the page that this runs in. */
export const thisPage = (): Page => (globalThis as unknown as { readonly window: Page }).window;

/** Functions of the main process that pages may call by name. */
export type Methods = Readonly<Record<string, (...args: never[]) => unknown>>;

/** An event as it crosses the port: errors have become their texts. */
export type Forwarded<E extends EventName> = {
  readonly [K in keyof EventMap[E]]: K extends 'error' ? string | null : EventMap[E][K];
};

/** The part of the router that only ports have, as its client sees it. */
export type PortOperations = {
  readonly port: {
    listen(input: { readonly event: EventName }, options?: { signal?: AbortSignal }): Promise<AsyncIterable<unknown>>;
    call(input: { readonly method: string; readonly args: readonly unknown[] }): Promise<unknown>;
  };
};
