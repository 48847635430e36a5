/** A worker process with child processes; the tests kill it, its children, or both. `parent.ts FILE python|node|busy` */
import { fileURLToPath } from 'node:url';
import { JobManager, job, WorkerPool } from 'backline';

const [file, kind] = process.argv.slice(2) as [string, string];
const program = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const runner = new WorkerPool({
  ...(kind === 'python'
    ? { command: ['/usr/bin/python3', program('survivor.py')] }
    : { module: program('survivor.ts') }),
  maxWorkers: 2,
  workerArgs: [kind],
});
const work = job({ runner, backoff: { kind: 'fixed', delay: 10 }, maxCrashes: 10 });
const manager = new JobManager(file, {
  jobs: { work },
  pollInterval: 20,
  lease: 4000,
  shutdownTimeout: 200,
  logger: false,
});
manager.on('job-progress', ({ note }) => console.log(note));
manager.on('job-completed', ({ jobId }) => console.log(`completed ${jobId}`));
await manager.start();
console.log('started');
