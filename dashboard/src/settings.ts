/** What a person chose for this browser, kept in it: colours, density, time zone, keys. */
import { effect, type Signal, signal } from '@preact/signals';

const PREFIX = 'backline.';

/** A browser may forbid storage; then a choice lasts as long as the page. */
const kept = <T extends string>(name: string, choices: readonly [T, ...T[]]): Signal<T> => {
  const read = (): T => {
    try {
      const found = localStorage.getItem(PREFIX + name) as T | null;
      return found && choices.includes(found) ? found : choices[0];
    } catch {
      return choices[0];
    }
  };
  const chosen = signal(read());
  effect(() => {
    try {
      localStorage.setItem(PREFIX + name, chosen.value);
    } catch {}
  });
  // Another tab chose. (Tests of what is pure run where there is no window.)
  globalThis.addEventListener?.('storage', ({ key }) => {
    if (key === PREFIX + name) chosen.value = read();
  });
  return chosen;
};

export const THEMES = ['system', 'light', 'dark'] as const;
export const theme = kept('theme', THEMES);
export const density = kept('density', ['compact', 'comfortable']);
export const zone = kept('zone', ['local', 'utc']);
/** Keys without Ctrl or Cmd get in the way of speech input: they can be switched off. */
export const singleKeys = kept('keys', ['on', 'off']);
/** Light → dark → as the system has it. */
export const nextTheme = (): void => {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length]!;
};

export const startSettings = (): void => {
  const { dataset } = document.documentElement;
  effect(() => {
    if (theme.value === 'system') delete dataset['theme'];
    else dataset['theme'] = theme.value;
  });
  effect(() => {
    dataset['density'] = density.value;
  });
};
