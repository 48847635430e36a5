import { type AnyJobType, type Jobs, job } from 'backline';
import { describeRunner } from './describe-runner.ts';
import { jobs } from './programs/handlers.ts';

const handlers = jobs as unknown as Readonly<Record<string, AnyJobType | AnyJobType['run']>>;

describeRunner('in-process', {
  jobs: (names, options = {}) =>
    Object.fromEntries(
      names.map((name) => {
        const run = handlers[name]!;
        return [name, typeof run === 'function' ? job({ ...options, run }) : { ...options, ...run }];
      }),
    ) as Jobs,
  kills: false,
  stack: /handlers\.ts:\d+/,
  apart: false,
  prints: false,
});
