/** What may be done to a queue now; a pause and its end can be undone at once. */
import { useState } from 'preact/hooks';
import type { QueueView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { useCommands } from '../commands.ts';
import { toast, toastTrouble } from '../toasts.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

interface QueueActionsProps {
  readonly queue: QueueView;
  readonly onDone: () => unknown;
  readonly small?: boolean;
}

type Asked = 'pause' | 'limit' | null;

export const QueueActions = ({ queue, onDone, small = false }: QueueActionsProps) => {
  const [asked, setAsked] = useState<Asked>(null);
  const { name, paused, allowed } = queue;
  const shut = () => setAsked(null);
  const resume = () => change(queue, 'resume', onDone);
  useCommands(
    small
      ? []
      : [
          {
            title: `Pause ${name} …`,
            group: 'This queue',
            keys: 'h',
            when: () => allowed.includes('pause'),
            run: () => setAsked('pause'),
          },
          {
            ...{ title: `Let ${name} go on`, group: 'This queue', keys: 'h', when: () => allowed.includes('resume') },
            run: () => void resume().catch((error) => toastTrouble(`${name} stays paused`, error)),
          },
          {
            title: `Limit ${name} …`,
            group: 'This queue',
            keys: 'l',
            when: () => allowed.includes('limit'),
            run: () => setAsked('limit'),
          },
        ],
  );
  return (
    <>
      {allowed.includes('resume') && (
        <Button
          small={small}
          primary={!small}
          keys={small ? undefined : 'h'}
          label={small ? `Let it go on: ${name}` : undefined}
          failed={`${name} stays paused`}
          onClick={resume}
        >
          Let it go on
        </Button>
      )}
      {allowed.includes('pause') && (
        <Button
          small={small}
          keys={small ? undefined : 'h'}
          label={small ? `Pause … ${name}` : undefined}
          onClick={() => setAsked('pause')}
        >
          Pause …
        </Button>
      )}
      {allowed.includes('limit') && (
        <Button
          small={small}
          keys={small ? undefined : 'l'}
          label={small ? `Limit … ${name}` : undefined}
          onClick={() => setAsked('limit')}
        >
          Limit …
        </Button>
      )}
      {asked === 'pause' && !paused && <PauseDialog queue={queue} onDone={onDone} onClose={shut} />}
      {asked === 'limit' && <LimitDialog queue={queue} onDone={onDone} onClose={shut} />}
    </>
  );
};

/** What was there before is set again by the way back. */
const change = async (
  { name, pausedReason, pausedUntil }: QueueView,
  to: 'pause' | 'resume',
  onDone: () => unknown,
  given: { reason?: string; until?: string } = {},
): Promise<void> => {
  if (to === 'pause') await api.queues.pause({ name, ...given });
  else await api.queues.resume({ name });
  const back = async () => {
    if (to === 'pause') await api.queues.resume({ name });
    else await api.queues.pause({ name, reason: pausedReason ?? undefined, until: pausedUntil ?? undefined });
    await onDone();
  };
  toast(to === 'pause' ? `${name} is paused.` : `${name} goes on.`, {
    text: 'Undo',
    run: () => void back().catch((error) => toastTrouble('That could not be undone', error)),
  });
  await onDone();
};

interface AskProps extends QueueActionsProps {
  readonly onClose: () => void;
}

const LENGTHS = [
  ['', 'until somebody lets it go on'],
  ['15', 'for 15 minutes'],
  ['60', 'for an hour'],
  ['240', 'for 4 hours'],
  ['1440', 'for a day'],
] as const;

const PauseDialog = ({ queue, onDone, onClose }: AskProps) => {
  const [reason, setReason] = useState('');
  const [minutes, setMinutes] = useState('');
  const pause = async () => {
    const until = minutes ? new Date(Date.now() + Number(minutes) * 60_000).toISOString() : undefined;
    await change(queue, 'pause', onDone, { reason: reason.trim() || undefined, until });
    onClose();
  };
  return (
    <Dialog title={`Pause ${queue.name}`} onClose={onClose}>
      <p class="quiet">No more of its jobs are started, in any process. Those that run go on.</p>
      <label class="field">
        Why, for others to read
        <input
          autofocus
          maxLength={1000}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      <label class="field">
        How long
        <select value={minutes} onChange={({ currentTarget }) => setMinutes(currentTarget.value)}>
          {LENGTHS.map(([value, text]) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <footer>
        <Button primary failed="It was not paused" onClick={pause}>
          Pause it
        </Button>
        <Button onClick={onClose}>Leave it</Button>
      </footer>
    </Dialog>
  );
};

const LimitDialog = ({ queue, onDone, onClose }: AskProps) => {
  const { name, maxRunning, counts } = queue;
  const [text, setText] = useState(maxRunning === null ? '' : String(maxRunning));
  const wrong = text !== '' && !/^\d{1,7}$/.test(text.trim());
  const limit = async () => {
    const next = text.trim() === '' ? null : Number(text);
    await api.queues.limit({ name, maxRunning: next });
    const undo = async () => {
      await api.queues.limit({ name, maxRunning });
      await onDone();
    };
    toast(next === null ? `${name} has no limit any more.` : `At most ${next} of ${name} run at once.`, {
      text: 'Undo',
      run: () => void undo().catch((error) => toastTrouble('That could not be undone', error)),
    });
    await onDone();
    onClose();
  };
  return (
    <Dialog title={`Limit ${name}`} onClose={onClose}>
      <label class="field">
        How many of its jobs may run at once, over all processes
        <input
          autofocus
          inputMode="numeric"
          placeholder="no limit"
          value={text}
          aria-invalid={wrong}
          onInput={({ currentTarget }) => setText(currentTarget.value)}
        />
      </label>
      <p class="quiet">
        {counts.running} run now. Nothing that runs is stopped by a lower limit; 0 starts nothing more. Leave it empty
        for no limit.
      </p>
      <footer>
        <Button primary disabled={wrong} failed="The limit stays as it is" onClick={limit}>
          Set it
        </Button>
        <Button onClick={onClose}>Leave it</Button>
      </footer>
    </Dialog>
  );
};
