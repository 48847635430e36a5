/** The typed client of the API that these pages came with. */
import { signal } from '@preact/signals';
import { createClient } from '../../src/client.ts';
import { heard, lost } from './heard.ts';
import { BASE } from './router.ts';

/** With a slash at its end. */
export const BASE_URL = new URL(BASE, location.href).href;

/** Where programs find this server. */
export const SERVER_URL = BASE_URL.replace(/\/$/, '');

/** A proxy answers with these in the place of a server that is away. */
const NOT_THE_SERVER: ReadonlySet<number> = new Set([502, 504]);

/** Says that a page of ours asks: pages elsewhere cannot send it. Of every request that changes something. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = { 'x-backline-page': '1' };

/** The server says that nobody is signed in here. */
export const signedOut = signal(false);

/** Looks change nothing, and need not say where they come from. */
const withPageHeaders = (request: Request): Request => {
  if (request.method !== 'GET')
    for (const [name, value] of Object.entries(PAGE_HEADERS)) request.headers.set(name, value);
  return request;
};

export const api = createClient({
  url: BASE_URL,
  fetch: async (request, init) => {
    try {
      const response = await fetch(withPageHeaders(request), { ...init, credentials: 'same-origin' });
      if (response.status === 401) signedOut.value = true;
      // Any other answer, also a refusal, says that the server is there.
      if (NOT_THE_SERVER.has(response.status)) lost();
      else heard();
      return response;
    } catch (error) {
      if (!request.signal.aborted) lost();
      throw error;
    }
  },
});

/** The same for what is no operation of the contract, such as a stream. */
export const apiUrl = (path: string): string => `${BASE_URL}api${path}`;
