/** How much memory a process and all below it hold. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Resident memory of a process and its descendants, in MiB; 0 if it is gone or cannot be looked at. */
export const treeMemoryMb = (pid: number): number =>
  (process.platform === 'linux' ? linuxBytes(pid) : bytesByPs(pid)) / MIB;

/** What a thread's heap holds, buffers and what is not collected yet included, in MiB. */
export const heapMb = (heap: { readonly used_heap_size: number; readonly external_memory: number }): number =>
  (heap.used_heap_size + heap.external_memory) / MIB;

const linuxBytes = (pid: number): number => {
  try {
    const [, rss] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
    );
    return children.reduce((sum, child) => sum + linuxBytes(Number(child)), Number(rss ?? 0) * KIB);
  } catch {
    // It, or one of its threads, ended while we looked.
    return 0;
  }
};

const bytesByPs = (root: number): number => {
  try {
    const rows = execFileSync('ps', ['-axo', 'pid=,ppid=,rss='], { encoding: 'utf8', timeout: 2000 })
      .split('\n')
      .map((row) => row.trim().split(/\s+/).map(Number) as [number, number, number]);
    const below = (pid: number): number =>
      rows.reduce(
        (sum, [child, parent, rss]) => sum + (child === pid ? rss * KIB : parent === pid ? below(child) : 0),
        0,
      );
    return below(root);
  } catch {
    return 0;
  }
};
