/** Runs a program of this folder as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { until } from '../wait.ts';

export interface Program {
  readonly process: ChildProcess;
  /** The lines it has said so far. */
  readonly lines: string[];
  /** Waits until it has said a word. */
  said(word: string, times?: number): Promise<void>;
  /** How it ended: exit code or signal. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts `test/programs/<name>.ts`. It is killed when the test is over. */
export const startProgram = (name: string, args: readonly string[]): Program => {
  const file = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const child = spawn(process.execPath, ['--conditions=backline-source', file, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const all = (rest + text).split('\n');
    rest = all.pop()!;
    lines.push(...all);
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = async (word: string, times = 1) => {
    await until(() => lines.filter((line) => line === word).length >= times, `the program says "${word}"`);
  };
  return { process: child, lines, said, ended };
};
