/**
 * Every operation of the API in one table: where it lives, what it needs, what it does. The contract adds the shapes; the typed
 * client needs no more than this, so that a page does not have to load the schemas.
 */

/** What a caller must be allowed to do: look, work with jobs, or change how the system works. Each includes those before it. */
export type Scope = 'read' | 'operate' | 'admin';

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Under /api. */
  readonly path: `/${string}`;
  readonly scope: Scope;
  /** The group in the reference. */
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly successStatus?: number;
  /** It makes something: a request with an Idempotency-Key may be sent again. */
  readonly creates?: true;
}

const jobs = {
  enqueue: {
    ...{ method: 'POST', path: '/jobs', scope: 'operate', tag: 'jobs', creates: true, successStatus: 201 },
    summary: 'Hand in a job.',
    description: 'The answer comes when the job is stored and synced to disk.',
  },
  enqueueMany: {
    ...{ method: 'POST', path: '/enqueue-many', scope: 'operate', tag: 'jobs', creates: true, successStatus: 201 },
    summary: 'Hand in many jobs in one transaction.',
    description: 'A job that clashes with another (id, key, parent) is reported as rejected, and the others go in.',
  },
  list: {
    ...{ method: 'GET', path: '/jobs', scope: 'read', tag: 'jobs' },
    summary: 'List jobs, page by page.',
    description: 'Every part of the filter must hold. Pass the `next` of a page as `after` to get the page behind it.',
  },
  count: {
    ...{ method: 'GET', path: '/count', scope: 'read', tag: 'jobs' },
    summary: 'Count the jobs of a filter.',
  },
  get: {
    ...{ method: 'GET', path: '/jobs/{id}', scope: 'read', tag: 'jobs' },
    summary: 'Show one job.',
  },
  explain: {
    ...{ method: 'GET', path: '/jobs/{id}/explanation', scope: 'read', tag: 'jobs' },
    summary: 'Say why a job does not run, or what it is doing.',
    description: 'Everything that holds it back at this moment, each with a sentence and what can be done about it.',
  },
  attempts: {
    ...{ method: 'GET', path: '/jobs/{id}/attempts', scope: 'read', tag: 'jobs' },
    summary: 'List the executions of a job, oldest first.',
  },
  logs: {
    ...{ method: 'GET', path: '/jobs/{id}/logs', scope: 'read', tag: 'jobs' },
    summary: 'Read what a job logged, oldest first.',
    description: 'Pass `next` as `after` to read on; it stays the same while there is nothing new.',
  },
  result: {
    ...{ method: 'GET', path: '/jobs/{id}/result', scope: 'read', tag: 'jobs' },
    summary: 'Wait for the result of a job.',
    description: 'A job that ended otherwise is an error: JOB_FAILED, JOB_TIMED_OUT or JOB_CANCELLED.',
  },
  cancel: {
    ...{ method: 'POST', path: '/jobs/{id}/cancel', scope: 'operate', tag: 'jobs' },
    summary: 'Cancel a job that waits, or ask a running one to stop.',
    description: 'A running job keeps its status until it has stopped; `cancelRequestedAt` says that it was asked.',
  },
  retry: {
    ...{ method: 'POST', path: '/jobs/{id}/retry', scope: 'operate', tag: 'jobs' },
    summary: 'Start a new life of a job that failed, timed out or was cancelled.',
  },
  replay: {
    ...{ method: 'POST', path: '/jobs/{id}/replay', scope: 'operate', tag: 'jobs', creates: true, successStatus: 201 },
    summary: 'Make a new job from an old one, with its payload or another.',
  },
  reprioritise: {
    ...{ method: 'POST', path: '/jobs/{id}/reprioritise', scope: 'operate', tag: 'jobs' },
    summary: 'Change the priority of a job that waits.',
  },
  reschedule: {
    ...{ method: 'POST', path: '/jobs/{id}/reschedule', scope: 'operate', tag: 'jobs' },
    summary: 'Change when a waiting job runs.',
  },
  runNow: {
    ...{ method: 'POST', path: '/jobs/{id}/run-now', scope: 'operate', tag: 'jobs' },
    summary: 'Run a waiting job as soon as there is a slot.',
  },
  pause: {
    ...{ method: 'POST', path: '/jobs/{id}/pause', scope: 'operate', tag: 'jobs' },
    summary: 'Hold a waiting job back until it is resumed.',
  },
  resume: {
    ...{ method: 'POST', path: '/jobs/{id}/resume', scope: 'operate', tag: 'jobs' },
    summary: 'Let a held job go on.',
  },
  remove: {
    ...{ method: 'DELETE', path: '/jobs/{id}', scope: 'admin', tag: 'jobs' },
    summary: 'Delete a job that does not run, with its history.',
  },
} as const satisfies Record<string, Route>;

