/** Where one is: the address within the mount point, as signals. The address holds all that a view shows, so that it can be sent to others. */
import { computed, signal } from '@preact/signals';

/** The path under which the pages are mounted, with a slash at its end: the folder above the one this script came from. */
export const BASE = new URL(/* @vite-ignore */ '../', import.meta.url).pathname;

const read = () => {
  const { pathname, search } = location;
  const path = pathname.startsWith(BASE) ? `/${pathname.slice(BASE.length)}` : '/';
  return { path: path.length > 1 ? path.replace(/\/+$/, '') : path, search };
};

const place = signal(read());

export const path = computed(() => place.value.path);
export const query = computed(() => new URLSearchParams(place.value.search));

/** An address within the pages, as a link needs it. */
export const href = (to: string): string => BASE + to.replace(/^\//, '');

export const navigate = (to: string, { replace = false } = {}): void => {
  const target = href(to);
  if (target === location.pathname + location.search) return;
  history[replace ? 'replaceState' : 'pushState'](null, '', target);
  place.value = read();
};

/** Changes parts of the query and leaves the rest; null takes one out. Steps that nobody wants to go back to replace the one before. */
export const setQuery = (changes: Readonly<Record<string, string | null>>, { replace = true } = {}): void => {
  const next = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === '') next.delete(name);
    else next.set(name, value);
  }
  // As people would type it: a filter is meant to be read in the address bar.
  const text = next.toString().replaceAll('%3A', ':').replaceAll('%2C', ',');
  navigate(path.value + (text ? `?${text}` : ''), { replace });
};

/** `/jobs/:id` and `/jobs/7` → `{ id: '7' }`; null if the pattern is of another page. */
export const match = (pattern: string, at: string): Readonly<Record<string, string>> | null => {
  const wanted = pattern.split('/');
  const found = at.split('/');
  if (wanted.length !== found.length) return null;
  const params: Record<string, string> = {};
  for (const [i, part] of wanted.entries()) {
    const value = decode(found[i]!);
    if (part.startsWith(':') && value !== '') params[part.slice(1)] = value;
    else if (part !== value) return null;
  }
  return params;
};

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Links within the pages change the page without loading it anew; all others are the browser's. @returns undoes it. */
export const startRouter = (): (() => void) => {
  const onPop = () => {
    place.value = read();
  };
  const onClick = (event: MouseEvent) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element).closest?.('a[href]') as HTMLAnchorElement | null;
    if (!link || link.target || link.hasAttribute('download') || link.dataset['outside'] !== undefined) return;
    const { origin, pathname, search, hash } = new URL(link.href);
    if (origin !== location.origin || !pathname.startsWith(BASE) || hash) return;
    event.preventDefault();
    navigate(`/${pathname.slice(BASE.length)}${search}`);
  };
  addEventListener('popstate', onPop);
  addEventListener('click', onClick);
  return () => {
    removeEventListener('popstate', onPop);
    removeEventListener('click', onClick);
  };
};
