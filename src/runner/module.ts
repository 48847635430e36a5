/** Modules with handlers, and how Node is started on them: the same from the sources and from the build. */
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Check } from '../job/check.ts';
import { invalidOption } from '../job/errors.ts';

const FROM_SOURCES = import.meta.url.endsWith('.ts');
const SOURCES = ['--conditions=backline-source'];
const extension = FROM_SOURCES ? 'ts' : 'js';

export const CHILD_MAIN = fileURLToPath(new URL(`./child-main.${extension}`, import.meta.url));
export const THREAD_MAIN = new URL(`./thread-main.${extension}`, import.meta.url);

/** The folder of `backline_worker.py`; `WorkerPool` adds it to PYTHONPATH for programs called python. */
export const pythonWorkerFolder = fileURLToPath(new URL('../../python', import.meta.url));

/** A module by its URL or its path, from the current folder. */
export const module: Check<string> = (value, field) => {
  const wrong = () => invalidOption(field, value, 'the path or file URL of a module with handlers');
  if (value instanceof URL && value.protocol === 'file:') return value.href;
  if (typeof value !== 'string' || value === '' || value.includes('\0')) throw wrong();
  if (value.startsWith('file:')) return value;
  return pathToFileURL(isAbsolute(value) ? value : resolve(value)).href;
};

/** What the parent's Node was told and a child's must know too: loaders and conditions, but not the program or a debugger's port. */
export const nodeArguments = (given: readonly string[] = process.execArgv): string[] => {
  const kept: string[] = [];
  for (let i = 0; i < given.length; i++) {
    const argument = given[i]!;
    if (/^(-e|-p|-pe|--eval|--print|-c|--check|-i|--interactive|-)$/.test(argument)) {
      if (/^(-e|-p|-pe|--eval|--print)$/.test(argument)) i++;
    } else if (!/^--(inspect|debug|input-type|eval|print|watch|test|cpu-prof|heap-prof)/.test(argument)) {
      kept.push(argument);
    }
  }
  return FROM_SOURCES ? [...kept, ...SOURCES] : kept;
};

/** A thread takes over what its process was told; what is said here stands instead of that, and may not be V8's own flags. */
export const THREAD_ARGUMENTS: readonly string[] | undefined = FROM_SOURCES ? SOURCES : undefined;
