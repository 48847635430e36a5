/** What programs and pages import that talk to a service which runs elsewhere: `backline/client`. Needs nothing of Node. */

export type { AboutView } from './doors/api/contract-about.ts';
export type { UploadView } from './doors/api/contract-live.ts';
export type { FeedFilter } from './doors/api/frame-filter.ts';
export type { Frame, GapFrame, JobFrame, QueueFrame, ServiceFrame, WorkerFrame } from './doors/api/frames.ts';
export { type ApiClient, type CallContext, type ClientOptions, createClient } from './doors/api/http-client.ts';
export type { Scope } from './doors/api/routes.ts';
export type {
  HistoryEntryView,
  NextRunsView,
  ScheduleAction,
  ScheduledJobView,
  ScheduleView,
} from './doors/api/schedule-shapes.ts';
export type {
  AttemptView,
  FailuresView,
  HealthView,
  JobView,
  LogLineView,
  MetricsView,
  Problem,
  QueueView,
  StatsView,
  WorkerView,
} from './doors/api/shapes.ts';
export type { Action } from './job/actions.ts';
export { BacklineError } from './job/backline-error.ts';
