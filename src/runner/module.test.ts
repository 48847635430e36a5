import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { CHILD_MAIN, module, nodeArguments, pythonWorkerFolder, THREAD_MAIN } from './module.ts';

test.each<[unknown, string]>([
  ['/a/b.js', 'file:///a/b.js'],
  ['b.ts', pathToFileURL(resolve('b.ts')).href],
  ['/a/with space#.js', 'file:///a/with%20space%23.js'],
  ['file:///a/b.js', 'file:///a/b.js'],
  [new URL('file:///a/b.js'), 'file:///a/b.js'],
])('%s is the module %s', (given, href) => {
  expect(module(given, 'module')).toBe(href);
});

test.each([[''], [5], [undefined], [new URL('http://example.test/a.js')], ['a\0b']])('%s is no module', (given) => {
  expect(() => module(given, 'module')).toThrow(expect.objectContaining({ code: 'INVALID_OPTION', field: 'module' }));
});

test.each<[string[], string[]]>([
  [
    ['--import', 'tsx', '--conditions=a'],
    ['--import', 'tsx', '--conditions=a'],
  ],
  [['-e', 'code()', '--no-warnings'], ['--no-warnings']],
  [['--inspect-brk=9229', '--max-old-space-size=100', '--watch', '--test'], ['--max-old-space-size=100']],
  [['--input-type=module', '--eval', 'x', '-p', 'y', '--check'], []],
])('of the arguments %j a child of Node gets %j', (given, kept) => {
  expect(nodeArguments(given)).toEqual([...kept, '--conditions=backline-source']);
});

test('what is started lies there', () => {
  expect([existsSync(CHILD_MAIN), existsSync(THREAD_MAIN)]).toEqual([true, true]);
  expect(existsSync(join(pythonWorkerFolder, 'backline_worker.py'))).toBe(true);
});
