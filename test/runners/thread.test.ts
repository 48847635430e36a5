import { job, ThreadPool } from 'backline';
import { describeRunner } from './describe-runner.ts';

describeRunner('thread', {
  jobs: (names, options = {}) => {
    const runner = new ThreadPool({ module: new URL('./programs/handlers.ts', import.meta.url), maxThreads: 2 });
    return Object.fromEntries(names.map((name) => [name, job({ ...options, runner })]));
  },
  kills: true,
  stack: /handlers\.ts:\d+/,
  apart: true,
  prints: false,
});
