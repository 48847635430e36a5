/**
 * Serves the built dashboard. The pages do not know where they are mounted: the first page refers to its files relative to its own
 * address, and everything else follows from where those came from. So any path before it works, also one that a proxy adds.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { routeNotFound } from '../../job/errors.ts';

/** Where the build leaves it; the same from the sources and from the build itself. */
const BUILT = fileURLToPath(new URL('../../../dist/dashboard/', import.meta.url));

/** Every page there is, as the dashboard's own table of pages has them, but for the sign-in (src/doors/http/sign-in.ts). */
const PAGES = [
  ...[
    '/',
    '/jobs',
    '/jobs/:id',
    '/queues',
    '/queues/:name',
    '/schedules',
    '/schedules/:id',
    '/batches',
    '/batches/:id',
  ],
  ...['/workers', '/errors', '/errors/:fingerprint', '/audit', '/settings', '/upload'],
];

/** No script and no style but our own files; `data:` for the shapes of states, which are images within the style sheet. */
const POLICY = [
  ...["default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

const ENCODINGS = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const;

/** Files of the build by name, with their compressed copies beside them; read once, since they never change under one name. */
export interface BuiltPages {
  readonly index: string;
  readonly assets: ReadonlyMap<string, Buffer>;
}

/** @returns null where the dashboard was not built, as in a checkout that only runs the sources. */
export const readPages = (folder = BUILT): BuiltPages | null => {
  try {
    const index = readFileSync(join(folder, 'index.html'), 'utf8');
    const names = readdirSync(join(folder, 'assets'));
    return { index, assets: new Map(names.map((name) => [name, readFileSync(join(folder, 'assets', name))])) };
  } catch {
    return null;
  }
};

const PUBLIC = { public: true } as const;

/** Puts the pages at the root of a server, or of a part of it that has a prefix. */
export const addPages = (server: FastifyInstance, { index, assets }: BuiltPages): void => {
  for (const url of PAGES)
    server.get(url, { config: PUBLIC }, (request, reply) => sendIndex(index, request, reply, server.prefix));
  server.get<{ Params: { name: string } }>('/assets/:name', { config: PUBLIC }, (request, reply) =>
    sendAsset(assets, request.params.name, request, reply),
  );
};

/** The page that becomes whichever its address names. It holds nothing of anybody: what it shows, it asks the API for. */
export const sendIndex = (index: string, request: FastifyRequest, reply: FastifyReply, prefix = ''): FastifyReply =>
  reply
    .type('text/html; charset=utf-8')
    .header('content-security-policy', POLICY)
    .send(index.replaceAll('"./', `"${upTo(request, prefix)}`));

/** From a page back to where the pages are mounted: `./` from /jobs, `../` from /jobs/7. */
const upTo = ({ url }: FastifyRequest, prefix: string): string => {
  const path = url.split(/[?#]/)[0]!.slice(prefix.length);
  return '../'.repeat(Math.max(0, path.split('/').length - 2)) || './';
};

const sendAsset = (
  assets: BuiltPages['assets'],
  name: string,
  { method, url, headers }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply => {
  const plain = assets.get(name);
  const type = TYPES[name.split('.').at(-1)!];
  if (!plain || !type) throw routeNotFound(method, url.split('?')[0]!.slice(0, 200), 'Load the page anew.');
  const accepted = String(headers['accept-encoding'] ?? '');
  const [encoding, suffix] =
    ENCODINGS.find(([word, end]) => accepts(accepted, word) && assets.has(name + end)) ?? ([null, ''] as const);
  if (encoding) reply.header('content-encoding', encoding);
  return reply
    .type(type)
    .header('vary', 'accept-encoding')
    .header('cache-control', 'public, max-age=31536000, immutable')
    .send(assets.get(name + suffix));
};

/** `gzip;q=0` refuses it. */
const accepts = (header: string, word: string): boolean =>
  header.split(',').some((part) => {
    const [name, ...rest] = part
      .trim()
      .toLowerCase()
      .split(/\s*;\s*/);
    return name === word && !rest.some((one) => /^q=0(\.0*)?$/.test(one));
  });
