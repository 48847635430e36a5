/** What PostgreSQL keeps in its own way; the rest of a row is read in src/store/rows.ts. */
import {
  type BatchCounts,
  type BatchInfo,
  type CallbackKind,
  type FailurePolicy,
  noBatchCounts,
} from '../../job/batch.ts';
import type { ClaimedJob, Job } from '../../job/job.ts';
import { claimedFrom, flag, jobFrom, number, numberOrNull, text, textOrNull, toTags } from '../rows.ts';
import type { Row } from './driver.ts';
import type { Place } from './positions.ts';

export const toJob = (row: Row): Job =>
  jobFrom(row, {
    payload: JSON.parse(text(row['payload'])),
    tags: toTags(row['tag_list']),
    timeoutMs: numberOrNull(row['timeout_ms']),
    totalMs: numberOrNull(row['total_ms']),
    batch: toBatchInfo(row),
  });

/** What a page shows of a row that is a batch. What has ended says itself how; of what runs the row brings the counts with it. */
const toBatchInfo = (row: Row): BatchInfo | null => {
  if (row['policy'] === null) return null;
  const { counts, callbacks } = JSON.parse(text(row['batch'])) as BatchColumn;
  const result = textOrNull(row['result']);
  return {
    policy: JSON.parse(text(row['policy'])) as FailurePolicy,
    open: flag(row['open']),
    ...(result === null ? { ...noBatchCounts(), ...counts } : (JSON.parse(result) as BatchCounts)),
    callbacks: callbacks ?? [],
  };
};

/** As sql/read.ts makes it. */
interface BatchColumn {
  readonly counts: Partial<BatchCounts> | null;
  readonly callbacks: readonly { readonly on: CallbackKind; readonly type: string; readonly id: string }[] | null;
}

export const toClaimed = (row: Row): ClaimedJob => claimedFrom(row, numberOrNull(row['timeout_ms']));

/** Where a waiting row stands. */
export const toPlace = (row: Row): Place => ({
  queue: text(row['queue']),
  type: text(row['type']),
  priority: number(row['priority']),
  runAt: number(row['run_at']),
  seq: number(row['seq']),
});
