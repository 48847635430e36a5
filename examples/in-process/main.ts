/** Background work inside one program: functions, a time to run at, and one job manager for the whole application. */
import { closeJobManager, getJobManager } from 'backline';

const sendEmail = async (to: string, options: { subject: string }) => {
  await new Promise((resolve) => setTimeout(resolve, 50));
  console.log(`sent "${options.subject}" to ${to}`);
};

const ingest = () => {
  console.log('ingested 3 documents');
  return { documents: 3 };
};

const jobs = getJobManager(); // the same object in every module
await jobs.start();

// Now, without waiting for it.
const id = await jobs.addImmediateJob(ingest, { jobId: 'ingest_1' });
await jobs.addImmediateJob(sendEmail, { args: ['ada@example.test', { subject: 'Welcome' }] });

// Once, at a time.
const soon = new Date(Date.now() + 200);
await jobs.addScheduledJob(sendEmail, soon, { args: ['ada@example.test', { subject: 'Your report' }] });

// Again and again, never twice at once.
await jobs.addRecurringJob(ingest, { intervalSeconds: 0.3, jobId: 'ingest_again' });

// Later, unless somebody changes their mind.
const reminder = await jobs.addScheduledJob(sendEmail, '2099-01-01T09:00:00+01:00', {
  args: ['ada@example.test', { subject: 'Reminder' }],
});
await jobs.pauseJob(reminder);
await jobs.resumeJob(reminder);
for (const { name, trigger, nextRunTime } of await jobs.getJobs())
  console.log(`${name}: ${trigger.kind}, next ${nextRunTime?.toISOString() ?? 'never'}`);
await jobs.removeJob(reminder);

console.log(await jobs.manager.result(id)); // { documents: 3 }
while (!(await jobs.getJob('ingest_again'))?.result) await new Promise((resolve) => setTimeout(resolve, 20));
await jobs.removeJob('ingest_again');
while ((await jobs.getJobs()).length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
await closeJobManager(); // waits for what runs
