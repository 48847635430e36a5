/** What SQLite keeps in its own way; the rest of a row is read in src/store/rows.ts. */
import type { BatchInfo } from '../../job/batch.ts';
import type { ClaimedJob, Job } from '../../job/job.ts';
import { claimedFrom, jobFrom, number, text, toTags } from '../rows.ts';
import type { Row, Value } from './driver.ts';

/** @param batch what a batch has beside it; see sql/batch.ts. */
export const toJob = (row: Row, batch: BatchInfo | null): Job =>
  jobFrom(row, {
    payload: JSON.parse(text(row['large'] ? row['large_payload'] : row['payload'])),
    tags: toTags(row['tags']),
    timeoutMs: milliseconds(row['timeout_seconds']),
    totalMs: milliseconds(row['total_seconds']),
    batch,
  });

export const toClaimed = (row: Row): ClaimedJob => claimedFrom(row, milliseconds(row['timeout_seconds']));

const milliseconds = (seconds: Value | undefined): number | null =>
  seconds === null ? null : Math.round(number(seconds) * 1000);
