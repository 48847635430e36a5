import { render } from 'preact';
import { App } from './app.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/status.css';
import './styles/list.css';
import './styles/job.css';
import './styles/system.css';
import './styles/schedules.css';
import './styles/upload.css';
import './styles/settings.css';
import './styles/access.css';

// The address of this page changes while one moves about, and the browser would look for its picture relative to that.
for (const link of document.querySelectorAll<HTMLLinkElement>('link[rel="icon"]')) link.setAttribute('href', link.href);

render(<App />, document.getElementById('app')!);
