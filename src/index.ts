/** What users import. */
export { defineConfig } from './config/file.ts';
export type { Config } from './config/options.ts';
export type { JobField, JobFields } from './doors/drop/job-file.ts';
export type { DropEvent, DropJobOptions } from './doors/drop/room.ts';
export type { JobSchedulerOptions } from './doors/drop/scheduler-options.ts';
export { type JobStatus, readStatus, type StatusError } from './doors/drop/status-file.ts';
export { type CatalogJob, type SubmitOptions, submitJob } from './doors/drop/submit.ts';
export { Uploads, type UploadsOptions } from './doors/drop/uploads.ts';
export { JobScheduler } from './doors/drop/watcher.ts';
export type { LiveOptions } from './doors/http/live.ts';
export { type RunningServer, type ServerOptions, startServer } from './doors/http/server.ts';
export { closeJobManager, getJobManager } from './engine/application.ts';
export type { ApplicationJob, Trigger } from './engine/application-job.ts';
export type { ApplicationJobs, ApplicationOptions, ShutdownOptions } from './engine/application-jobs.ts';
export type {
  FunctionOptions,
  RecurringFunction,
  RecurringOptions,
  RecurringType,
  TypeOptions,
} from './engine/application-options.ts';
export type { AuditLine, AuditQuery, AuditRecord } from './engine/audit.ts';
export type { Bulk, BulkAudit, BulkRequest, BulkResult, BulkStart } from './engine/bulk.ts';
export { Client } from './engine/client.ts';
export type { Enqueued, EnqueuedBatch, EnqueuedItem, EnqueueItem } from './engine/enqueued.ts';
export type { EventMap, EventName, JobEvent } from './engine/events.ts';
export type { Failures, FailuresOptions } from './engine/failures.ts';
export type { Health, JobStatistics, LoopHealth } from './engine/health.ts';
export { JobManager } from './engine/job-manager.ts';
export type { KeyOptions } from './engine/keyring.ts';
export type { Logger } from './engine/log.ts';
export type { ManagerOptions } from './engine/manager-options.ts';
export type {
  FlowCounts,
  Metrics,
  MetricsFigures,
  MetricsOptions,
  MetricsPoint,
  Percentiles,
  QueueFigures,
} from './engine/metrics.ts';
export type { BatchCallback, BatchRequest } from './engine/new-batch.ts';
export { explainTrigger, type NextRunsOptions, nextRuns } from './engine/next-runs.ts';
export type { Processor, ProcessorState } from './engine/processor.ts';
export type { Rotation } from './engine/rotation.ts';
export type { ScheduleInfo } from './engine/schedule-info.ts';
export type { RegisterOutcome, ScheduleGuard, Schedules } from './engine/schedules.ts';
export type { NewToken, TokenInfo, TokenRequest } from './engine/tokens.ts';
export type { Which } from './engine/which.ts';
export { BacklineError } from './job/backline-error.ts';
export type { Backoff } from './job/backoff.ts';
export type { BatchCounts, BatchEnd, BatchInfo, CallbackKind, FailurePolicy } from './job/batch.ts';
export type { BulkAction, BulkPreview, SkipReason } from './job/bulk.ts';
export type { Duration } from './job/check.ts';
export type { Context, JobInfo, JobLog, Progress } from './job/context.ts';
export {
  type AnyJobType,
  type InputOf,
  type Jobs,
  type JobType,
  type JobTypeOptions,
  job,
  type ResultOf,
} from './job/define.ts';
export type { EnqueueOptions, Transaction } from './job/enqueue-options.ts';
export type { FailureGroup, NameCount } from './job/failure-groups.ts';
export type { JobFilter, PageOptions } from './job/filter.ts';
export type { Attempt, AttemptOutcome, Failure, Job, LogLevel, LogLine } from './job/job.ts';
export { NoRetryError, RetryAfterError } from './job/outcome.ts';
export type { JobExplanation, Reason } from './job/reason.ts';
export { SECRET_NAMES } from './job/secrets.ts';
export type { Holder } from './job/standing.ts';
export { type FinalStatus, STATUSES, type Status, shownStatus } from './job/states.ts';
export { WorkerPool, type WorkerPoolOptions } from './runner/child-pool.ts';
export type { WorkerEnvironment } from './runner/environment.ts';
export { pythonWorkerFolder } from './runner/module.ts';
export { ThreadPool, type ThreadPoolOptions } from './runner/thread-pool.ts';
export type { BusinessDays, Calendar, TimeWindow, Weekday } from './schedule/calendar.ts';
export type { DaylightSaving } from './schedule/cron.ts';
export type { ClockChange, ExplainedRun, Explanation } from './schedule/explain.ts';
export type { MissedPolicy } from './schedule/missed.ts';
export type { HistoryEntry, HistoryKind, OverlapPolicy, ScheduleCounts, SchedulePause } from './schedule/record.ts';
export type { ScheduleChanges, ScheduledOptions, ScheduleRequest } from './schedule/request.ts';
export type { CronOptions, Instant, IntervalOptions, OnceOptions, TriggerOptions } from './schedule/schedule.ts';
export type { IntegrityReport, JobPage, QueueRow, StoreStats, WorkerRow } from './store/store.ts';
export type { Clock } from './util/clock.ts';
