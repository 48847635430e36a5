/**
 * A small application with the one job manager of its process: `application.ts <database>`. It hands in a function that runs until
 * it is told to end, and two that wait; it says what it has reached, and ends by the signal it is sent.
 */
import { getJobManager } from 'backline';

const [database = ':memory:'] = process.argv.slice(2);
const say = (word: string) => console.log(word);

const until = new Promise((resolve) => process.stdin.once('data', resolve));

const jobs = getJobManager({ database, logger: false, pollInterval: 50, maxConcurrentJobs: 1 });
await jobs.start();
jobs.manager.on('job-completed', ({ jobId }) => say(`completed ${jobId}`));
await jobs.addImmediateJob(
  async () => {
    say('running');
    await until;
    return 'ended in peace';
  },
  { jobId: 'running' },
);
await jobs.addImmediateJob(() => say('never said'), { jobId: 'waiting' });
await jobs.addScheduledJob(() => say('never said'), new Date(Date.now() + 3_600_000), { jobId: 'later' });
say('ready');
