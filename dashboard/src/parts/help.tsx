import { apiUrl } from '../api.ts';
import { type Command, commands, isMac } from '../commands.ts';
import { density, nextTheme, singleKeys, theme } from '../settings.ts';
import { Dialog } from './dialog.tsx';

/** Every key that does something here, and how to do without. */
export const Help = ({ onClose }: { readonly onClose: () => void }) => {
  const groups = Map.groupBy(
    commands().filter(({ keys }) => keys),
    ({ group }) => group,
  );
  return (
    <Dialog title="Keys" onClose={onClose} class="help-dialog">
      <div class="columns">
        {[...groups].map(([group, list]) => (
          <section key={group}>
            <h3>{group}</h3>
            <dl>{list.map(Line)}</dl>
          </section>
        ))}
      </div>
      <footer>
        <label>
          <input
            type="checkbox"
            checked={singleKeys.value === 'on'}
            onChange={({ currentTarget }) => {
              singleKeys.value = currentTarget.checked ? 'on' : 'off';
            }}
          />
          Keys without {isMac ? 'Cmd' : 'Ctrl'} do something
        </label>
        <label>
          <input
            type="checkbox"
            checked={density.value === 'comfortable'}
            onChange={({ currentTarget }) => {
              density.value = currentTarget.checked ? 'comfortable' : 'compact';
            }}
          />
          More room between lines
        </label>
        <button type="button" class="button" onClick={nextTheme}>
          Colours: {theme}
        </button>
        <a href={apiUrl('/docs')} data-outside>
          The API
        </a>
      </footer>
    </Dialog>
  );
};

const Line = ({ title, keys }: Command) => (
  <div key={title}>
    <dt>{title}</dt>
    <dd>
      {shown(keys!).map((key) => (
        <kbd key={key}>{key}</kbd>
      ))}
    </dd>
  </div>
);

const shown = (keys: string): string[] => keys.replace('mod+', isMac ? '⌘ ' : 'Ctrl ').split(' ');
