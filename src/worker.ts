/** What a program imports that does the work of a `WorkerPool`: small, without the database. */
export { BacklineError } from './job/backline-error.ts';
export type { Context, JobInfo, JobLog, Progress } from './job/context.ts';
export { job } from './job/define.ts';
export { NoRetryError, RetryAfterError } from './job/outcome.ts';
export { serve } from './runner/child-serve.ts';
export type { Handler, Handlers } from './runner/serving.ts';
