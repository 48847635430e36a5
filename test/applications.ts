/** The application's manager for tests: impatient, and gone after each test. */
import { type ApplicationJobs, type ApplicationOptions, closeJobManager, getJobManager, type Jobs } from 'backline';
import { onTestFinished } from 'vitest';
import { IMPATIENT } from './managers.ts';

const HOUR = 3_600_000;

/** The application's manager, started; closed when the test is over. */
export const startApplication = async <J extends Jobs>(
  options: ApplicationOptions<J> = {},
): Promise<ApplicationJobs<J>> => {
  const jobs = getJobManager({ ...IMPATIENT, ...options });
  onTestFinished(() => closeJobManager({ wait: false }));
  await jobs.start();
  return jobs;
};

/** What a job returned, when it has ended. */
export const resultOf = <J extends Jobs>(jobs: ApplicationJobs<J>, id: string): Promise<unknown> =>
  jobs.manager.result(id);

export const inAnHour = (): Date => new Date(Date.now() + HOUR);
