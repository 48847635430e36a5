/** The schedules of a knowledge vault, as they are written by users: three times at night, and once a week. */
import type { CronOptions } from 'backline';

export const NIGHTLY = {
  concept_hygiene: { cron: '0 2 * * *' },
  vault_sync: { cron: '0 3 * * *' },
  maintenance: { cron: '0 4 * * *' },
  batch_processing: { cron: '0 5 * * sun' },
} as const satisfies Record<string, CronOptions>;
