/** Settings → options of a JobManager, in one place for all commands that build one. */
import type { Resolved } from '../../config/settings.ts';
import type { Logger } from './logger.ts';

export const managerOptions = ({ settings, jobs, schedules }: Resolved, logger: Logger | false) => {
  const { defaultTimeout, stuckLoopLimit, maxRetries, processId, queues } = settings;
  const { keepCompleted, keepFailed, maxFinished, keepMetrics, keepAudit } = settings;
  const orNever = <T>(value: T | null): T | false => (value === null ? false : value);
  return {
    jobs: jobs ?? {},
    schedules,
    logger,
    queues: queues ?? undefined,
    processId: processId ?? undefined,
    // As text: a bare number would mean seconds.
    defaultTimeout: defaultTimeout === null ? (false as const) : `${defaultTimeout}ms`,
    maxAttempts: maxRetries + 1,
    retention: {
      completed: orNever(keepCompleted),
      failed: orNever(keepFailed),
      maxFinished: orNever(maxFinished),
      metrics: orNever(keepMetrics),
      audit: orNever(keepAudit),
    },
    stuckLoopLimit: orNever(stuckLoopLimit),
    maxConcurrentJobs: settings.maxConcurrentJobs,
    retryDelay: settings.retryDelay,
    progressUpdateInterval: settings.progressUpdateInterval,
    cleanupInterval: settings.cleanupInterval,
    pollInterval: settings.pollInterval,
    lease: settings.lease,
    grace: settings.grace,
    shutdownTimeout: settings.shutdownTimeout,
    maxPayloadBytes: settings.maxPayloadBytes,
    maxLogBytes: settings.maxLogBytes,
    ids: settings.ids,
    timeZone: settings.timeZone,
    durability: settings.durability,
    busyTimeout: settings.busyTimeout,
  };
};
