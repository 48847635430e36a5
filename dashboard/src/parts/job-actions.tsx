/** What may be done to a job now: nothing that the server would refuse is offered, since it says itself what is allowed. */
import { useState } from 'preact/hooks';
import type { Action, JobView } from '../../../src/client.ts';
import { api } from '../api.ts';
import { useCommands } from '../commands.ts';
import { navigate } from '../router.ts';
import { toast, toastTrouble } from '../toasts.ts';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { PriorityDialog, ReplayDialog, TimeDialog } from './job-dialogs.tsx';

type Asked = Extract<Action, 'replay' | 'reschedule' | 'reprioritise' | 'remove'>;

interface Offer {
  readonly action: Action;
  readonly text: string;
  readonly keys?: string;
  readonly primary?: boolean;
  readonly danger?: boolean;
  readonly done?: string;
}

/** In the order of the buttons. */
const OFFERS: readonly Offer[] = [
  { action: 'retry', text: 'Retry', keys: 'r', primary: true, done: 'It runs again.' },
  { action: 'runNow', text: 'Run now', keys: 'n', primary: true, done: 'It runs as soon as there is a slot.' },
  { action: 'resume', text: 'Let it go on', primary: true, done: 'It is no longer held.' },
  { action: 'seal', text: 'Seal', done: 'No more jobs follow.' },
  { action: 'replay', text: 'Edit and run again', keys: 'e' },
  { action: 'reschedule', text: 'Reschedule' },
  { action: 'reprioritise', text: 'Priority' },
  { action: 'pause', text: 'Hold', done: 'It waits until it is let go on.' },
  { action: 'cancel', text: 'Cancel', keys: 'c', danger: true, done: 'It was cancelled, or asked to stop.' },
  { action: 'remove', text: 'Delete', danger: true },
];

const ASKED: ReadonlySet<Action> = new Set<Asked>(['replay', 'reschedule', 'reprioritise', 'remove']);

const run = (action: Action, id: string): Promise<unknown> => {
  if (action === 'seal') return api.batches.seal({ id });
  const { retry, runNow, resume, pause, cancel } = api.jobs;
  const verbs: Partial<Record<Action, (input: { id: string }) => Promise<unknown>>> = {
    retry,
    runNow,
    resume,
    pause,
    cancel,
  };
  return verbs[action]!({ id });
};

interface JobActionsProps {
  readonly job: JobView;
  readonly onDone: () => Promise<void>;
  /** Only the first few, as beside a list. */
  readonly small?: boolean;
}

export const JobActions = ({ job, onDone, small = false }: JobActionsProps) => {
  const [asked, setAsked] = useState<Asked | null>(null);
  const offers = OFFERS.filter(({ action }) => job.allowed.includes(action));
  const act = async ({ action, done }: Offer) => {
    if (ASKED.has(action)) return setAsked(action as Asked);
    await run(action, job.id);
    toast(done ?? 'Done.');
    await onDone();
  };
  useCommands(
    offers.map((offer) => ({
      title: offer.text,
      group: small ? 'The job beside the list' : 'This job',
      keys: offer.keys,
      run: () => void act(offer).catch((error) => toastTrouble(`${offer.text} did not work`, error)),
    })),
  );
  const shut = () => setAsked(null);
  const shown = small ? offers.filter(({ primary, keys, danger }) => primary || (keys && danger)) : offers;
  return (
    <>
      {shown.map((offer) => (
        <Button
          key={offer.action}
          onClick={() => act(offer)}
          failed={`${offer.text} did not work`}
          primary={offer.primary}
          danger={offer.danger}
          keys={offer.keys}
          small={small}
        >
          {offer.text}
        </Button>
      ))}
      {asked === 'replay' && <ReplayDialog job={job} onClose={shut} />}
      {asked === 'reschedule' && <TimeDialog job={job} onClose={shut} onDone={onDone} />}
      {asked === 'reprioritise' && <PriorityDialog job={job} onClose={shut} onDone={onDone} />}
      {asked === 'remove' && <RemoveDialog id={job.id} onClose={shut} />}
    </>
  );
};

const RemoveDialog = ({ id, onClose }: { readonly id: string; readonly onClose: () => void }) => (
  <Dialog title="Delete this job?" onClose={onClose}>
    <p>The job, its attempts and its log are gone for good.</p>
    <footer>
      <Button
        danger
        failed="It was not deleted"
        onClick={async () => {
          await api.jobs.remove({ id });
          toast('The job was deleted.');
          onClose();
          navigate('/jobs');
        }}
      >
        Delete it
      </Button>
      <Button onClick={onClose}>Keep it</Button>
    </footer>
  </Dialog>
);
