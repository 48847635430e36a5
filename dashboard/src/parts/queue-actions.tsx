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
  const shut = () => setAsked(null);
  const offers = offersOf(queue, onDone, setAsked);
  useCommands(
    small
      ? []
      : offers.map(({ text, keys, failed, run }) => ({
          ...{ title: `${queue.name}: ${text}`, group: 'This queue', keys },
          run: () => void Promise.resolve(run()).catch((error) => toastTrouble(failed, error)),
        })),
  );
  return (
    <>
      {offers.map(({ text, keys, failed, primary, run }) => (
        <Button
          key={text}
          {...{ small, failed }}
          primary={primary && !small}
          keys={small ? undefined : keys}
          label={small ? `${text} ${queue.name}` : undefined}
          onClick={run}
        >
          {text}
        </Button>
      ))}
      {asked === 'pause' && !queue.paused && <PauseDialog queue={queue} onDone={onDone} onClose={shut} />}
      {asked === 'limit' && <LimitDialog queue={queue} onDone={onDone} onClose={shut} />}
    </>
  );
};

interface Offer {
  readonly text: string;
  readonly keys: string;
  readonly failed: string;
  readonly primary?: boolean;
  readonly run: () => unknown;
}

/** What the server would refuse is not offered. */
const offersOf = (queue: QueueView, onDone: () => unknown, ask: (what: Asked) => void): Offer[] => {
  const offers: Readonly<Record<QueueView['allowed'][number], Offer>> = {
    resume: {
      ...{ text: 'Let it go on', keys: 'h', failed: 'It stays paused', primary: true },
      run: () => change(queue, 'resume', onDone),
    },
    pause: { text: 'Pause …', keys: 'h', failed: 'It was not paused', run: () => ask('pause') },
    limit: { text: 'Limit …', keys: 'l', failed: 'The limit stays as it is', run: () => ask('limit') },
  };
  return queue.allowed.map((action) => offers[action]);
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
