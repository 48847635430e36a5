/** Who looks at these pages, and what that person may do. On the machine of the service nobody has to say who they are. */
import { computed, signal } from '@preact/signals';
import type { Scope } from '../../src/client.ts';
import { api, BASE_URL, PAGE_HEADERS, signedOut } from './api.ts';
import { restartLive } from './live.ts';
import { forgetAll } from './resource.ts';
import { navigate } from './router.ts';
import { troubleOfAnswer } from './trouble.ts';

export { signedOut };

type Me = Awaited<ReturnType<typeof api.me.get>>;

/** null before it is known. */
export const me = signal<Me | null>(null);

const RANK: Readonly<Record<Scope, number>> = { read: 0, operate: 1, admin: 2 };

/** What is not known yet is offered; the server has the last word anyway. */
export const may = (scope: Scope): boolean => me.value === null || RANK[me.value.scope] >= RANK[scope];

/** `may only look`, `may not change how it works`; null for those who may do everything. */
export const bounds = computed((): string | null => {
  if (me.value === null) return null;
  const { scope, queues, tenants } = me.value;
  const words = [
    ...(scope === 'read' ? ['may only look'] : scope === 'operate' ? ['may work with jobs'] : []),
    ...(queues ? [`sees the ${queues.length === 1 ? 'queue' : 'queues'} ${queues.join(', ')}`] : []),
    ...(tenants ? [`sees ${tenants.length === 1 ? 'the tenant' : 'the tenants'} ${tenants.join(', ')}`] : []),
  ];
  return words.length > 0 ? words.join('; ') : null;
});

/** Asks who it is; that nobody is signed in is noticed by the request itself. */
export const loadMe = async (): Promise<void> => {
  try {
    me.value = await api.me.get();
  } catch {
    me.value = null;
  }
};

const post = (path: string, body: object): Promise<Response> =>
  fetch(`${BASE_URL}${path}`, {
    method: 'POST',
    credentials: 'same-origin',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...PAGE_HEADERS },
    body: JSON.stringify(body),
  });

/** What another person has seen must not be there for the next one. */
const beginAnew = async (): Promise<void> => {
  forgetAll();
  me.value = null;
  await loadMe();
  restartLive();
};

/** @returns why not, or null. */
export const signIn = async (token: string): Promise<string | null> => {
  const response = await post('sign-in', { token });
  if (!response.ok) {
    const { message, next } = troubleOfAnswer(await response.text());
    return next ? `${message} ${next}` : message;
  }
  signedOut.value = false;
  await beginAnew();
  return null;
};

export const signOut = async (): Promise<void> => {
  await post('sign-out', {});
  navigate('/sign-in');
  signedOut.value = true;
  await beginAnew();
};
