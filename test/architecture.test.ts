/** The directions in which rooms may import each other, and what may stand only in one place. docs/architecture.md says why. */
import { describe, expect, test } from 'vitest';
import { type Import, type Source, scan, sourcesIn } from './source-scan.ts';

/** Room → rooms it may import, beside itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/util': [],
  'src/job': ['src/util'],
  'src/schedule': ['src/job', 'src/util'],
  'src/config': ['src/job', 'src/schedule', 'src/util'],
  'src/store': ['src/job', 'src/schedule', 'src/util'],
  'src/runner': ['src/job', 'src/schedule', 'src/util'],
  'src/engine': [
    'src/runner',
    'src/store/store.ts',
    'src/store/schedule-store.ts',
    'src/store/store-metrics.ts',
    'src/store/access-store.ts',
    'src/job',
    'src/schedule',
    'src/util',
  ],
  'src/doors/api': ['src/engine/client.ts', 'src/engine/events.ts', 'src/job', 'src/schedule', 'src/util'],
  'src/doors/http': [
    'src/doors/api',
    'src/engine/client.ts',
    'src/engine/events.ts',
    'src/job',
    'src/schedule',
    'src/util',
  ],
  'src/doors/ipc': ['src/doors/api', 'src/engine/events.ts', 'src/job', 'src/schedule', 'src/util'],
  'src/doors/cli': [
    'src/doors/api',
    'src/engine/client.ts',
    'src/engine/events.ts',
    'src/config',
    'src/job',
    'src/schedule',
    'src/util',
  ],
  'src/doors/drop': [
    'src/doors/api/uploads.ts',
    'src/engine/client.ts',
    'src/engine/events.ts',
    'src/job',
    'src/schedule',
    'src/util',
  ],
  'src/doors/messages': ['src/engine/client.ts', 'src/engine/events.ts', 'src/job', 'src/schedule', 'src/util'],
  dashboard: ['src/doors/api/contract.ts', 'src/client.ts'],
  examples: [],
};

/** Single files that may do more, and what for. Paths end in `/` for a folder. */
const EXCEPTIONS: readonly (readonly [from: string, to: string, why: string])[] = [
  ['src/engine/job-manager.ts', 'src/store/open.ts', 'it turns the address it is given into a store'],
  ['src/engine/application.ts', 'src/config/', 'it is for a whole application, and follows its LOG_LEVEL'],
  ['src/engine/keyring.ts', 'src/config/env.ts', 'keys come from the environment, whoever builds the manager'],
  ['src/runner/environment.ts', 'src/config/env.ts', 'it hands a part of the environment on to threads and children'],
  [
    'src/doors/cli/connect.ts',
    'src/engine/job-manager.ts',
    'it opens a manager that runs nothing, for all other commands',
  ],
  ['src/doors/cli/commands/start.ts', 'src/engine/job-manager.ts', 'it builds a JobManager'],
  ['src/doors/cli/commands/start.ts', 'src/doors/', 'it opens the other doors'],
  ['src/doors/cli/commands/keys.ts', 'src/engine/keyring.ts', 'it makes keys'],
  ['src/doors/cli/commands/work.ts', 'src/engine/job-manager.ts', 'it builds a JobManager'],
  ['src/doors/cli/commands/migrate.ts', 'src/store/', 'it works on the store itself'],
  ['src/doors/cli/commands/check.ts', 'src/store/', 'it works on the store itself'],
  ['src/doors/cli/commands/backup.ts', 'src/store/', 'it works on the store itself'],
  ['src/doors/cli/commands/move.ts', 'src/store/', 'it works on two stores themselves'],
];

/** Libraries that only one room may know, so that the others can do without. */
const LIBRARIES: Readonly<Record<string, string>> = {
  'better-sqlite3': 'src/store/sqlite/',
  'node:sqlite': 'src/store/sqlite/',
  pg: 'src/store/postgres/',
  fastify: 'src/doors/http/',
  commander: 'src/doors/cli/',
};

/** Rooms without input, output or a clock of their own. */
const PURE = ['src/job/', 'src/schedule/'];

const isTest = (path: string): boolean => /\.test\.ts$/.test(path);
const isEntry = (path: string): boolean => /^src\/[^/]+\.ts$/.test(path);
const isIn = (path: string, place: string): boolean =>
  path === place || path.startsWith(place.endsWith('/') ? place : `${place}/`);
const roomOf = (path: string): string | undefined => Object.keys(MAY_IMPORT).find((room) => isIn(path, room));
const place = (source: Source, { line }: { line: number }): string => `${source.path}:${line}`;

const mayImport = (from: string, to: string): boolean => {
  if (isEntry(from)) return true;
  const room = roomOf(from);
  if (room === undefined) return false;
  if (room === 'examples') return exampleOf(from) === exampleOf(to);
  return (
    [room, ...MAY_IMPORT[room]!].some((allowed) => isIn(to, allowed)) ||
    EXCEPTIONS.some(([file, target]) => file === from && isIn(to, target))
  );
};

