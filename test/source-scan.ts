/** Reads TypeScript sources as a parser sees them, so that comments and texts cannot deceive the rules of architecture.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ESTree, parseSync, Visitor } from 'vite';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the root of the repository if the import is relative; else the specifier. */
  readonly target: string;
  readonly line: number;
  /** `export … from`. */
  readonly reexport: boolean;
  /** Evaluated at once when the importing module is: not a type, not `import()`, not a worker's URL. */
  readonly at: 'load' | 'type' | 'later';
}

export interface Finding {
  readonly what: 'process.env' | 'bare error' | 'sql' | 'any' | 'long function';
  readonly line: number;
  readonly text: string;
}

export interface Source {
  /** Path from the root of the repository, with slashes. */
  readonly path: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly findings: readonly Finding[];
  /** Only `import`s and `export … from`: nothing of its own. */
  readonly barrel: boolean;
}

/** All TypeScript files below a folder of the repository, sorted; none if the folder does not exist. */
export const sourcesIn = (folder: string): Source[] =>
  filesIn(folder)
    .filter((path) => /\.m?tsx?$/.test(path))
    .map((path) => scan(path, readFileSync(join(ROOT, path), 'utf8')));

/** All files below a folder of the repository, as paths with slashes, without node_modules and what builds leave behind. */
export const filesIn = (folder: string): string[] => {
  let entries: ReturnType<typeof entriesOf>;
  try {
    entries = entriesOf(folder);
  } catch {
    return [];
  }
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((path) => !/(^|\/)(node_modules|dist|artifacts)\//.test(path))
    .sort();
};

const entriesOf = (folder: string) => readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true });

const ERRORS = new Set(['Error', 'TypeError', 'RangeError', 'SyntaxError', 'AggregateError']);
const SQL =
  /^\s*(SELECT\s|INSERT\s+(OR\s+\w+\s+)?INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|(CREATE|DROP|ALTER)\s+(TABLE|INDEX|UNIQUE|VIEW|TRIGGER)|PRAGMA\s|BEGIN(\s+(IMMEDIATE|EXCLUSIVE|DEFERRED))?\s*;?$|WITH\s+\w+.*\sAS\s*\()/s;

/** Scans one text as if it were the file `path`. @throws if it is not TypeScript. */
export const scan = (path: string, text: string): Source => {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  const starts = [...text.matchAll(/\n/g)].map((newline) => newline.index + 1);
  const line = (node: { start: number }) => 1 + starts.filter((start) => start <= node.start).length;
  const imports: Import[] = [];
  const findings: Finding[] = [];
  const found = (what: Finding['what'], node: { start: number; end: number }) =>
    findings.push({ what, line: line(node), text: text.slice(node.start, node.end).split('\n')[0]!.slice(0, 80) });
  const imported = (source: ESTree.StringLiteral, at: Import['at'], reexport = false) =>
    imports.push({ specifier: source.value, target: resolve(path, source.value), line: line(source), reexport, at });

  new Visitor({
    ...importVisitors(imported),
    NewExpression(node) {
      const [first] = node.arguments;
      if (node.callee.type !== 'Identifier') return;
      if (ERRORS.has(node.callee.name)) found('bare error', node);
      // A worker thread or child process is a file too.
      if (node.callee.name === 'URL' && isText(first) && /^\.{1,2}\/.*\.m?[jt]s$/.test(first.value))
        imported(first, 'later');
    },
    CallExpression(node) {
      if (node.callee.type === 'Identifier' && ERRORS.has(node.callee.name)) found('bare error', node);
      if (isMember(node.callee, 'prepare')) found('sql', node);
    },
    MemberExpression(node) {
      if (isMember(node, 'env') && isName(node.object, 'process')) found('process.env', node);
    },
    VariableDeclarator(node) {
      if (node.init && isName(node.init, 'process') && /\benv\b/.test(text.slice(node.id.start, node.id.end)))
        found('process.env', node);
    },
    ImportSpecifier(node) {
      const from = imports.at(-1)?.specifier ?? '';
      if (/^(node:)?process$/.test(from) && text.slice(node.start, node.end).startsWith('env'))
        found('process.env', node);
    },
    TaggedTemplateExpression(node) {
      if (isName(node.tag, 'sql')) found('sql', node);
    },
    Literal(node) {
      if (typeof node.value === 'string' && SQL.test(node.value)) found('sql', node);
    },
    TemplateLiteral(node) {
      if (SQL.test(node.quasis[0]?.value.raw ?? '')) found('sql', node);
    },
    TSAnyKeyword(node) {
      found('any', node);
    },
    FunctionDeclaration: longFunction,
    FunctionExpression: longFunction,
    ArrowFunctionExpression: longFunction,
  }).visit(program);

  function longFunction(node: { start: number; end: number }): void {
    if (text.slice(node.start, node.end).split('\n').length > 60) found('long function', node);
  }

  return { path, lines: text.trimEnd().split('\n').length, imports, findings, barrel: isBarrel(program) };
};

type Imported = (source: ESTree.StringLiteral, at: Import['at'], reexport?: boolean) => void;

const importVisitors = (imported: Imported): ConstructorParameters<typeof Visitor>[0] => ({
  ImportDeclaration(node) {
    const specifiers = node.specifiers;
    const types =
      node.importKind === 'type' ||
      (specifiers.length > 0 && specifiers.every((one) => one.type === 'ImportSpecifier' && one.importKind === 'type'));
    imported(node.source, types ? 'type' : 'load');
  },
  ExportNamedDeclaration(node) {
    if (node.source) imported(node.source, node.exportKind === 'type' ? 'type' : 'load', true);
  },
  ExportAllDeclaration(node) {
    imported(node.source, node.exportKind === 'type' ? 'type' : 'load', true);
  },
  ImportExpression(node) {
    if (isText(node.source)) imported(node.source, 'later');
  },
  TSImportType(node) {
    if (isText(node.source)) imported(node.source, 'type');
  },
});

const isText = (node: { type: string; value?: unknown } | undefined): node is ESTree.StringLiteral =>
  node?.type === 'Literal' && typeof node.value === 'string';

const isName = (node: { type: string; name?: unknown }, name: string): boolean =>
  node.type === 'Identifier' && node.name === name;

/** `x.name` and `x['name']`. */
const isMember = (node: ESTree.Node, name: string): node is ESTree.MemberExpression =>
  node.type === 'MemberExpression' &&
  (isName(node.property, name) || (isText(node.property) && node.property.value === name));

const isBarrel = (program: ESTree.Program): boolean =>
  program.body.some(
    (node) => node.type === 'ExportAllDeclaration' || (node.type === 'ExportNamedDeclaration' && node.source),
  ) &&
  program.body.every(
    (node) =>
      node.type === 'ImportDeclaration' ||
      node.type === 'ExportAllDeclaration' ||
      (node.type === 'ExportNamedDeclaration' && node.source),
  );

const resolve = (from: string, specifier: string): string =>
  specifier.startsWith('.') ? posix.join(posix.dirname(from), specifier) : specifier;
