import { render } from 'preact';
import { App } from './app.tsx';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/parts.css';
import './styles/status.css';
import './styles/list.css';
import './styles/job.css';

render(<App />, document.getElementById('app')!);
