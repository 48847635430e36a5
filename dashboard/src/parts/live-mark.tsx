/** Whether what one sees is what is. */
import { lastHeard } from '../heard.ts';
import { type LiveState, liveState, polling, togglePause } from '../live.ts';
import { clock } from '../time.ts';
import { Keys } from './button.tsx';

export const textOf = (state: LiveState): string => {
  if (state === 'live') return 'Live';
  if (state === 'paused') return 'Paused';
  if (state === 'connecting') return 'Connecting';
  if (state === 'reconnecting') return 'Reconnecting';
  return lastHeard.value === null ? 'Not reached' : `Stale since ${clock(lastHeard.value)}`;
};

export const LiveMark = () => {
  const state = liveState.value;
  const how = polling.value ? 'looks every 5 seconds' : 'told of every change';
  return (
    <button
      type="button"
      class={`live ${state}`}
      onClick={togglePause}
      aria-pressed={state === 'paused'}
      title={state === 'paused' ? 'Go on' : `Pause (${how})`}
    >
      <i aria-hidden="true" />
      <span>{textOf(state)}</span>
      <Keys keys={state === 'paused' || state === 'live' ? 'p' : undefined} />
    </button>
  );
};
