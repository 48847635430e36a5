import type { ComponentChildren } from 'preact';
import { useEffect } from 'preact/hooks';

interface PageProps {
  /** Of the browser's tab. */
  readonly title: string;
  /** What stands as the heading; the title if not given. */
  readonly heading?: ComponentChildren;
  readonly aside?: ComponentChildren;
  readonly actions?: ComponentChildren;
  /** Fills the height of the window and scrolls within itself. */
  readonly fixed?: boolean;
  readonly children: ComponentChildren;
}

/** The frame of every page: its heading, what can be done, its content. */
export const Page = ({ title, heading = title, aside, actions, fixed = false, children }: PageProps) => {
  useEffect(() => {
    document.title = `${title} – Backline`;
  }, [title]);
  return (
    <div class={fixed ? 'page fixed' : 'page'}>
      <header class="head">
        <h1 tabIndex={-1}>{heading}</h1>
        {aside}
        {actions && <div class="actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
};
