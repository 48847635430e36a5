/** Pages of other origins: they can send requests here although they may not read the answers. Programs send no Origin. */
import type { FastifyRequest } from 'fastify';
import { originRefused } from '../../job/errors.ts';

/** What changes something must not come from a page elsewhere. @throws ORIGIN_REFUSED. */
export const mustBeOwnPage = (request: FastifyRequest): void => {
  if (request.method !== 'GET' && request.method !== 'HEAD') mustBeOwnOrigin(request);
};

/** Whatever the method: for what costs us something as long as it is open, or can be read across origins. @throws ORIGIN_REFUSED. */
export const mustBeOwnOrigin = ({ headers }: FastifyRequest): void => {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const own = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  if (!own || (site !== undefined && site !== 'same-origin' && site !== 'none'))
    throw originRefused(origin ?? String(site));
};
