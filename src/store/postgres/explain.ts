/** What the driver and the server say → our errors, and what may be tried again. */
import { BacklineError } from '../../job/backline-error.ts';
import { storeBusy, storeClosed, storeDamaged, storeFull, storeReadOnly, storeUnavailable } from '../../job/errors.ts';
import { type Mark, refusalOf } from '../side.ts';
import { FENCED } from './mark.ts';

const codeOf = (error: unknown): string => {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : '';
};

/** Two transactions stood in each other's way; nothing of ours was written. Source: PostgreSQL, appendix A. */
export const isConflict = (error: unknown): boolean => ['40001', '40P01', '55P03'].includes(codeOf(error));

/**
 * What the backend kept of a statement does not fit any more: a migration changed a table, or somebody made it forget. Nothing was
 * written, and a new connection knows nothing yet.
 */
export const isStale = (error: unknown): boolean => ['0A000', '26000', '42P05'].includes(codeOf(error));

/** Nothing can be written on this connection. */
export const isReadOnly = (error: unknown): boolean => codeOf(error) === '25006';

/** The connection is gone, or the server does not take one now. */
export const isLost = (error: unknown): boolean => {
  const code = codeOf(error);
  if (/^(08...|57P0[1235]|53300|25P03)$/.test(code)) return true;
  if (NETWORK.has(code)) return true;
  return code === '' && error instanceof Error && LOST.test(error.message);
};

/** Codes of Node's sockets and of name look-ups. */
const NETWORK = new Set(
  'ECONNREFUSED ECONNRESET EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH ENOENT EADDRNOTAVAIL'.split(
    ' ',
  ),
);
/** What pg says without a code. */
const LOST =
  /^(Connection terminated|Connection ended|timeout e|timeout expired|Query read timeout|Client (has encountered|was closed)|The server does not|Connection error)/i;

/** What pg-pool says to a call that was still trying when the store was closed. */
const ENDED = /^Cannot use a pool after calling end/;

/** Codes of Node's TLS and of OpenSSL, and of a certificate's file that cannot be read. */
const CREDENTIALS =
  /^(ERR_(TLS|SSL|OSSL|INVALID_ARG)|EPROTO|EACCES|EISDIR|CERT_|CRL_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_|INVALID_(CA|PURPOSE)|HOSTNAME_)/;
/** What pg says without a code: of a password that is missing, and of parameters of TLS that do not go together. */
const UNPROVEN = /^(SASL|SECURITY WARNING|Password must|Both useLibpqCompat)/i;

/** A driver's error → ours; what is neither the driver's nor the server's passes unchanged. */
export const explain = (error: unknown, where: string, waitedMs = 0): unknown => {
  if (error instanceof BacklineError) return error;
  if (isLost(error)) return storeUnavailable(where, error);
  if (error instanceof Error && ENDED.test(error.message)) return storeClosed();
  if (isConflict(error)) return storeBusy(where, waitedMs, error);
  const code = codeOf(error);
  if (code === FENCED) return refusalOf(where, JSON.parse((error as { detail: string }).detail) as Mark);
  if (isReadOnly(error)) return storeReadOnly(where, error);
  if (code === '53100') return storeFull(where, error);
  if (code === 'XX001' || code === 'XX002') return storeDamaged(where, (error as Error).message, error);
  // Who we are, what we may, which database: the server answers, but not to us. Or it is not trusted, or we cannot say who we are.
  if (/^(28|3D|42501|53|55|57|58)/.test(code) || CREDENTIALS.test(code)) return storeUnavailable(where, error);
  return code === '' && error instanceof Error && UNPROVEN.test(error.message) ? storeUnavailable(where, error) : error;
};
