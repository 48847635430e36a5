/**
 * A small application whose end is watched from outside: `closing.ts <scenario> <database>`. It says what it has reached, a line each,
 * and must then end by itself or by the signal it is sent.
 */
import { JobManager, job } from 'backline';

const [scenario = '', database = ''] = process.argv.slice(2);
const say = (word: string) => console.log(word);

process.on('exit', (code) => say(`exit ${code}`));

const never = new Promise<void>(() => {});
const jobs = {
  quick: job({ run: () => 'done' }),
  /** Ends a moment after its signal fired, or after 300 ms. */
  slow: job({
    run: async (_: unknown, ctx) => {
      say('running');
      await new Promise((resolve) => setTimeout(resolve, 300));
      say(ctx.signal.aborted ? 'aborted' : 'worked');
    },
  }),
  obedient: job({
    run: (_: unknown, ctx) =>
      new Promise((_resolve, reject) => {
        say('running');
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason));
      }),
  }),
  deaf: job({
    run: () => {
      say('running');
      return never;
    },
  }),
};

const options = { jobs, grace: 50, pollInterval: 50, logger: false, shutdownTimeout: '5s' } as const;

const scenarios: Record<string, () => Promise<unknown>> = {
  /** Everything a program does, and then nothing holds it open. */
  closes: async () => {
    const manager = new JobManager(database, options);
    await manager.start();
    say(String(await manager.result(await manager.enqueue('quick', null))));
    await manager.close();
    say('closed');
  },
  using: async () => {
    await using manager = new JobManager(database, options);
    await manager.start();
    say(String(await manager.result(await manager.enqueue('quick', null))));
  },
  /** A program that only hands in work need not close. */
  client: async () => {
    const manager = new JobManager(database, { ...options, worker: false });
    await manager.start();
    await manager.enqueue('quick', null, { id: 'left' });
    say('handed in');
  },
  /** The time-out of five minutes of a job that was given up must not hold the process open. */
  deaf: async () => {
    const manager = new JobManager(database, options);
    await manager.start();
    await manager.enqueue('deaf', null, { id: 'deaf' });
    while ((await manager.get('deaf'))?.status !== 'running') await new Promise((resolve) => setTimeout(resolve, 5));
    await manager.close({ timeout: 20 });
    say('closed');
  },
  /** Another program holds the lock: what cannot be written is given up after a while. */
  locked: async () => {
    const manager = new JobManager(database, options);
    await manager.start();
    await manager.enqueue('slow', null, { id: 'slow' });
    process.stdin.once('data', () => {
      process.stdin.destroy();
      void manager.close({ timeout: 0 }).then(() => say('closed'));
    });
  },
  signal: async () => {
    const manager = new JobManager(database, options);
    await manager.start();
    await manager.enqueue('slow', null, { id: 'slow' });
  },
  obedient: async () => {
    const manager = new JobManager(database, { ...options, shutdownTimeout: 50 });
    await manager.start();
    await manager.enqueue('obedient', null, { id: 'slow' });
  },
  'deaf signal': async () => {
    const manager = new JobManager(database, { ...options, shutdownTimeout: '1h' });
    await manager.start();
    await manager.enqueue('deaf', null, { id: 'deaf' });
  },
  /** The host has a mind of its own about signals. */
  host: async () => {
    process.on('SIGTERM', () => say('host heard'));
    const manager = new JobManager(database, options);
    await manager.start();
    await manager.enqueue('slow', null, { id: 'slow' });
  },
  /** Two managers in one process end together. */
  both: async () => {
    const managers = [new JobManager(database, options), new JobManager(`${database}2`, options)];
    for (const manager of managers) await manager.start();
    for (const manager of managers) await manager.enqueue('slow', null, { id: 'slow' });
  },
  unheard: async () => {
    const manager = new JobManager(database, { ...options, handleSignals: false });
    await manager.start();
    await manager.enqueue('slow', null, { id: 'slow' });
  },
};

await scenarios[scenario]!();
