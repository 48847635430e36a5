/** What a person chose for this browser, kept in it: colours, density, time zone, keys. */
import { effect, type Signal, signal } from '@preact/signals';

const PREFIX = 'backline.';

/** A browser may forbid storage; then a choice lasts as long as the page. The first choice is what holds without one. */
const kept = <T extends string>(
  name: string,
  choices: readonly [T, ...T[]],
  allows = (text: string): boolean => choices.includes(text as T),
): Signal<T> => {
  const read = (): T => {
    try {
      const found = localStorage.getItem(PREFIX + name);
      return found !== null && allows(found) ? (found as T) : choices[0];
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
/** Whether this browser knows a time zone of that name. */
export const isZone = (text: string): boolean => {
  try {
    return Intl.DateTimeFormat('en', { timeZone: text }) !== null;
  } catch {
    return false;
  }
};
/** `local` as this browser has it, `utc`, or the name of a zone. */
export const zone = kept<string>('zone', ['local', 'utc'], (text) => /^(local|utc)$/.test(text) || isZone(text));
/** How clocks are read: 15:00, or 3:00 pm. */
export const hours = kept('hours', ['24', '12']);
export const motion = kept('motion', ['system', 'reduced']);
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
    dataset['motion'] = motion.value;
  });
};
