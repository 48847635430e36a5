/** The look of the status page. Colours of states have a contrast of at least 6.5 on their background, in both schemes. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f8fafc; --card: #ffffff; --text: #0f172a; --quiet: #475569; --line: #cbd5e1; --link: #1d4ed8; --alert: #fef2f2;
  --scheduled: #6d28d9; --waiting: #475569; --running: #1d4ed8; --retrying: #92400e;
  --completed: #166534; --failed: #b91c1c; --cancelled: #57534e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0b1120; --card: #111a2e; --text: #e2e8f0; --quiet: #cbd5e1; --line: #334155; --link: #93c5fd; --alert: #3b1219;
    --scheduled: #c4b5fd; --waiting: #cbd5e1; --running: #93c5fd; --retrying: #fcd34d;
    --completed: #86efac; --failed: #fca5a5; --cancelled: #d6d3d1;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 80rem; background: var(--page); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
h1 { font-size: 1.5rem; margin: 0; }
h2, caption { font-size: 1.125rem; font-weight: 600; margin: 1rem 0 .5rem; text-align: left; }
header p, footer p { color: var(--quiet); margin: .25rem 0; }
footer { margin-top: 1rem; }
a { color: var(--link); display: inline-block; min-height: 1.5rem; }
:focus-visible { outline: .1875rem solid var(--link); outline-offset: .125rem; }
code { font: .875rem/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
.counts { display: grid; grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); gap: .5rem; margin: 0; padding: 0; list-style: none; }
.counts li, .scroll, .problem { background: var(--card); border: .0625rem solid var(--line); border-radius: .5rem; padding: .5rem .75rem; }
.counts b { display: block; font-size: 1.5rem; font-variant-numeric: tabular-nums; color: var(--text); }
.problem { background: var(--alert); border-color: var(--failed); }
.scroll { overflow-x: auto; margin-top: 1rem; }
table { width: 100%; border-collapse: collapse; }
caption { margin-top: 0; }
th, td { padding: .375rem .75rem .375rem 0; text-align: left; vertical-align: top; border-top: .0625rem solid var(--line); }
th { border-top: 0; color: var(--quiet); font-weight: 600; }
td { font-variant-numeric: tabular-nums; }
td:last-child { overflow-wrap: anywhere; min-width: 10rem; }
time, td:first-child { white-space: nowrap; }
td code { display: inline-block; min-width: 12rem; }
td:has(progress) { white-space: nowrap; }
@media (min-width: 60rem) { td code { min-width: 20rem; max-width: 24rem; } }
progress { width: 5rem; }
.scheduled { color: var(--scheduled); } .created, .queued { color: var(--waiting); } .running { color: var(--running); }
.retrying, .paused { color: var(--retrying); } .completed { color: var(--completed); } .failed, .timeout { color: var(--failed); }
.cancelled { color: var(--cancelled); }
`;