const batches = {
  enqueue: {
    ...{ method: 'POST', path: '/batches', scope: 'operate', tag: 'batches', creates: true, successStatus: 201 },
    summary: 'Hand in a batch with its jobs, in one transaction.',
  },
  seal: {
    ...{ method: 'POST', path: '/batches/{id}/seal', scope: 'operate', tag: 'batches' },
    summary: 'Say that no more jobs of an open batch follow.',
  },
} as const satisfies Record<string, Route>;

const bulk = {
  cancel: {
    ...{ method: 'POST', path: '/bulk/cancel', scope: 'operate', tag: 'bulk' },
    summary: 'Cancel every job of a filter.',
  },
  retry: {
    ...{ method: 'POST', path: '/bulk/retry', scope: 'operate', tag: 'bulk' },
    summary: 'Start new lives of all jobs of a filter that failed, timed out or were cancelled.',
  },
  remove: {
    ...{ method: 'POST', path: '/bulk/remove', scope: 'admin', tag: 'bulk' },
    summary: 'Delete every job of a filter that does not run.',
  },
  preview: {
    ...{ method: 'POST', path: '/bulk/preview', scope: 'read', tag: 'bulk' },
    summary: 'Say to how many jobs something would be done, and why it would leave others alone.',
  },
  start: {
    ...{ method: 'POST', path: '/bulk', scope: 'operate', tag: 'bulk', creates: true, successStatus: 201 },
    summary: 'Do something to every job of a filter, as a job of its own.',
    description:
      'It works in steps, with progress and a log; cancelling it stops it between two of them. Its result says how many were done.',
  },
} as const satisfies Record<string, Route>;

const queues = {
  list: {
    ...{ method: 'GET', path: '/queues', scope: 'read', tag: 'queues' },
    summary: 'List queues with what waits and runs in them.',
  },
  pause: {
    ...{ method: 'POST', path: '/queues/{name}/pause', scope: 'operate', tag: 'queues' },
    summary: 'Start no more jobs of a queue, in every process.',
    description: 'Running jobs go on.',
  },
  resume: {
    ...{ method: 'POST', path: '/queues/{name}/resume', scope: 'operate', tag: 'queues' },
    summary: 'Start jobs of a queue again.',
  },
  limit: {
    ...{ method: 'PUT', path: '/queues/{name}/limit', scope: 'admin', tag: 'queues' },
    summary: 'Limit how many jobs of a queue run at once, over all processes.',
  },
} as const satisfies Record<string, Route>;

const schedules = {
  list: {
    ...{ method: 'GET', path: '/schedules', scope: 'read', tag: 'schedules' },
    summary: 'List schedules with their next runs, by id.',
  },
  get: {
    ...{ method: 'GET', path: '/schedules/{id}', scope: 'read', tag: 'schedules' },
    summary: 'Show one schedule.',
  },
  add: {
    ...{ method: 'POST', path: '/schedules', scope: 'admin', tag: 'schedules', successStatus: 201 },
    summary: 'Make a schedule.',
    description: 'With exactly one of `cron`, `interval` and `at`.',
  },
  update: {
    ...{ method: 'PATCH', path: '/schedules/{id}', scope: 'admin', tag: 'schedules' },
    summary: 'Change a schedule: what is given, and nothing else.',
    description: 'A trigger is given whole, and so are `options`. A new trigger counts from now.',
  },
  remove: {
    ...{ method: 'DELETE', path: '/schedules/{id}', scope: 'admin', tag: 'schedules' },
    summary: 'Remove a schedule. Its jobs and its history stay.',
  },
  pause: {
    ...{ method: 'POST', path: '/schedules/{id}/pause', scope: 'operate', tag: 'schedules' },
    summary: 'Run no slots until it is resumed, or until a time.',
    description: 'Running jobs go on.',
  },
  resume: {
    ...{ method: 'POST', path: '/schedules/{id}/resume', scope: 'operate', tag: 'schedules' },
    summary: 'Run its slots again, from the next one on.',
  },
  run: {
    ...{
      method: 'POST',
      path: '/schedules/{id}/run',
      scope: 'operate',
      tag: 'schedules',
      creates: true,
      successStatus: 201,
    },
    summary: 'Start a job of it now, beside its slots.',
    description: 'Also while it is paused; within its `maxInstances`. Sent again, it starts another one.',
  },
  next: {
    ...{ method: 'GET', path: '/schedules/{id}/next', scope: 'read', tag: 'schedules' },
    summary: 'Show its next runs in its zone, and what the next clock changes do to them.',
  },
  preview: {
    ...{ method: 'POST', path: '/schedule-preview', scope: 'read', tag: 'schedules' },
    summary: 'Show what a schedule would do, without making one.',
    description: 'With exactly one of `cron`, `interval` and `at`.',
  },
  runs: {
    ...{ method: 'POST', path: '/schedule-runs', scope: 'read', tag: 'schedules' },
    summary: 'Show the latest jobs of some schedules, newest first.',
    description: 'As far as they are stored: what retention has removed is only in the history.',
  },
  history: {
    ...{ method: 'GET', path: '/schedules/{id}/history', scope: 'read', tag: 'schedules' },
    summary: 'Show what happened to it, newest first: runs, missed and skipped slots, changes.',
    description: 'Also of a schedule that was removed.',
  },
} as const satisfies Record<string, Route>;

