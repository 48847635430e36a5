import type { CheckedJobType } from '../job/define.ts';
import type { Store } from '../store/store.ts';
import type { Clock } from '../util/clock.ts';
import type { SystemDefaults } from './new-job.ts';
import type { Results } from './results.ts';

/** What the client needs from those who built it. */
export interface ClientParts {
  readonly store: Store;
  readonly types: ReadonlyMap<string, CheckedJobType>;
  readonly defaults: SystemDefaults;
  readonly clock: Clock;
  readonly results: Pick<Results, 'of'>;
  /** Something may be claimable now that was not before. */
  readonly wake: () => void;
}
