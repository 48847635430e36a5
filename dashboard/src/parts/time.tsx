import { ago, full, now } from '../time.ts';

/** How long ago, or in how long; exactly on hover, and for programs. */
export const Time = ({ at }: { readonly at: string }) => (
  <time dateTime={at} title={full(at)}>
    {ago(at, now.value)}
  </time>
);
