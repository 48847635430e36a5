import { isMac } from '../commands.ts';
import { NAVIGATION, PAGES } from '../pages.ts';
import { href, match, path } from '../router.ts';
import { bounds, me, signedOut, signOut } from '../session.ts';
import { singleKeys } from '../settings.ts';
import { Button } from './button.tsx';
import { Icon } from './icon.tsx';
import { LiveMark } from './live-mark.tsx';

interface NavigationProps {
  readonly onSearch: () => void;
  readonly onHelp: () => void;
}

/** The side of the window; on narrow ones a bar above, with the pages behind a button. */
export const Navigation = ({ onSearch, onHelp }: NavigationProps) => (
  <header class="side">
    <a class="brand" href={href('/')}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M8 1l7 7-7 7-7-7z" />
      </svg>
      backline
    </a>
    {!signedOut.value && <Pages />}
    <div class="tools">
      <Who />
      <LiveMark />
      {!signedOut.value && (
        <button type="button" class="button find" onClick={onSearch} aria-keyshortcuts={isMac ? 'Meta+K' : 'Control+K'}>
          <Icon name="search" />
          <span>Search</span>
          <kbd aria-hidden="true">{isMac ? '⌘K' : 'Ctrl K'}</kbd>
        </button>
      )}
      <button type="button" class="button plain help" onClick={onHelp} aria-label="Keys and help">
        <Icon name="keyboard" />
      </button>
    </div>
  </header>
);

const Pages = () => (
  <>
    <button type="button" class="button plain menu" popovertarget="pages" aria-label="Pages">
      <Icon name="menu" />
    </button>
    <nav id="pages" popover="auto" aria-label="Pages" onClick={hide}>
      <ul>
        {NAVIGATION.map(({ name, icon, key, paths }) => (
          <li key={name}>
            <a href={href(paths[0]!)} aria-current={isCurrent(name) ? 'page' : undefined}>
              <Icon name={icon} />
              <span>{name}</span>
              {key && singleKeys.value === 'on' && <kbd aria-hidden="true">g {key}</kbd>}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  </>
);

/** Who is signed in, and what that means; nothing on the machine of the service, where nobody has to say. */
const Who = () => {
  const { name, signedIn } = me.value ?? {};
  if (!signedIn || signedOut.value) return null;
  return (
    <div class="who">
      <span>
        <strong>{name}</strong>
        {bounds.value && <span class="quiet">{bounds.value}</span>}
      </span>
      <Button small label="Sign out" failed="You are still signed in" onClick={signOut}>
        <Icon name="leave" />
      </Button>
    </div>
  );
};

/** A page that the navigation does not show belongs to the one whose address it continues. */
const isCurrent = (name: string): boolean => {
  const found = PAGES.find(({ paths }) => paths.some((pattern) => match(pattern, path.value)));
  const shown = found?.hidden
    ? NAVIGATION.find(({ paths }) => found.paths.some((one) => one.startsWith(`${paths[0]}/`)))
    : found;
  return shown?.name === name;
};

const hide = ({ currentTarget, target }: MouseEvent): void => {
  const nav = currentTarget as HTMLElement;
  if ((target as Element).closest('a') && nav.matches(':popover-open')) nav.hidePopover();
};
