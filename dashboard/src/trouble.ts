/** What went wrong, as a page shows it: a code, what was found, what is next. */
import { BacklineError } from '../../src/client.ts';

export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly next: string | null;
  readonly field: string | null;
}

/** The server was not reached at all, or something else answered in its place. */
const AWAY: ReadonlySet<string> = new Set(['API_UNREACHABLE', 'NOT_OUR_API']);

export const isAway = ({ code }: Trouble): boolean => AWAY.has(code);
export const isForbidden = ({ code }: Trouble): boolean =>
  ['NOT_PERMITTED', 'NOT_AUTHENTICATED', 'BEYOND_REACH'].includes(code);

/** Of what was answered to a request that the typed client did not make. */
export const troubleOfAnswer = (text: string): Trouble => {
  try {
    const { code, detail, allowed, next, field } = JSON.parse(text) as Readonly<Record<string, string | undefined>>;
    if (code !== undefined && detail !== undefined)
      return { code, message: detail, next: next ?? (allowed ? `Allowed: ${allowed}.` : null), field: field ?? null };
  } catch {
    // Told below.
  }
  return {
    code: 'NOT_OUR_API',
    message: 'Something else answered in the place of the server.',
    next: null,
    field: null,
  };
};

export const troubleOf = (thrown: unknown): Trouble => {
  if (thrown instanceof BacklineError) {
    const { code, details } = thrown;
    const { message, allowed, field = null } = details;
    const next = details.next ?? (allowed ? `Allowed: ${allowed}.` : null);
    // The client says how a program would find the server; here somebody looks at a page of it.
    if (AWAY.has(code)) return { code, message: 'The server does not answer.', next: 'Is it running?', field };
    return { code, message, next, field };
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'PAGE_FAULT', message, next: 'Load the page anew; if it happens again, report it.', field: null };
};
