/**
 * Every page: its address, its name, its key, and where its code is, which is loaded when it is first shown. Navigation, palette and
 * keys read this table. src/doors/http/pages.ts holds the same addresses.
 */
import type { ComponentType } from 'preact';
import type { IconName } from './parts/icon.tsx';

export type PageProps = { readonly params: Readonly<Record<string, string>> };

export interface PageEntry {
  readonly name: string;
  readonly icon: IconName;
  /** The second key after `g`. */
  readonly key?: string;
  /** The first is where the navigation leads. */
  readonly paths: readonly string[];
  readonly load: () => Promise<{ readonly default: ComponentType<PageProps> }>;
  /** Not in the navigation: it is reached from elsewhere. */
  readonly hidden?: boolean;
}

export const PAGES: readonly PageEntry[] = [
  { name: 'Jobs', icon: 'jobs', key: 'j', paths: ['/jobs', '/'], load: () => import('./pages/jobs.tsx') },
  { name: 'Job', icon: 'jobs', paths: ['/jobs/:id'], load: () => import('./pages/job.tsx'), hidden: true },
];

/** Those that the navigation shows. */
export const NAVIGATION = PAGES.filter(({ hidden }) => !hidden);
