/** Why a job does not run, or what it is doing. */
import { api } from '../api.ts';
import { copy } from '../clipboard.ts';
import { isOfJob, isWide } from '../live.ts';
import { useResource } from '../resource.ts';
import { Card } from './card.tsx';
import { Loaded } from './views.tsx';

const COMMAND = /(?:^|: )(backline .+)$/;

interface WhyProps {
  readonly id: string;
  readonly running: boolean;
  readonly title?: string;
}

export const Why = ({ id, running, title = running ? 'What it is doing' : 'Why it does not run' }: WhyProps) => {
  const why = useResource(
    `why ${id}`,
    (signal) => api.jobs.explain({ id }, { signal }),
    (frame) => isWide(frame) || frame.kind !== 'job' || isOfJob(frame, id),
  );
  return (
    <Card title={title}>
      <Loaded of={why} what="The reasons">
        {({ reasons }) => (
          <ul class="reasons">
            {reasons.map(({ code, says, next }) => (
              <li key={code}>
                <p>{says}</p>
                {next && <Next text={next} />}
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Card>
  );
};

/** What can be done about it; a command can be copied. */
const Next = ({ text }: { readonly text: string }) => {
  const command = COMMAND.exec(text)?.[1];
  if (!command) return <p class="quiet">{text}</p>;
  return (
    <p class="quiet row">
      {text.slice(0, text.length - command.length)}
      <code>{command}</code>
      <button type="button" class="button small" onClick={() => void copy(command, 'The command')}>
        Copy
      </button>
    </p>
  );
};
