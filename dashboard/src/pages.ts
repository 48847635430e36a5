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
  { name: 'Overview', icon: 'overview', key: 'o', paths: ['/'], load: () => import('./pages/overview.tsx') },
  { name: 'Jobs', icon: 'jobs', key: 'j', paths: ['/jobs'], load: () => import('./pages/jobs.tsx') },
  { name: 'Queues', icon: 'queues', key: 'q', paths: ['/queues'], load: () => import('./pages/queues.tsx') },
  { name: 'Queue', icon: 'queues', paths: ['/queues/:name'], load: () => import('./pages/queue.tsx'), hidden: true },
  { name: 'Batches', icon: 'batches', key: 'b', paths: ['/batches'], load: () => import('./pages/batches.tsx') },
  { name: 'Batch', icon: 'batches', paths: ['/batches/:id'], load: () => import('./pages/batch.tsx'), hidden: true },
  { name: 'Workers', icon: 'workers', key: 'w', paths: ['/workers'], load: () => import('./pages/workers.tsx') },
  { name: 'Errors', icon: 'errors', key: 'e', paths: ['/errors'], load: () => import('./pages/errors.tsx') },
  {
    ...{ name: 'Error', icon: 'errors', paths: ['/errors/:fingerprint'], hidden: true },
    load: () => import('./pages/error.tsx'),
  },
  { name: 'Job', icon: 'jobs', paths: ['/jobs/:id'], load: () => import('./pages/job.tsx'), hidden: true },
];

/** Those that the navigation shows. */
export const NAVIGATION = PAGES.filter(({ hidden }) => !hidden);
