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

/** It stands in the place of every page while nobody is signed in. */
export const SIGN_IN: PageEntry = {
  name: 'Sign in',
  icon: 'out',
  paths: ['/sign-in'],
  load: () => import('./pages/sign-in.tsx'),
  hidden: true,
};

export const PAGES: readonly PageEntry[] = [
  { name: 'Overview', icon: 'overview', key: 'o', paths: ['/'], load: () => import('./pages/overview.tsx') },
  { name: 'Jobs', icon: 'jobs', key: 'j', paths: ['/jobs'], load: () => import('./pages/jobs.tsx') },
  { name: 'Queues', icon: 'queues', key: 'q', paths: ['/queues'], load: () => import('./pages/queues.tsx') },
  { name: 'Queue', icon: 'queues', paths: ['/queues/:name'], load: () => import('./pages/queue.tsx'), hidden: true },
  {
    name: 'Schedules',
    icon: 'schedules',
    key: 's',
    paths: ['/schedules'],
    load: () => import('./pages/schedules.tsx'),
  },
  {
    name: 'Schedule',
    icon: 'schedules',
    paths: ['/schedules/:id'],
    load: () => import('./pages/schedule.tsx'),
    hidden: true,
  },
  { name: 'Batches', icon: 'batches', key: 'b', paths: ['/batches'], load: () => import('./pages/batches.tsx') },
  { name: 'Batch', icon: 'batches', paths: ['/batches/:id'], load: () => import('./pages/batch.tsx'), hidden: true },
  { name: 'Workers', icon: 'workers', key: 'w', paths: ['/workers'], load: () => import('./pages/workers.tsx') },
  { name: 'Errors', icon: 'errors', key: 'e', paths: ['/errors'], load: () => import('./pages/errors.tsx') },
  {
    ...{ name: 'Error', icon: 'errors', paths: ['/errors/:fingerprint'], hidden: true },
    load: () => import('./pages/error.tsx'),
  },
  { name: 'Audit', icon: 'audit', key: 'a', paths: ['/audit'], load: () => import('./pages/audit.tsx') },
  { name: 'Upload', icon: 'upload', key: 'u', paths: ['/upload'], load: () => import('./pages/upload.tsx') },
  { name: 'Settings', icon: 'settings', key: ',', paths: ['/settings'], load: () => import('./pages/settings.tsx') },
  SIGN_IN,
  { name: 'Job', icon: 'jobs', paths: ['/jobs/:id'], load: () => import('./pages/job.tsx'), hidden: true },
];

/** Those that the navigation shows. */
export const NAVIGATION = PAGES.filter(({ hidden }) => !hidden);
