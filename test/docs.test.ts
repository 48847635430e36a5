/** The documents say what the code says. */
import { existsSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, test } from 'vitest';
import { codes } from '../src/job/errors.ts';
import { FINAL, MOVES, REVIVABLE, STATUSES } from '../src/job/states.ts';
import { filesIn, ROOT } from './source-scan.ts';

const read = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...filesIn('docs').filter((path) => path.endsWith('.md')),
];
const matches = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1]!);
const withoutCode = (text: string): string => text.replace(/```[\s\S]*?```/g, '');

describe('docs/states.md', () => {
  const page = read('docs/states.md');
  const arrows = matches(page, /^ {4}(\S+ --> \S+)/gm);

  test('draws every move of the state machine, and no other', () => {
    const moves = Object.entries(MOVES).flatMap(([from, all]) => all.map((to) => `${from} --> ${to}`));
    expect(arrows.filter((arrow) => !arrow.includes('[*]')).sort()).toEqual(moves.sort());
  });

  test('ends in the final states', () => {
    expect(arrows.filter((arrow) => arrow.endsWith('--> [*]')).sort()).toEqual(
      FINAL.map((state) => `${state} --> [*]`).sort(),
    );
  });

  test('explains every state once', () => {
    expect(matches(page, /^\| `(\w+)` \| \w/gm)).toEqual([...STATUSES]);
  });

  test('names the states from which a person may retry', () => {
    expect(page).toContain(
      `possible from ${REVIVABLE.map((state) => `\`${state}\``)
        .join(', ')
        .replace(/, (?=[^,]*$)/, ' and ')}`,
    );
  });
});

describe('docs/errors.md', () => {
  const listed = matches(read('docs/errors.md'), /^\| `([A-Z_]+)` \| [^|]+ \| [^|]+ \|$/gm);

  test('lists every code of the system', () => {
    expect(codes.filter((code) => !listed.includes(code))).toEqual([]);
  });

  test('lists no code that does not exist, and none twice', () => {
    expect(listed.filter((code) => !codes.includes(code))).toEqual([]);
    expect(new Set(listed).size).toBe(listed.length);
  });
});

describe('every document', () => {
  test('links only to files that exist', () => {
    const broken = documents.flatMap((document) =>
      matches(withoutCode(read(document)), /\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)
        .map((link) => posix.join(posix.dirname(document), link))
        .filter((target) => !existsSync(`${ROOT}/${target}`))
        .map((target) => `${document} → ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('names only files that exist', () => {
    const missing = documents
      // The promises have a test of their own.
      .filter((document) => document !== 'CHANGELOG.md' && document !== 'docs/promises.md')
      .flatMap((document) =>
        matches(withoutCode(read(document)), /`((?:src|test|examples|scripts|bench|docs|\.ci)\/[\w./-]*)`/g)
          .filter((path) => !existsSync(`${ROOT}/${path}`))
          .map((path) => `${document}: ${path}`),
      );
    expect(missing).toEqual([]);
  });

  test('names only npm scripts that exist', () => {
    const scripts = Object.keys(JSON.parse(read('package.json')).scripts);
    const named = documents.flatMap((document) =>
      matches(read(document), /npm (?:run )?(start|test\b(?!:)|(?<=run )[\w:-]+)/g),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((script) => !scripts.includes(script))).toEqual([]);
  });
});
