/** The cookie of a session: opaque, HttpOnly, SameSite=Strict; over HTTPS also Secure and bound to this host. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Served } from '../api/context.ts';

interface SessionOptions {
  readonly publicUrl: URL | null;
}

type Authenticated = NonNullable<Awaited<ReturnType<Served['tokens']['authenticate']>>>;

/** A cookie this old is exchanged for another. */
const RENEW_MS = 3_600_000;

/** Over HTTPS a browser takes the first only with Secure, for this host and all its paths. */
const NAMES = ['__Host-backline', 'backline'] as const;

const isSecure = ({ publicUrl }: SessionOptions): boolean => publicUrl?.protocol === 'https:';

/** What a browser kept, or undefined. */
export const sessionOf = ({ headers }: FastifyRequest): string | undefined => {
  for (const part of headers.cookie?.split(';') ?? []) {
    const [name, value] = part.trim().split('=', 2);
    if (NAMES.some((known) => known === name) && value) return value;
  }
  return undefined;
};

const cookieOf = (value: string, seconds: number, options: SessionOptions): string => {
  const name = isSecure(options) ? NAMES[0] : NAMES[1];
  const secure = isSecure(options) ? '; Secure' : '';
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
};

export const setSession = (
  reply: FastifyReply,
  { cookie, expiresAt }: { readonly cookie: string; readonly expiresAt: number },
  now: number,
  options: SessionOptions,
): void => {
  reply.header('set-cookie', cookieOf(cookie, Math.max(1, Math.floor((expiresAt - now) / 1000)), options));
};

export const clearSession = (reply: FastifyReply, options: SessionOptions): void => {
  reply.header('set-cookie', cookieOf('', 0, options));
};

/** Exchanges the secret of a session now and then, so that one which was copied is of no use for long. */
export const keepSession = async (
  reply: FastifyReply,
  client: Served,
  caller: Authenticated,
  options: SessionOptions,
): Promise<void> => {
  const now = client.now();
  // What was just exchanged ends soon, and is not exchanged once more.
  const { since, until } = caller.session!;
  if (now - since < RENEW_MS || until - now < RENEW_MS / 30) return;
  setSession(reply, await client.tokens.renewSession(caller), now, options);
};
