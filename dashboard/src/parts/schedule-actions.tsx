/** What may be done to a schedule now: nothing is offered that the server would refuse. */
import { useState } from 'preact/hooks';
import type { ScheduleAction, ScheduleView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { type Command, useCommands } from '../commands.ts';
import { tellChanged } from '../live.ts';
import { navigate } from '../router.ts';
import { full } from '../time.ts';
import { toast, toastTrouble } from '../toasts.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';

interface Offer {
  readonly action: ScheduleAction;
  readonly text: string;
  readonly keys?: string;
  readonly primary?: boolean;
  readonly danger?: boolean;
}

/** In the order of the buttons. Keys as on a job: `n` runs now, `e` edits. */
const OFFERS: readonly Offer[] = [
  { action: 'run', text: 'Run now', keys: 'n', primary: true },
  { action: 'resume', text: 'Resume' },
  { action: 'pause', text: 'Pause' },
  { action: 'update', text: 'Edit', keys: 'e' },
  { action: 'remove', text: 'Remove', danger: true },
];

interface ActionsProps {
  readonly schedule: ScheduleView;
  readonly onDone: () => Promise<void>;
  readonly onEdit?: () => void;
  /** In a line of the list: what is done often, without keys. */
  readonly small?: boolean;
}

export const ScheduleActions = ({ schedule, onDone, onEdit, small = false }: ActionsProps) => {
  const [asked, setAsked] = useState<'pause' | 'remove' | null>(null);
  const { id } = schedule;
  const offers = OFFERS.filter(
    ({ action }) => schedule.allowed.includes(action) && (!small || (action !== 'update' && action !== 'remove')),
  );
  const finish = async () => {
    tellChanged('schedules');
    await onDone();
  };
  const act = async ({ action }: Offer) => {
    if (action === 'update') return onEdit?.();
    if (action === 'pause' || action === 'remove') return setAsked(action);
    if (action === 'run') {
      const made = await api.schedules.run({ id });
      toast(`${id}: a job of it was started.`, { to: `/jobs/${encodeURIComponent(made.id)}`, text: 'Follow it' });
    } else {
      const { nextAt } = await api.schedules.resume({ id });
      toast(`${id} goes on${nextAt ? `: next at ${full(nextAt)}` : ''}.`);
    }
    await finish();
  };
  useCommands(small ? NONE : offers.map((offer) => commandOf(offer, act)));
  return (
    <>
      {offers.map((offer) => (
        <Button
          key={offer.action}
          onClick={() => act(offer)}
          failed={`${id}: ${offer.text} did not work`}
          primary={!small && offer.primary}
          danger={offer.danger}
          keys={small ? undefined : offer.keys}
          label={small ? `${offer.text}: ${id}` : undefined}
          small={small}
        >
          {offer.text}
        </Button>
      ))}
      {asked === 'pause' && <PauseDialog schedule={schedule} onClose={() => setAsked(null)} onDone={finish} />}
      {asked === 'remove' && <RemoveDialog schedule={schedule} onClose={() => setAsked(null)} />}
    </>
  );
};

const NONE: readonly Command[] = [];

const commandOf = (offer: Offer, act: (offer: Offer) => unknown): Command => ({
  ...{ title: `${offer.text}: this schedule`, group: 'This schedule', keys: offer.keys },
  run: async () => {
    try {
      await act(offer);
    } catch (error) {
      toastTrouble(`${offer.text} did not work`, error);
    }
  },
});

interface DialogProps {
  readonly schedule: ScheduleView;
  readonly onClose: () => void;
  readonly onDone: () => Promise<void>;
}

const PauseDialog = ({ schedule: { id, version }, onClose, onDone }: DialogProps) => {
  const [reason, setReason] = useState('');
  const [until, setUntil] = useState('');
  const end = until ? new Date(until) : null;
  return (
    <Dialog title={`Pause ${id}`} onClose={onClose}>
      <p class="quiet">No slot runs until it is resumed. What runs already goes on.</p>
      <label class="field">
        Why (shown to others)
        <input
          autofocus
          maxLength={1000}
          value={reason}
          onInput={({ currentTarget }) => setReason(currentTarget.value)}
        />
      </label>
      <label class="field">
        Until, in the time zone of this browser (empty: until somebody resumes it)
        <input type="datetime-local" value={until} onInput={({ currentTarget }) => setUntil(currentTarget.value)} />
      </label>
      <footer>
        <Button
          primary
          failed={`${id} was not paused`}
          onClick={async () => {
            await api.schedules.pause({
              ...{ id, version },
              ...(reason.trim() && { reason: reason.trim() }),
              ...(end && { until: end.toISOString() }),
            });
            onClose();
            toast(`${id} is paused${end ? ` until ${full(end.getTime())}` : ''}.`);
            await onDone();
          }}
        >
          Pause it
        </Button>
        <Button onClick={onClose}>Leave it</Button>
      </footer>
    </Dialog>
  );
};

const RemoveDialog = ({ schedule: { id, version }, onClose }: Omit<DialogProps, 'onDone'>) => (
  <Dialog title={`Remove ${id}?`} onClose={onClose}>
    <p>It starts no more jobs. Those that it has started stay, and so does its history for a while.</p>
    <footer>
      <Button
        danger
        failed={`${id} was not removed`}
        onClick={async () => {
          await api.schedules.remove({ id, version });
          onClose();
          tellChanged('schedules');
          toast(`${id} was removed.`);
          navigate('/schedules');
        }}
      >
        Remove it
      </Button>
      <Button onClick={onClose}>Keep it</Button>
    </footer>
  </Dialog>
);
