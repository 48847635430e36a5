import type { CheckedJobType } from '../job/define.ts';
import type { Runner } from './runner.ts';

/** Calls the handler here. It cannot be killed: after a time-out it can only be asked to stop, by its signal. */
export const inProcess: Runner = {
  name: 'in-process',
  slots: Number.POSITIVE_INFINITY,
  kills: false,
  run: ({ type, payload, ctx }) => type.run!(payload, ctx),
  onSlots: () => () => {},
  close: async () => {},
};

/** What executes jobs of a type: its own runner, or this process. */
export const runnerOf = ({ runner }: CheckedJobType): Runner =>
  typeof runner === 'object' ? (runner as Runner) : inProcess;
