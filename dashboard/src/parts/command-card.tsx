import { copy } from '../clipboard.ts';
import { Card } from './card.tsx';
import { Icon } from './icon.tsx';
import { JsonBlock } from './json.tsx';

/** The same on the command line, to be copied, and all that the API says of it. @param what as in "Copied: The job". */
export const CommandCard = ({
  commands,
  value,
  what,
}: {
  readonly commands: readonly string[];
  readonly value: unknown;
  readonly what: string;
}) => (
  <Card title="On the command line">
    <ul class="commands">
      {commands.map((command) => (
        <li key={command} class="row">
          <code>{command}</code>
          <button
            type="button"
            class="button plain small"
            aria-label={`Copy ${command}`}
            onClick={() => void copy(command, 'The command')}
          >
            <Icon name="copy" />
          </button>
        </li>
      ))}
    </ul>
    <details>
      <summary>Everything, as JSON</summary>
      <JsonBlock value={value} what={what} />
    </details>
  </Card>
);
