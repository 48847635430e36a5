/** One example of a body for each operation that takes one; a test checks them against the contract. */
export const examples: Readonly<Record<string, unknown>> = {
  'jobs.enqueue': {
    type: 'welcome',
    payload: { email: 'ada@example.test' },
    options: { queue: 'emails', priority: 3, delay: '5m' },
  },
  'jobs.enqueueMany': {
    jobs: [
      { type: 'thumbnail', payload: { path: 'a.jpg' } },
      { type: 'thumbnail', payload: { path: 'b.jpg' }, options: { tags: ['album'] } },
    ],
  },
  'jobs.cancel': { reason: 'handed in by mistake' },
  'jobs.replay': { payload: { email: 'ada.lovelace@example.test' } },
  'jobs.reprioritise': { priority: 1 },
  'jobs.reschedule': { runAt: '2030-01-31T08:00:00+01:00' },
  'batches.enqueue': {
    type: 'album',
    jobs: [{ type: 'thumbnail', payload: { path: 'a.jpg' } }],
    failurePolicy: { atLeast: 1 },
    onEnd: { type: 'report' },
  },
  'bulk.cancel': { which: { q: 'status:queued queue:emails' }, reason: 'the server is away' },
  'bulk.retry': { which: { status: ['failed'], createdAfter: '2026-01-31T00:00:00Z' } },
  'bulk.remove': { which: { status: ['cancelled'] } },
  'queues.pause': { reason: 'maintenance', until: '2030-01-31T08:00:00Z' },
  'queues.limit': { maxRunning: 5 },
  'schedules.add': {
    ...{ id: 'nightly-report', type: 'report', payload: { pages: 3 }, cron: '30 2 * * *', timeZone: 'Europe/Berlin' },
    ...{ calendar: { businessDays: true }, missed: { window: '2h' }, options: { queue: 'reports', timeout: '10m' } },
  },
  'schedules.update': { interval: '15m', jitter: '30s', version: 3 },
  'schedules.pause': { reason: 'the printer is broken', until: '2030-01-31T08:00:00Z' },
  'schedules.resume': { version: 4 },
  'limits.set': { maxRunning: 2 },
  'tokens.create': { name: 'nightly report', scope: 'read', tenants: ['acme'], expiresIn: '30d' },
};
