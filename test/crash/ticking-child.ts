/** A process that fires schedules, by a clock of the test's choice; the tests kill it. */
import { JobManager } from '../../src/engine/job-manager.ts';
import { job } from '../../src/job/define.ts';
import type { Clock } from '../../src/util/clock.ts';
import { heard, orderOf, report } from './report.ts';

export interface TickingOrder {
  readonly database: string;
  readonly name: string;
  /** A clock that runs `times` as fast, from an instant on that all processes agree about; the system's if not given. */
  readonly fast?: { readonly times: number; readonly since: number };
}

const order = orderOf<TickingOrder>();

const TELL_MS = 250;

/** Tells that it moved, because timers do not run any faster. */
const fastClock = ({ times, since }: NonNullable<TickingOrder['fast']>): Clock => ({
  now: () => Math.round(since + (Date.now() - since) * times),
  monotonic: () => performance.now() * times,
  onMove: (listener) => {
    const timer = setInterval(listener, TELL_MS).unref();
    return () => clearInterval(timer);
  },
});

const beat = job({ run: (_: unknown, ctx) => report('ran', { schedule: ctx.job.scheduleId, slot: ctx.job.slotAt }) });

const manager = new JobManager(order.database, {
  jobs: { beat },
  processId: order.name,
  logger: false,
  pollInterval: 250,
  // By a fast clock a heartbeat in real time would look like none.
  lease: '1h',
  durability: 'process',
  ...(order.fast && { clock: fastClock(order.fast) }),
});
manager.on('clock-jumped', ({ byMs }) => report('jumped', { byMs }));
await manager.start();
report('ready');
await heard('stop');
await manager.close();
report('closed');
// What was listened to would hold the process open.
process.stdin.destroy();
