/** What Node itself gives: messages to and from threads, lines of JSON to and from child processes, one at a time for each. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type OpenPool, WORKERS } from './pool.ts';

interface Peer {
  /** Asks, and answers once. */
  ask(payload: unknown, answer: (value: unknown) => void): void;
  end(): void;
}

const thread = (): Peer => {
  const worker = new Worker(new URL('./raw-thread.ts', import.meta.url));
  let answer: (value: unknown) => void = () => {};
  worker.on('message', (value) => answer(value));
  return {
    ask: (payload, next) => {
      answer = next;
      worker.postMessage(payload);
    },
    end: () => void worker.terminate(),
  };
};

const child = (): Peer => {
  const file = fileURLToPath(new URL('./raw-child.ts', import.meta.url));
  const other = spawn(process.execPath, [file], { stdio: ['pipe', 'pipe', 'inherit'] });
  let answer: (value: unknown) => void = () => {};
  let rest = '';
  let run = 0;
  other.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop()!;
    for (const line of lines) answer((JSON.parse(line) as { result: unknown }).result);
  });
  return {
    ask: (payload, next) => {
      answer = next;
      other.stdin.write(`${JSON.stringify({ run: ++run, payload })}\n`);
    },
    end: () => void other.kill('SIGKILL'),
  };
};

export const open: OpenPool = async (kind) => {
  const all = Array.from({ length: WORKERS }, kind === 'threads' ? thread : child);
  const free = [...all];
  const waiting: ((peer: Peer) => void)[] = [];
  const release = (peer: Peer) => {
    const next = waiting.shift();
    if (next) next(peer);
    else free.push(peer);
  };
  return {
    run: (payload) =>
      new Promise((resolve) => {
        const use = (peer: Peer) =>
          peer.ask(payload, (value) => {
            release(peer);
            resolve(value);
          });
        const peer = free.pop();
        if (peer) use(peer);
        else waiting.push(use);
      }),
    close: async () => {
      for (const peer of all) peer.end();
    },
  };
};
