/** The frame around all pages: navigation, the page that the address names, and what lies over it. */
import { signal } from '@preact/signals';
import { type ComponentType, Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { addCommands, startKeyboard } from './commands.ts';
import { liveState, startLive, togglePause } from './live.ts';
import { NAVIGATION, PAGES, type PageProps, SIGN_IN } from './pages.ts';
import { Help } from './parts/help.tsx';
import { textOf } from './parts/live-mark.tsx';
import { Navigation } from './parts/navigation.tsx';
import { Page } from './parts/page.tsx';
import { Palette } from './parts/palette.tsx';
import { Toaster } from './parts/toaster.tsx';
import { Empty, Skeleton, TroubleView } from './parts/views.tsx';
import { href, match, navigate, path, startRouter } from './router.ts';
import { loadMe, signedOut } from './session.ts';
import { nextTheme, startSettings, theme } from './settings.ts';
import { startClock } from './time.ts';
import { say } from './toasts.ts';
import { type Trouble, troubleOf } from './trouble.ts';

/** What lies over the page. */
export const over = signal<'palette' | 'help' | null>(null);

const shut = (): void => {
  over.value = null;
};

const everywhere = () =>
  addCommands([
    ...NAVIGATION.map(({ name, key, paths }) => ({
      title: `Go to ${name}`,
      group: 'Pages',
      keys: key && `g ${key}`,
      run: () => navigate(paths[0]!),
    })),
    { title: 'Pause or go on', group: 'Everywhere', keys: 'p', run: togglePause },
    {
      title: 'Change the colours: light, dark, as the system',
      group: 'Everywhere',
      keys: 't',
      run: () => {
        nextTheme();
        say(`Colours: ${theme.value}`);
      },
    },
    { title: 'Show all keys', group: 'Everywhere', keys: '?', run: () => open('help') },
    { title: 'Search or run', group: 'Everywhere', keys: 'mod+k', keyOnly: true, run: () => open('palette') },
  ]);

const open = (which: 'palette' | 'help'): void => {
  over.value = which;
};

export const App = () => {
  useEffect(() => {
    startSettings();
    startClock();
    void loadMe();
    startLive();
    startKeyboard();
    const ends = [startRouter(), everywhere()];
    return () => {
      for (const end of ends) end();
    };
  }, []);
  const state = liveState.value;
  useEffect(() => {
    document.documentElement.toggleAttribute('data-stale', state === 'stale');
    if (state !== 'connecting') say(textOf(state));
  }, [state]);
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <Navigation onSearch={() => open('palette')} onHelp={() => open('help')} />
      <main id="main" tabIndex={-1}>
        <Current />
      </main>
      {over.value === 'palette' && <Palette onClose={shut} />}
      {over.value === 'help' && <Help onClose={shut} />}
      <Toaster />
    </>
  );
};

const Current = () => {
  const at = path.value;
  if (signedOut.value) return <Lazy key="signed out" entry={SIGN_IN} params={{}} />;
  for (const entry of PAGES)
    for (const pattern of entry.paths) {
      const params = match(pattern, at);
      // Another job is another page, with nothing of the first in it.
      if (params)
        return (
          <Fragment key={`${entry.name} ${Object.values(params).join(' ')}`}>
            <Lazy entry={entry} params={params} />
          </Fragment>
        );
    }
  return (
    <Page title="Nothing here">
      <Empty title="There is no such page">
        <p>
          <code>{at}</code> is the address of nothing. <a href={href('/')}>Go to the first page</a>
        </p>
      </Empty>
    </Page>
  );
};

type Loaded = { readonly Shown: ComponentType<PageProps> } | { readonly trouble: Trouble } | null;

const loaded = new Map<string, ComponentType<PageProps>>();

/** A page whose code is loaded when it is needed. Its heading takes the focus, so that a screen reader begins there. */
const Lazy = ({ entry, params }: { readonly entry: (typeof PAGES)[number] } & PageProps) => {
  const known = loaded.get(entry.name);
  const [state, setState] = useState<Loaded>(known ? { Shown: known } : null);
  const load = async (): Promise<void> => {
    try {
      const { default: Shown } = await entry.load();
      loaded.set(entry.name, Shown);
      setState({ Shown });
    } catch (error) {
      setState({
        trouble: { ...troubleOf(error), next: 'The server may run another version by now: load the page anew.' },
      });
    }
  };
  useEffect(() => {
    if (!known) void load();
  }, []);
  const ready = state !== null;
  useEffect(() => {
    if (ready && moved) document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
    moved ||= ready;
  }, [ready]);
  if (state && 'Shown' in state) return <state.Shown params={params} />;
  return (
    <Page title={entry.name}>
      {state ? <TroubleView trouble={state.trouble} what="This page" retry={load} /> : <Skeleton lines={8} />}
    </Page>
  );
};

/** The first page leaves the focus where the browser puts it. */
let moved = false;
