/** The status page as HTML: no script, nothing from elsewhere, every text escaped. */
import type { JobStatus, QueueStatus, StatusReport, WorkerStatus } from './status.ts';

/** How often the page loads itself anew, in seconds. */
export const REFRESH_SECONDS = 5;

const SHAPES: Readonly<Record<string, string>> = {
  created: '◇',
  scheduled: '◷',
  queued: '○',
  running: '▶',
  retrying: '↻',
  completed: '✓',
  failed: '✕',
  timeout: '✕',
  cancelled: '⊘',
};

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text that is safe within an element and within a quoted attribute. */
export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);

/** @param refresh whether the page loads itself anew. */
export const statusPage = (report: StatusReport, refresh: boolean): string => {
  const { failed, timeout, running, queued } = report.counts;
  const title = `${running} running, ${queued} queued, ${failed + timeout} failed`;
  const body = [
    problemOf(report),
    countsOf(report),
    report.total === 0 ? '' : jobsOf(report.newest, report.total),
    queuesOf(report.queues),
    workersOf(report.workers),
  ];
  return page(title, body.join('\n'), report.at, refresh);
};

/** What is shown while the database does not answer. */
export const troublePage = (message: string, at: string, refresh: boolean): string =>
  page(
    'The database does not answer',
    `<p class="problem" role="alert"><strong>The database does not answer.</strong> ${escapeHtml(message)}</p>`,
    at,
    refresh,
  );

/** @param problem why the last try was refused, or null. */
export const signInPage = (problem: string | null): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in – Backline</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
<header><h1>Backline</h1></header>
<main>
<h2>Sign in</h2>
${problem === null ? '' : `<p class="problem" role="alert">${escapeHtml(problem)}</p>`}
<form method="post" action="sign-in">
<p><label for="token">Token</label> <input id="token" name="token" type="password" autocomplete="current-password" required autofocus></p>
<p><button type="submit">Sign in</button></p>
</form>
<p>Tokens are made on the machine of the service: <code>backline tokens create</code></p>
</main>
</body>
</html>
`;

const page = (title: string, body: string, at: string, refresh: boolean): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${refresh ? `<meta http-equiv="refresh" content="${REFRESH_SECONDS}">` : ''}
<title>${escapeHtml(title)} – Backline</title>
<link rel="stylesheet" href="style.css">
</head>
<body>
<header>
<h1>Backline</h1>
<p>As of ${instant(at)}. ${refresh ? `Loads anew every ${REFRESH_SECONDS} seconds. <a href="?refresh=off">Stop that</a>` : '<a href="?">Keep it up to date</a>'}</p>
</header>
<main>
${body}
</main>
<footer><p>For programs: <a href="status.json">status.json</a>, <a href="healthz">healthz</a>, <a href="readyz">readyz</a>. More on the command line: <code>backline help</code></p></footer>
</body>
</html>
`;

const problemOf = ({ ok, workers, counts }: StatusReport): string => {
  const alive = workers.some((worker) => worker.alive);
  const sentences: string[] = [];
  if (!ok) sentences.push('<strong>Something is wrong here.</strong> Find out what with <code>backline doctor</code>.');
  if (!alive && counts.queued > 0)
    sentences.push(
      `<strong>No worker is alive, and ${counted(counts.queued, 'job')} ${counts.queued === 1 ? 'waits' : 'wait'}.</strong> Start one with <code>backline work</code>.`,
    );
  return sentences.map((text) => `<p class="problem" role="alert">${text}</p>`).join('\n');
};

const countsOf = ({ counts, total }: StatusReport): string => {
  if (total === 0)
    return `<section aria-labelledby="jobs"><h2 id="jobs">No jobs yet</h2>
<p>Hand one in, and it shows up here: <code>backline add JOB '{"like": "this"}'</code></p></section>`;
  const items = Object.entries(counts).map(
    ([status, n]) => `<li class="${status}"><b>${n.toLocaleString('en-US')}</b> ${state(status)}</li>`,
  );
  return `<section aria-labelledby="states"><h2 id="states">${counted(total, 'job')}</h2>\n<ul class="counts">\n${items.join('\n')}\n</ul></section>`;
};

