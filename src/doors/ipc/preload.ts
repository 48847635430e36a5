/**
 * The preload script's part: gives the page a port to the main process, and nothing else. The page never sees `ipcRenderer`.
 * A port cannot be handed over through `contextBridge`, so it travels as a message of the window to itself.
 */
import { CONNECT, CONNECTED, type EventPort, type Page, thisPage } from './channel.ts';

/** What Electron's `ipcRenderer` has for us. */
export interface RendererLike {
  postMessage(channel: string, message: unknown, ports: EventPort[]): void;
}

/**
 * Answers a page that asks for a port; frames within the page are not answered.
 *
 * @example
 * // preload.js
 * import { ipcRenderer } from 'electron';
 * import { exposePort } from 'backline/ipc/preload';
 * exposePort(ipcRenderer);
 */
export const exposePort = (ipcRenderer: RendererLike, page: Page = thisPage()): void => {
  page.addEventListener('message', ({ source, data }) => {
    const { kind, id } = (data ?? {}) as { kind?: unknown; id?: unknown };
    if (source !== page || kind !== CONNECT) return;
    const { port1, port2 } = new MessageChannel() as unknown as { port1: EventPort; port2: EventPort };
    ipcRenderer.postMessage(CONNECT, null, [port2]);
    // To this window alone; a page from a file has no origin that could be named.
    page.postMessage({ kind: CONNECTED, id }, '*', [port1]);
  });
};