const system = {
  limits: {
    set: {
      ...{ method: 'PUT', path: '/limits/{key}', scope: 'admin', tag: 'limits' },
      summary: 'Limit how many jobs with a limit key run at once, over all queues and processes.',
    },
  },
  workers: {
    list: {
      ...{ method: 'GET', path: '/workers', scope: 'read', tag: 'workers' },
      summary: 'List workers: what they serve, what they run, when they were last heard of.',
    },
  },
  failures: {
    list: {
      ...{ method: 'GET', path: '/failures', scope: 'read', tag: 'figures' },
      summary: 'Group failed jobs by their error, whatever numbers stand in it.',
      description:
        'Of the newest 10,000 that failed or timed out. `fingerprint` finds all jobs of a group, in every filter.',
    },
  },
  stats: {
    get: {
      ...{ method: 'GET', path: '/stats', scope: 'read', tag: 'figures' },
      summary: 'Count the stored jobs by status and type.',
    },
  },
  metrics: {
    get: {
      ...{ method: 'GET', path: '/metrics', scope: 'read', tag: 'figures' },
      summary: 'Show what happened over time: rates, error rates, waiting and running times, depths.',
    },
  },
  health: {
    get: {
      ...{ method: 'GET', path: '/health', scope: 'read', tag: 'figures' },
      summary: 'Say whether all is well: the database, this process, the workers.',
    },
  },
  about: {
    get: {
      ...{ method: 'GET', path: '/about', scope: 'read', tag: 'figures' },
      summary: 'Say how the service is set up: its version, its database, its limits, what it keeps.',
    },
  },
} as const satisfies Record<string, Record<string, Route>>;

const live = {
  events: {
    watch: {
      ...{ method: 'GET', path: '/events', scope: 'read', tag: 'live' },
      summary: 'Follow what happens, as an event stream.',
      description:
        'Frames with the newest state of what changed, four times a second at most. After a break, `Last-Event-ID` (or `lastEventId`) goes on where it was; a frame of kind `gap` says that this is not possible: fetch anew. `/api/events/ws` is the same as a WebSocket.',
    },
  },
  uploads: {
    list: {
      ...{ method: 'GET', path: '/uploads', scope: 'read', tag: 'uploads' },
      summary: 'List uploads, newest first.',
    },
    get: {
      ...{ method: 'GET', path: '/uploads/{id}', scope: 'read', tag: 'uploads' },
      summary: 'Show how far an upload is, and what became of its job.',
    },
  },
} as const satisfies Record<string, Record<string, Route>>;

const access = {
  me: {
    get: {
      ...{ method: 'GET', path: '/me', scope: 'read', tag: 'access' },
      summary: 'Say who calls, and what that caller may do and see.',
    },
  },
  tokens: {
    list: {
      ...{ method: 'GET', path: '/tokens', scope: 'admin', tag: 'access' },
      summary: 'List tokens, without their secrets.',
    },
    create: {
      ...{ method: 'POST', path: '/tokens', scope: 'admin', tag: 'access', successStatus: 201 },
      summary: 'Make a token.',
      description: 'Its secret is in the answer, and nowhere else.',
    },
    revoke: {
      ...{ method: 'POST', path: '/tokens/{id}/revoke', scope: 'admin', tag: 'access' },
      summary: 'End a token, and all sessions that were begun with it, at once.',
    },
    rotate: {
      ...{ method: 'POST', path: '/tokens/{id}/rotate', scope: 'admin', tag: 'access' },
      summary: 'Give a token a new secret; the old one ends at once.',
    },
  },
  audit: {
    list: {
      ...{ method: 'GET', path: '/audit', scope: 'admin', tag: 'access' },
      summary: 'List who changed what, through which door, newest first.',
    },
  },
} as const satisfies Record<string, Record<string, Route>>;

export const ROUTES = { jobs, batches, bulk, queues, schedules, ...system, ...live, ...access } as const;

/** Every route by the name of its operation, such as `jobs.get`. */
export const allRoutes = (): [name: string, route: Route][] =>
  Object.entries<Record<string, Route>>(ROUTES).flatMap(([group, operations]) =>
    Object.entries(operations).map(([name, route]): [string, Route] => [`${group}.${name}`, route]),
  );
