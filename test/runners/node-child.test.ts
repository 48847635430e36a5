import { job, WorkerPool } from 'backline';
import { describeRunner } from './describe-runner.ts';

describeRunner('Node child', {
  jobs: (names, options = {}) => {
    const runner = new WorkerPool({ module: new URL('./programs/handlers.ts', import.meta.url), maxWorkers: 2 });
    return Object.fromEntries(names.map((name) => [name, job({ ...options, runner })]));
  },
  kills: true,
  stack: /handlers\.ts:\d+/,
  apart: true,
  prints: true,
});