const jobsOf = (jobs: readonly JobStatus[], total: number): string =>
  tableOf(
    jobs.length < total ? `The newest ${jobs.length} jobs` : 'Jobs, the newest first',
    ['State', 'Job', 'Queue', 'Attempt', 'Progress', 'Created', 'What is known'],
    jobs.map(({ id, type, queue, shown, progress, note, attempts, maxAttempts, createdAt, error }) => [
      state(shown),
      `${escapeHtml(type)}<br><code>${escapeHtml(id)}</code>`,
      escapeHtml(queue),
      `${attempts} of ${maxAttempts}`,
      `<progress max="100" value="${progress}" aria-label="Progress of ${escapeHtml(id)}">${progress} %</progress> ${Math.floor(progress)} %`,
      instant(createdAt),
      escapeHtml(error ?? note ?? ''),
    ]),
  );

const queuesOf = (queues: readonly QueueStatus[]): string =>
  queues.length === 0
    ? ''
    : tableOf(
        'Queues',
        ['Queue', 'State', 'Queued', 'Running', 'Limit', 'Failed', 'Oldest wait'],
        queues.map(({ counts, maxRunning, oldestWaitMs, ...queue }) => [
          escapeHtml(queue.name),
          queue.paused ? pauseOf(queue) : '<span aria-hidden="true">▶</span> open',
          counts.queued.toLocaleString('en-US'),
          counts.running.toLocaleString('en-US'),
          maxRunning === null ? 'none' : String(maxRunning),
          (counts.failed + counts.timeout).toLocaleString('en-US'),
          oldestWaitMs === null ? 'none' : seconds(oldestWaitMs),
        ]),
      );

const pauseOf = ({ pausedReason, pausedUntil }: Pick<QueueStatus, 'pausedReason' | 'pausedUntil'>): string => {
  const until = pausedUntil ? ` until ${instant(pausedUntil)}` : '';
  const reason = pausedReason ? `: ${escapeHtml(pausedReason)}` : '';
  return `<span class="paused"><span aria-hidden="true">‖</span> paused</span>${until}${reason}`;
};

const workersOf = (workers: readonly WorkerStatus[]): string =>
  workers.length === 0
    ? '<section aria-labelledby="workers"><h2 id="workers">No workers</h2><p>Start one with <code>backline work</code>.</p></section>'
    : tableOf(
        'Workers',
        ['Worker', 'State', 'Running', 'Queues', 'Last heard'],
        workers.map(({ name, alive, running, slots, queues, lastHeardMs }) => [
          escapeHtml(name),
          alive
            ? '<span class="completed"><span aria-hidden="true">▶</span> alive</span>'
            : '<span class="failed"><span aria-hidden="true">✕</span> silent</span>',
          `${running} of ${slots}`,
          escapeHtml(queues?.join(', ') ?? 'all'),
          `${seconds(lastHeardMs)} ago`,
        ]),
      );

/** A table that scrolls by itself on a narrow screen, also by keyboard. */
const tableOf = (caption: string, headings: readonly string[], rows: readonly (readonly string[])[]): string => {
  const head = headings.map((heading) => `<th scope="col">${heading}</th>`).join('');
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`).join('\n');
  return `<div class="scroll" role="region" aria-label="${escapeHtml(caption)}" tabindex="0">
<table>
<caption>${escapeHtml(caption)}</caption>
<thead><tr>${head}</tr></thead>
<tbody>
${body}
</tbody>
</table></div>`;
};

/** Word, shape and colour, never colour alone. */
const state = (status: string): string =>
  `<span class="${escapeHtml(status)}"><span aria-hidden="true">${SHAPES[status] ?? '·'}</span> ${escapeHtml(status)}</span>`;

const instant = (iso: string): string => `<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`;

const seconds = (ms: number): string => {
  if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
  return ms < 3_600_000 ? `${Math.floor(ms / 60_000)} min` : `${Math.floor(ms / 3_600_000)} h`;
};

const counted = (n: number, noun: string): string => `${n.toLocaleString('en-US')} ${noun}${n === 1 ? '' : 's'}`;
