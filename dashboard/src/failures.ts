import { api } from './api.ts';
import { isWide } from './live.ts';
import { useResource } from './resource.ts';

/** The errors that failed jobs have; they are worked out from many jobs, so not anew for each that ends. */
export const useFailures = (limit: number) =>
  useResource(
    `failures ${limit}`,
    (signal) => api.failures.list({ limit }, { signal }),
    (frame) => isWide(frame) || (frame.kind === 'job' && frame.status !== 'queued' && frame.status !== 'running'),
    10_000,
  );
