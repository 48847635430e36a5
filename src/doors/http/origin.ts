/** Pages of other origins: they can send requests here although they may not read the answers. Programs send no Origin. */
import type { FastifyRequest } from 'fastify';
import { originRefused } from '../../job/errors.ts';

declare module 'fastify' {
  interface FastifyInstance {
    /** By which browsers know the service, where a proxy or a name stands before it. */
    ownOrigin?: string | null;
  }
}

/** What changes something must not come from a page elsewhere. @throws ORIGIN_REFUSED. */
export const mustBeOwnPage = (request: FastifyRequest): void => {
  if (request.method !== 'GET' && request.method !== 'HEAD') mustBeOwnOrigin(request);
};

/** Whatever the method: for what costs us something as long as it is open, or can be read across origins. @throws ORIGIN_REFUSED. */
export const mustBeOwnOrigin = ({ headers, server }: FastifyRequest): void => {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const known = server.ownOrigin ? [server.ownOrigin] : [`http://${host}`, `https://${host}`];
  const own = origin === undefined || known.includes(origin);
  if (!own || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw originRefused(origin ?? String(site));
};
