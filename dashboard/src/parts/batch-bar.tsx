/** How far a batch is: its jobs by what they came to, and those that are still to end. */
import type { JobView } from '../../../src/client.ts';
import { count } from '../time.ts';

export type Batch = NonNullable<JobView['batch']>;

const ENDS = ['completed', 'failed', 'timeout', 'cancelled'] as const;

export const endedOf = (batch: Batch): number => ENDS.reduce((sum, end) => sum + batch[end], 0);

export const policyText = (policy: Batch['policy']): string =>
  policy === 'finish'
    ? 'goes on when a job fails'
    : policy === 'fail-fast'
      ? 'ends when a job fails'
      : `needs ${count(policy.atLeast)} that complete`;

export const BatchBar = ({ batch }: { readonly batch: Batch }) => {
  const ended = endedOf(batch);
  return (
    <span class="batch-bar">
      <span class="bar" aria-hidden="true">
        {ENDS.filter((end) => batch[end] > 0).map((end) => (
          <i key={end} class={`s-${end}`} style={{ flexGrow: batch[end] }} />
        ))}
        {batch.total > ended && <i class="rest" style={{ flexGrow: batch.total - ended }} />}
      </span>
      <span class="figure">
        {count(ended)} of {count(batch.total)}
        {batch.open && '+'}
      </span>
    </span>
  );
};