const exampleOf = (path: string): string | undefined => /^examples\/[^/]+\//.exec(path)?.[0];

/** What is wrong with the imports of one file, as sentences. */
const wrongImports = (source: Source): string[] => {
  const wrong = (one: Import, why: string) => `${place(source, one)} imports ${one.specifier}: ${why}`;
  const isExample = isIn(source.path, 'examples');
  return source.imports.flatMap((one) => {
    const relative = one.specifier.startsWith('.');
    if (relative && !mayImport(source.path, one.target)) return [wrong(one, 'that room is closed to this one')];
    if (!relative && one.specifier === 'backline' && !isExample) return [wrong(one, 'use a relative import in src')];
    if (!relative && isExample && /^backline\/(?!worker$)/.test(one.specifier))
      return [wrong(one, 'an example uses the public API')];
    const home = LIBRARIES[one.specifier];
    if (home && isIn(source.path, 'src') && !source.path.startsWith(home))
      return [wrong(one, `only ${home} knows this library`)];
    if (one.specifier.startsWith('node:') && PURE.some((room) => source.path.startsWith(room)))
      return [wrong(one, 'this room is pure')];
    if (one.reexport && source.barrel && isIn(source.path, 'src') && !isEntry(source.path))
      return [wrong(one, 'no barrel files: import from the file that defines the thing')];
    return [];
  });
};

/** Files that import each other in a ring, types included; each ring once, as a path that ends where it began. */
const rings = (sources: readonly Source[]): string[] => {
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const state = new Map<string, 'open' | 'done'>();
  const trail: string[] = [];
  const found: string[] = [];
  const visit = (path: string): void => {
    if (state.get(path) === 'done') return;
    if (state.get(path) === 'open') {
      found.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
      return;
    }
    state.set(path, 'open');
    trail.push(path);
    const source = byPath.get(path);
    // A worker's or child's file is not loaded by the one that starts it.
    for (const one of source?.imports ?? []) if (one.at !== 'later' && byPath.has(one.target)) visit(one.target);
    trail.pop();
    state.set(path, 'done');
  };
  for (const path of byPath.keys()) visit(path);
  return found;
};

const findingsOf = (
  sources: readonly Source[],
  what: Source['findings'][number]['what'],
  except: (path: string) => boolean,
) =>
  sources
    .filter(({ path }) => !isTest(path) && !except(path))
    .flatMap((source) =>
      source.findings.filter((one) => one.what === what).map((one) => `${place(source, one)} ${one.text}`),
    );

const src = sourcesIn('src');
const product = src.filter(({ path }) => !isTest(path));
const examples = sourcesIn('examples');
const dashboard = sourcesIn('dashboard');

describe('the rooms', () => {
  test('every file of src lies in a room', () => {
    expect(src.length).toBeGreaterThan(15);
    expect(src.map(({ path }) => path).filter((path) => !isEntry(path) && roomOf(path) === undefined)).toEqual([]);
  });

  test('every import goes in an allowed direction', () => {
    expect([...product, ...examples, ...dashboard].flatMap(wrongImports)).toEqual([]);
  });

  test('no files import each other in a ring, types included', () => {
    expect(rings([...src, ...examples, ...dashboard])).toEqual([]);
  });

  test('every exception is still needed', () => {
    const used = EXCEPTIONS.filter(([from]) => product.some(({ path }) => path === from));
    const idle = used.filter(
      ([from, to]) => !product.some((one) => one.path === from && one.imports.some(({ target }) => isIn(target, to))),
    );
    expect(idle).toEqual([]);
  });
});

describe('what may stand only in one place', () => {
  test('only src/config/env.ts reads the environment', () => {
    expect(findingsOf(src, 'process.env', (path) => path === 'src/config/env.ts')).toEqual([]);
  });

  test('only src/store holds SQL', () => {
    expect(findingsOf(src, 'sql', (path) => path.startsWith('src/store/'))).toEqual([]);
  });

  test('no bare error is made in src: every error has a code', () => {
    expect(findingsOf(src, 'bare error', () => false)).toEqual([]);
  });

  test('no any in src and in the dashboard', () => {
    expect(findingsOf([...src, ...dashboard], 'any', () => false)).toEqual([]);
  });

  test('no file of src and the dashboard has more than 400 lines, no function more than 60', () => {
    const all = [...src, ...dashboard];
    expect(all.filter(({ lines }) => lines > 400).map(({ path, lines }) => `${path}: ${lines}`)).toEqual([]);
    expect(findingsOf(all, 'long function', () => false)).toEqual([]);
  });
});

