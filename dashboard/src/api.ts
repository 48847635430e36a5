/** The typed client of the API that these pages came with. */
import { createClient } from '../../src/client.ts';
import { heard, lost } from './heard.ts';
import { BASE } from './router.ts';

const origin = new URL(BASE, location.href).href;

/** Where programs find this server. */
export const SERVER_URL = origin.replace(/\/$/, '');

/** A proxy answers with these in the place of a server that is away. */
const NOT_THE_SERVER: ReadonlySet<number> = new Set([502, 504]);

export const api = createClient({
  url: origin,
  fetch: async (request, init) => {
    try {
      const response = await fetch(request, { ...init, credentials: 'same-origin' });
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
export const apiUrl = (path: string): string => `${origin}api${path}`;