describe('the scanner itself', () => {
  const findings = (text: string) => scan('src/x.ts', text).findings.map(({ what }) => what);
  const targets = (path: string, text: string) => scan(path, text).imports.map(({ target, at }) => `${at} ${target}`);

  test.each([
    ['a value', "import { a } from './a.ts';", 'load src/job/a.ts'],
    ['a type', "import type { A } from '../store/store.ts';", 'type src/store/store.ts'],
    ['only types in braces', "import { type A, type B } from './a.ts';", 'type src/job/a.ts'],
    ['for its effects', "import './a.ts';", 'load src/job/a.ts'],
    ['export from', "export { a } from './a.ts';", 'load src/job/a.ts'],
    ['export all', "export * from './a.ts';", 'load src/job/a.ts'],
    ['later', "const a = () => import('./a.ts');", 'later src/job/a.ts'],
    ['a type in place', "let a: import('./a.ts').A;", 'type src/job/a.ts'],
    ['a worker', "new Worker(new URL('./thread.ts', import.meta.url));", 'later src/job/thread.ts'],
    ['over many lines', "import {\n  a, // from 'x'\n} from\n  './a.ts';", 'load src/job/a.ts'],
  ])('sees an import: %s', (_, text, expected) => {
    expect(targets('src/job/x.ts', text)).toEqual([expected]);
  });

  test('is not deceived by comments, texts and regular expressions', () => {
    const text = `// import './a.ts'; new Error('x') process.env
      /* import b from './b.ts' */ const s = "import './c.ts'"; const t = \`import './d.ts'; process.env.X\`;
      const r = /import ['"].\\/e.ts'/; const say = 'select a file; update it'; const u = 'process.env';`;
    expect(targets('src/job/x.ts', text)).toEqual([]);
    expect(findings(text)).toEqual([]);
  });

  test.each([
    ['a closed room', 'src/job/x.ts', "import type { Store } from '../store/store.ts';"],
    ['the other middle room', 'src/runner/x.ts', "import '../store/store.ts';"],
    ['a database from the engine', 'src/engine/x.ts', "import { open } from '../store/open.ts';"],
    ['the store from a door', 'src/doors/cli/commands/jobs.ts', "import '../../../store/store.ts';"],
    [
      'the manager from a door',
      'src/doors/drop/x.ts',
      "import type { JobManager } from '../../engine/job-manager.ts';",
    ],
    ['another door', 'src/doors/drop/x.ts', "import '../cli/print.ts';"],
    ['the engine from the store', 'src/store/sqlite/x.ts', "import '../../engine/events.ts';"],
    ['src from an example', 'examples/credits/main.ts', "import { job } from '../../src/index.ts';"],
    ['another example', 'examples/credits/main.ts', "import '../drive/main.ts';"],
    ['a subpath from an example', 'examples/credits/main.ts', "import 'backline/internal';"],
    ['src from the dashboard', 'dashboard/src/live.ts', "import '../../src/engine/events.ts';"],
    ['a driver outside its store', 'src/engine/x.ts', "import Database from 'better-sqlite3';"],
    ['files in a pure room', 'src/job/x.ts', "import { readFileSync } from 'node:fs';"],
    ['itself by name', 'src/engine/x.ts', "import { job } from 'backline';"],
    ['a barrel', 'src/job/index.ts', "export * from './job.ts';"],
  ])('reports a wrong import: %s', (_, path, text) => {
    expect(wrongImports(scan(path, text))).toHaveLength(1);
  });

  test('lets right imports pass', () => {
    const right = [
      scan(
        'src/engine/job-manager.ts',
        "import { openStore } from '../store/open.ts'; import type { Store } from '../store/store.ts';",
      ),
      scan(
        'src/doors/drop/watcher.ts',
        "import type { Client } from '../../engine/client.ts'; import { readFile } from 'node:fs/promises';",
      ),
      scan(
        'examples/credits/main.ts',
        "import { job } from 'backline'; import { serve } from 'backline/worker'; import { parse } from 'csv-parse'; import './catalog.ts';",
      ),
      scan(
        'src/index.ts',
        "export { job } from './job/define.ts'; export { JobManager } from './engine/job-manager.ts';",
      ),
    ];
    expect(right.flatMap(wrongImports)).toEqual([]);
  });

  test('finds a ring that exists in types alone', () => {
    const ring = [
      scan('src/a.ts', "import type { B } from './b.ts';"),
      scan('src/b.ts', "import { c } from './c.ts';"),
      scan('src/c.ts', "import { type A } from './a.ts';"),
    ];
    expect(rings(ring)).toEqual(['src/a.ts → src/b.ts → src/c.ts → src/a.ts']);
  });

  test.each([
    ['process.env', 'const a = process.env.HOME;'],
    ['process.env', "const a = process['env'];"],
    ['process.env', 'const { env } = process;'],
    ['process.env', "import { env } from 'node:process';"],
    ['bare error', "throw new Error('no');"],
    ['bare error', "throw TypeError('no');"],
    ['sql', 'const a = sql`x`;'],
    ['sql', "db.prepare('x');"],
    ['sql', "const a = 'SELECT * FROM jobs';"],
    ['sql', 'const a = `UPDATE jobs SET x = 1`;'],
    ['sql', "const a = 'BEGIN IMMEDIATE';"],
    ['any', 'let a: any;'],
    ['long function', ['const a = () => {', ...Array(60).fill('  b();'), '};'].join('\n')],
  ])('reports %s (%#)', (what, text) => {
    expect(findings(text)).toContain(what);
  });
});
